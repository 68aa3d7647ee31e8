//go:build unix

package atomicfile

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// closeBeforeRename: a file that is open can be replaced here.
const closeBeforeRename = false

// openFile opens without following a link at the last element, and without
// waiting for the other end of a pipe.
func openFile(path string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, perm)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("open %s: %w", path, ErrNotRegular)
	}
	return f, err
}

// keepMode gives back what the umask took.
func keepMode(f *os.File, perm os.FileMode) error {
	st, err := f.Stat()
	if err == nil && st.Mode().Perm() != perm {
		err = f.Chmod(perm)
	}
	return err
}

func replace(from, to string) error { return os.Rename(from, to) }

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lock keeps other processes' logs off f; the kernel frees it with the last
// descriptor, so a killed owner leaves none.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
