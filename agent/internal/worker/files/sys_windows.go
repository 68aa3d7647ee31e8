package files

import (
	"errors"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openFlags: package os follows a link that lies in a root only to what lies there
// too, and who reads compares what was opened with what was looked at.
const openFlags = os.O_RDONLY

// lockRange locks one byte of an open file for this handle, across processes and
// within this one. Without wait a held lock is errHeld.
func lockRange(f *os.File, at int64, wait bool) error {
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK)
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	err := windows.LockFileEx(handle(f), flags, 0, 1, 0, &windows.Overlapped{Offset: uint32(at), OffsetHigh: uint32(at >> 32)})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errHeld
	}
	return err
}

// exchange is not known to Windows: a switch is two renames here, and repair ends
// one that was cut between them.
func exchange(*os.File, string, string) error { return errors.ErrUnsupported }

// freeBytes says how many bytes this user can still write below dir.
func freeBytes(dir *os.File) (int64, error) {
	path, err := finalPath(handle(dir), dir.Name())
	if err != nil {
		return 0, err
	}
	name, err := windows.UTF16PtrFromString(path + `\`)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(min(free, 1<<62)), nil
}

// renameInfo is FILE_RENAME_INFORMATION; the name follows.
type renameInfo struct {
	replace bool
	folder  windows.Handle
	length  uint32 // bytes
	name    [1]uint16
}

// renameNew gives a file or folder a name that must not be taken.
func renameNew(dir *os.File, from, to string) error {
	fail := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	h, err := ntOpen(handle(dir), from, openArgs{windows.DELETE, shareAll, windows.FILE_OPEN_REPARSE_POINT})
	if err != nil {
		return fail(err)
	}
	defer windows.CloseHandle(h)
	name, err := windows.UTF16FromString(filepath.FromSlash(to))
	if err != nil {
		return fail(err)
	}
	name = name[:len(name)-1]
	at := unsafe.Offsetof(renameInfo{}.name)
	// In words, so that the structure is aligned; never shorter than it is.
	buf := make([]uint64, (max(at+uintptr(2*len(name)), unsafe.Sizeof(renameInfo{}))+7)/8)
	info := (*renameInfo)(unsafe.Pointer(&buf[0]))
	info.folder, info.length = handle(dir), uint32(2*len(name))
	copy(unsafe.Slice(&info.name[0], len(name)), name)
	var done windows.IO_STATUS_BLOCK
	err = windows.NtSetInformationFile(h, &done, (*byte)(unsafe.Pointer(&buf[0])), uint32(len(buf)*8), windows.FileRenameInformation)
	if err != nil {
		return fail(plain(err))
	}
	return nil
}

// syncNames makes the names in a folder durable. A file system that cannot, or a
// folder in which this user may make nothing, is left to the journal that file
// systems keep of names.
func syncNames(dir *os.File) error {
	h, err := ntOpen(handle(dir), "", openArgs{windows.FILE_WRITE_DATA, shareAll, windows.FILE_DIRECTORY_FILE})
	if err == nil {
		err = errors.Join(windows.FlushFileBuffers(h), windows.CloseHandle(h))
	}
	for _, harmless := range []error{
		windows.ERROR_ACCESS_DENIED, windows.ERROR_INVALID_FUNCTION, windows.ERROR_INVALID_PARAMETER,
		windows.ERROR_NOT_SUPPORTED, windows.ERROR_INVALID_HANDLE,
	} {
		if errors.Is(err, harmless) {
			return nil
		}
	}
	return err
}

// closeDir leaves a folder's access list, with which it was made, to whoever changed it
// since: what a list lets in may be a backup's account.
func closeDir(string) error { return nil }
