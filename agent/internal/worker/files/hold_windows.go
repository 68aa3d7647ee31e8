package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// Who may pass through a folder may save a file in it without being allowed to list
// it. While it is open so, nobody gives it another name: shareHold.
const folderAccess = windows.FILE_TRAVERSE | windows.FILE_READ_ATTRIBUTES

// openFolder opens the folder at an absolute path of which no element is a link;
// errLinked where one is.
func openFolder(path string) (*os.File, error) {
	volume := filepath.VolumeName(path)
	top, err := openPath(volume+`\`, windows.FILE_READ_ATTRIBUTES, shareAll, 0)
	if err != nil {
		return nil, err
	}
	rest := strings.Trim(path[len(volume):], `\`)
	if rest == "" {
		return os.NewFile(uintptr(top), path), nil
	}
	defer windows.CloseHandle(top)
	return ntFolder(top, rest, path)
}

// ntFolder opens a folder by its name in another, with shown as its path.
func ntFolder(dir windows.Handle, name, shown string) (*os.File, error) {
	how := openArgs{folderAccess, shareHold, windows.FILE_DIRECTORY_FILE}
	h, err := ntOpen(dir, name, how)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) { // passing is a privilege of every user, often without the right
		how.access = windows.FILE_READ_ATTRIBUTES
		h, err = ntOpen(dir, name, how)
	}
	if errors.Is(err, errLinked) {
		return nil, errLinked
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: shown, Err: err}
	}
	f := os.NewFile(uintptr(h), shown)
	st, err := statOpen(f)
	if err == nil && st.Mode()&os.ModeSymlink != 0 { // a kernel that does not know how to refuse opens the link
		err = errLinked
	}
	if err != nil {
		_ = f.Close() // only opened
		return nil, err
	}
	return f, nil
}

// makeFolder is openFolder for a folder that may be missing, with those above it.
func makeFolder(path string) (*os.File, error) {
	f, err := openFolder(path)
	if !errors.Is(err, os.ErrNotExist) || filepath.Dir(path) == path {
		return f, err
	}
	above, err := makeFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	root, err := rootAt(above, ".")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.Mkdir(filepath.Base(path), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return folderAt(above, filepath.Base(path))
}

// folderAt opens a folder by its name in another; errLinked when it is a link.
func folderAt(dir *os.File, name string) (*os.File, error) {
	if err := plainIn(dir, name); err != nil {
		return nil, err
	}
	return ntFolder(handle(dir), name, filepath.Join(dir.Name(), name))
}

// statAt looks at a name in a folder, at a link itself.
func statAt(dir *os.File, name string) (os.FileInfo, error) {
	f, err := at(dir, name, openArgs{windows.FILE_READ_ATTRIBUTES, shareAll, windows.FILE_OPEN_REPARSE_POINT})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return statOpen(f)
}

// openAt opens a file by its name in a folder for reading, beside any program that
// lets others read.
func openAt(dir *os.File, name string) (*os.File, error) {
	return at(dir, name, openArgs{windows.FILE_GENERIC_READ, shareAll, windows.FILE_NON_DIRECTORY_FILE})
}

func at(dir *os.File, name string, a openArgs) (*os.File, error) {
	if err := plainIn(dir, name); err != nil {
		return nil, err
	}
	shown := filepath.Join(dir.Name(), name)
	h, err := ntOpen(handle(dir), name, a)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: shown, Err: err}
	}
	return os.NewFile(uintptr(h), shown), nil
}

// rootAt makes a root of a folder in dir, or of dir itself (".").
func rootAt(dir *os.File, name string) (*os.Root, error) {
	f := dir
	if name != "." {
		var err error
		if f, err = folderAt(dir, name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	path, err := finalPath(handle(f), f.Name())
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	want, err := statOpen(f)
	if err == nil {
		var got os.FileInfo
		if got, err = statIn(root, "."); err == nil && fileID(want) != fileID(got) {
			err = errLinked // the path led elsewhere between two looks
		}
	}
	if err != nil {
		_ = root.Close() // nothing was done with it
		return nil, err
	}
	return root, nil
}
