//go:build unix

package disk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Free is how many bytes an unprivileged writer could still put on the disk of dir,
// which must exist.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
