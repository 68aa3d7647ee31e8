package files

import (
	"path/filepath"
	"strings"
)

// onePath is the same for the spellings of a path that have one turn: case of letters,
// slashes, the prefix of long paths. The worker, which can ask the disk, knows the
// others (short names, links, other drives) and lets one of two at a time work. Two
// paths that Windows tells apart and this does not only wait for each other.
func onePath(path string) string {
	if rest, ok := strings.CutPrefix(path, `\\?\UNC\`); ok {
		path = `\\` + rest
	} else {
		path = strings.TrimPrefix(path, `\\?\`)
	}
	return strings.ToUpper(filepath.Clean(path))
}
