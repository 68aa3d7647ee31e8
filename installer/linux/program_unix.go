//go:build unix

package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// CheckProgram refuses a program that somebody besides root could replace: as a
// service it would be run as root at every boot. Every folder above it counts.
func CheckProgram(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	for {
		st, err := os.Lstat(path)
		if err != nil {
			return fmt.Errorf("look at the program: %w", err)
		}
		sys, ok := st.Sys().(*syscall.Stat_t)
		if !ok || sys.Uid != 0 || st.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("%s can be changed by others than root (mode %04o): copy the program to %s first", path, st.Mode().Perm(), Program)
		}
		if path == filepath.Dir(path) {
			return nil
		}
		path = filepath.Dir(path)
	}
}
