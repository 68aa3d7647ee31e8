//go:build !windows

package disk

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder makes names in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// openFile opens a blob for reading.
func openFile(path string) (*os.File, error) { return os.Open(path) }

// rename gives from the name to, in place of what bears it.
func rename(from, to string) error { return os.Rename(from, to) }

// full says whether err means that no space is left.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
