//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ownFolder makes dir with mode 0700, or makes sure that it is a folder of this
// process's user which nobody else may enter. An empty folder of ours that is
// too open is closed: a service manager or a test has just made it.
func ownFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make state folder: %w", err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("open state folder: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is not a folder: %w", dir, ErrFolder)
	}
	if err := own(dir, st); err != nil {
		return err
	}
	if st.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 {
		return os.Chmod(dir, 0o700)
	}
	return fmt.Errorf("%s has mode %04o, others may enter; it must be 0700: %w", dir, st.Mode().Perm(), ErrFolder)
}

func own(path string, st fs.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || int(sys.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user than uid %d: %w", path, os.Geteuid(), ErrFolder)
	}
	return nil
}

// ownFile refuses a key that others could have read or laid there.
func ownFile(path string) error {
	st, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a plain file: %w", path, ErrFolder)
	}
	if err := own(path, st); err != nil {
		return err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o, others may read it; it must be 0600: %w", path, st.Mode().Perm(), ErrFolder)
	}
	return nil
}
