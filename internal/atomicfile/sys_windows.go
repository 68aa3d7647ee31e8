package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// closeBeforeRename: Windows does not replace a file that is open.
const closeBeforeRename = true

// openFile opens a link itself, and refuses it, instead of following it, and lets the
// file be renamed while it is open. A new file whose mode lets nobody but its owner
// in has an access list that says so from its first moment; others have their
// folder's.
func openFile(path string, flag int, perm os.FileMode) (*os.File, error) {
	disposition := uint32(windows.OPEN_EXISTING)
	switch {
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		disposition = windows.CREATE_NEW
	case flag&os.O_CREATE != 0:
		disposition = windows.OPEN_ALWAYS
	}
	var sa *windows.SecurityAttributes
	if flag&os.O_CREATE != 0 && perm&0o077 == 0 {
		sd, err := acl.Private()
		if err != nil {
			return nil, err
		}
		sa = &windows.SecurityAttributes{SecurityDescriptor: sd}
		sa.Length = uint32(unsafe.Sizeof(*sa))
	}
	h, err := create(path, flag, disposition, windows.FILE_FLAG_OPEN_REPARSE_POINT, sa)
	if err != nil {
		return nil, err
	}
	if h, err = behindTag(h, path, flag); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), path), nil
}

func create(path string, flag int, disposition, flags uint32, sa *windows.SecurityAttributes) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	access := uint32(windows.GENERIC_READ)
	if flag&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	// BACKUP_SEMANTICS: a folder is opened too, and then seen to be none of ours.
	flags |= windows.FILE_ATTRIBUTE_NORMAL | windows.FILE_FLAG_BACKUP_SEMANTICS
	var h windows.Handle
	err = patiently(func() (err error) {
		h, err = windows.CreateFile(name, access,
			windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, sa, disposition, flags, 0)
		return err
	}, windows.ERROR_SHARING_VIOLATION)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return h, nil
}

// surrogate marks the reparse tags that lead elsewhere: links, junctions.
const surrogate = 0x20000000

// behindTag refuses a handle to a link. A file that the system stores in a way of its
// own, deduplicated or compressed, has a tag too, and is opened again to be read as
// what it is.
func behindTag(h windows.Handle, path string, flag int) (windows.Handle, error) {
	var was windows.ByHandleFileInformation
	err := windows.GetFileInformationByHandle(h, &was)
	if err == nil && was.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
		return h, nil
	}
	var tag struct{ attributes, tag uint32 } // FILE_ATTRIBUTE_TAG_INFO
	if err == nil {
		err = windows.GetFileInformationByHandleEx(h, windows.FileAttributeTagInfo, (*byte)(unsafe.Pointer(&tag)), uint32(unsafe.Sizeof(tag)))
	}
	if err == nil && tag.tag&surrogate != 0 {
		err = ErrNotRegular
	}
	if err = errors.Join(err, windows.CloseHandle(h)); err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	if h, err = create(path, flag, windows.OPEN_EXISTING, 0, nil); err != nil {
		return 0, err
	}
	var now windows.ByHandleFileInformation
	err = windows.GetFileInformationByHandle(h, &now)
	if err == nil && (now.VolumeSerialNumber != was.VolumeSerialNumber || now.FileIndexHigh != was.FileIndexHigh || now.FileIndexLow != was.FileIndexLow) {
		err = ErrNotRegular // a link was put in its place
	}
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, errors.Join(err, windows.CloseHandle(h)))
	}
	return h, nil
}

// keepMode has nothing to give back: no umask took anything.
func keepMode(*os.File, os.FileMode) error { return nil }

func replace(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return patiently(func() error {
		return windows.MoveFileEx(f, t, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	}, windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED)
}

// How often, and after which pause, a file that another program holds is tried again:
// virus scanners and indexers let go within a second.
const (
	holdTries = 20
	holdPause = 50 * time.Millisecond
)

// patiently does again what fails with one of the errors of a held file.
func patiently(do func() error, held ...error) error {
	for n := 0; ; n++ {
		err := do()
		again := false
		for _, h := range held {
			again = again || errors.Is(err, h)
		}
		if !again || n == holdTries {
			return err
		}
		time.Sleep(holdPause)
	}
}

// syncFolder has nothing to do: replace writes through, and Windows has no sync
// of a folder.
func syncFolder(string) error { return nil }

// lock takes one byte far behind any content: locked bytes cannot be read by others.
func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
