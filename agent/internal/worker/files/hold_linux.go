package files

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Folders are opened by O_PATH: whoever may pass through a folder may save a file
// in it, without being allowed to list it.
const folderFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// openFolder opens the folder at an absolute path of which no element is a link;
// errLinked where one is.
func openFolder(path string) (*os.File, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: folderFlags, Resolve: unix.RESOLVE_NO_SYMLINKS})
	})
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), path), nil
	case errors.Is(err, unix.ELOOP):
		return nil, errLinked
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EAGAIN):
		return walkFolder(path) // an old kernel, or a filter of system calls that does not know it
	}
	return nil, &os.PathError{Op: "open", Path: path, Err: err}
}

// walkFolder is openFolder without openat2.
func walkFolder(path string) (*os.File, error) {
	fd, err := retry(func() (int, error) { return unix.Open("/", folderFlags, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	at := os.NewFile(uintptr(fd), "/")
	for element := range strings.SplitSeq(strings.Trim(filepath.Clean(path), "/"), "/") {
		if element == "" {
			break
		}
		next, err := folderAt(at, element)
		_ = at.Close() // never written to
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// makeFolder is openFolder for a folder that may be missing, with those above it.
func makeFolder(path string) (*os.File, error) {
	f, err := openFolder(path)
	if !errors.Is(err, unix.ENOENT) || path == "/" {
		return f, err
	}
	above, err := makeFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := unix.Mkdirat(int(above.Fd()), filepath.Base(path), 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return folderAt(above, filepath.Base(path))
}

// folderAt opens a folder by its name in another; errLinked when it is a link.
func folderAt(dir *os.File, name string) (*os.File, error) {
	f, err := at(dir, name, folderFlags|unix.O_NOFOLLOW)
	if errors.Is(err, unix.ENOTDIR) {
		if st, serr := statAt(dir, name); serr == nil && st.Mode()&os.ModeSymlink != 0 {
			return nil, errLinked
		}
	}
	return f, err
}

// statAt looks at a name in a folder, at a link itself.
func statAt(dir *os.File, name string) (os.FileInfo, error) {
	f, err := at(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// openAt opens a file by its name in a folder for reading.
func openAt(dir *os.File, name string) (*os.File, error) {
	return at(dir, name, openFlags|unix.O_CLOEXEC)
}

func at(dir *os.File, name string, flags int) (*os.File, error) {
	if filepath.Base(name) != name || name == "/" || name == ".." {
		return nil, &os.PathError{Op: "open", Path: name, Err: unix.EINVAL} // only names of this folder
	}
	fd, err := retry(func() (int, error) { return unix.Openat(int(dir.Fd()), name, flags, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir.Name(), name)), nil
}

// rootAt makes a root of a folder in dir, or of dir itself (".").
func rootAt(dir *os.File, name string) (*os.Root, error) {
	f, err := folderAt(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// By the descriptor: the folder's path could lead elsewhere by now.
	root, err := os.OpenRoot("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Name(), Err: errors.Unwrap(err)}
	}
	want, err := f.Stat()
	if err == nil {
		var got os.FileInfo
		if got, err = root.Stat("."); err == nil && !os.SameFile(want, got) {
			err = &os.PathError{Op: "open", Path: f.Name(), Err: unix.ESTALE} // no /proc there
		}
	}
	if err != nil {
		_ = root.Close() // nothing was done with it
		return nil, err
	}
	return root, nil
}

func retry(open func() (int, error)) (int, error) {
	for {
		fd, err := open()
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
