package files

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keep an open from following a link and from waiting for a pipe's writer.
const openFlags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// lockRange locks one byte of an open file for this descriptor, across processes
// and within this one. Without wait a held lock is errHeld.
func lockRange(f *os.File, at int64, wait bool) error {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0, Start: at, Len: 1}
	cmd := unix.F_OFD_SETLK
	if wait {
		cmd = unix.F_OFD_SETLKW
	}
	for {
		switch err := unix.FcntlFlock(f.Fd(), cmd, &l); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
			return errHeld
		default:
			return err
		}
	}
}

// closeDir lets only the user enter a folder.
func closeDir(dir string) error {
	st, err := os.Stat(dir)
	if err == nil && st.Mode().Perm() != 0o700 {
		err = os.Chmod(dir, 0o700)
	}
	return err
}

// exchange swaps two names of one folder in one step. errors.ErrUnsupported
// where the file system cannot.
func exchange(dir *os.File, a, b string) error {
	err := unix.Renameat2(int(dir.Fd()), a, int(dir.Fd()), b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

// freeBytes says how many bytes this user can still write below dir.
func freeBytes(dir *os.File) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &s); err != nil {
		return 0, err
	}
	if s.Bavail > 1<<62/uint64(s.Bsize) {
		return 1 << 62, nil
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// syncNames makes the names in a folder durable.
func syncNames(dir *os.File) error { return dir.Sync() }

// renameNew gives a file or folder a name that must not be taken.
func renameNew(dir *os.File, from, to string) error {
	err := unix.Renameat2(int(dir.Fd()), from, int(dir.Fd()), to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	// A file system without it: what stands there is looked for first.
	if err := unix.Fstatat(int(dir.Fd()), to, new(unix.Stat_t), unix.AT_SYMLINK_NOFOLLOW); !errors.Is(err, unix.ENOENT) {
		return errors.Join(err, unix.EEXIST)
	}
	return unix.Renameat(int(dir.Fd()), from, int(dir.Fd()), to)
}
