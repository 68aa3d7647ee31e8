package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	shareAll  = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	shareHold = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE // nobody renames or removes what is open so
)

// openArgs are how ntOpen opens; synchronous input and output is always added.
type openArgs struct{ access, share, options uint32 }

// ntOpen opens what exists under name, which may have several elements, in a
// folder. No element is a link: errLinked where one is. Tags that do not lead
// elsewhere, of files kept by a cloud client or stored compressed, are no links.
func ntOpen(dir windows.Handle, name string, a openArgs) (windows.Handle, error) {
	unicode, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return 0, err
	}
	oa := windows.OBJECT_ATTRIBUTES{
		RootDirectory: dir, ObjectName: unicode,
		Attributes: windows.OBJ_CASE_INSENSITIVE | windows.OBJ_DONT_REPARSE,
	}
	oa.Length = uint32(unsafe.Sizeof(oa))
	var h windows.Handle
	var done windows.IO_STATUS_BLOCK
	err = windows.NtCreateFile(&h, a.access|windows.SYNCHRONIZE, &oa, &done, nil, 0, a.share, windows.FILE_OPEN,
		a.options|windows.FILE_SYNCHRONOUS_IO_NONALERT|windows.FILE_OPEN_FOR_BACKUP_INTENT, 0, 0)
	return h, plain(err)
}

// plain turns a status of the kernel into the error that everyone knows.
func plain(err error) error {
	var status windows.NTStatus
	if !errors.As(err, &status) {
		return err
	}
	switch status {
	case windows.STATUS_REPARSE_POINT_ENCOUNTERED, windows.STATUS_STOPPED_ON_SYMLINK:
		return errLinked
	case windows.STATUS_NOT_A_DIRECTORY:
		return syscall.ENOTDIR
	case windows.STATUS_FILE_IS_A_DIRECTORY:
		return syscall.EISDIR
	case windows.STATUS_OBJECT_NAME_COLLISION:
		return windows.ERROR_FILE_EXISTS
	}
	return status.Errno()
}

func handle(f *os.File) windows.Handle { return windows.Handle(f.Fd()) }

// finalPath is the path of what was opened as given: links, drives made by subst and
// short names resolved, the letters as they are stored. Where the system cannot tell
// (Wine 8 can of no long path) it is given, which is refused later if a link is in it.
func finalPath(h windows.Handle, given string) (string, error) {
	buf := make([]uint16, windows.MAX_PATH)
	for {
		n, err := windows.GetFinalPathNameByHandle(h, &buf[0], uint32(len(buf)), 0)
		if errors.Is(err, windows.ERROR_MORE_DATA) {
			return given, nil
		}
		if err != nil {
			return "", err
		}
		if int(n) < len(buf) {
			return short(windows.UTF16ToString(buf[:n])), nil
		}
		buf = make([]uint16, n+1)
	}
}

// short is a path without the prefix for long ones, which package os adds where it is needed.
func short(path string) string {
	if rest, ok := strings.CutPrefix(path, `\\?\UNC\`); ok {
		return `\\` + rest
	}
	if rest, ok := strings.CutPrefix(path, `\\?\`); ok && len(rest) > 1 && rest[1] == ':' {
		return rest
	}
	return path
}

// openPath opens a full path, its links followed. A Go process needs no prefix for a
// long one: its run-time library tells Windows 10 that it takes them.
func openPath(path string, access, share, flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	h, err := windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|flags, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return h, nil
}

// plainIn refuses what is not the name of something in a folder: a name of several
// elements, or of a stream of a file.
func plainIn(dir *os.File, name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\:`) {
		return &os.PathError{Op: "open", Path: filepath.Join(dir.Name(), name), Err: windows.ERROR_INVALID_NAME}
	}
	return nil
}
