package files

import (
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// longestPath is how many UTF-16 units a path may have for programs to open it: 259,
// and no bound where an administrator has switched long paths on.
func longestPath() int {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\FileSystem`, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return windows.MAX_PATH - 1
	}
	defer key.Close()
	if on, _, err := key.GetIntegerValue("LongPathsEnabled"); err == nil && on == 1 {
		return 0
	}
	return windows.MAX_PATH - 1
}
