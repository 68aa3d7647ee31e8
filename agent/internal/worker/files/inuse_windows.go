package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// inUse says that another program's open file may be in the way. A folder that
// holds an open file is refused a new name as "access denied".
func inUse(err error) bool {
	for _, e := range []error{
		windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_ACCESS_DENIED,
		windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DELETE_PENDING, windows.ERROR_DIR_NOT_EMPTY,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errHindered is the error of a rename that takes a tree from its place. The new
// tree was just made beside it, so the right to is there: what is denied is taking
// away what a program has open.
func errHindered(err error) error {
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return fmt.Errorf("%w (%w)", windows.ERROR_SHARING_VIOLATION, err)
	}
	return err
}

// Bounds of what holders asks and tells.
const (
	maxAsked = 500 // files of a folder
	maxTold  = 3   // programs
)

// holders names the programs that have a file, or files of a folder, open: by the
// Restart Manager, which installers ask the same. Empty when it knows of none.
func holders(path string) string {
	files := filesOf(path)
	if len(files) == 0 {
		return ""
	}
	var session uint32
	var key [33]uint16 // CCH_RM_SESSION_KEY and its end
	if no, _, _ := rmStart.Call(uintptr(unsafe.Pointer(&session)), 0, uintptr(unsafe.Pointer(&key[0]))); no != 0 {
		return ""
	}
	defer rmEnd.Call(uintptr(session))
	if no, _, _ := rmRegister.Call(uintptr(session), uintptr(len(files)), uintptr(unsafe.Pointer(&files[0])), 0, 0, 0, 0); no != 0 {
		return ""
	}
	list := make([]rmProcess, maxTold+1)
	need, have, reasons := uint32(0), uint32(len(list)), uint32(0)
	no, _, _ := rmList.Call(uintptr(session), uintptr(unsafe.Pointer(&need)), uintptr(unsafe.Pointer(&have)),
		uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&reasons)))
	if syscall.Errno(no) == windows.ERROR_MORE_DATA && need < 1000 {
		list = make([]rmProcess, need)
		have = need
		no, _, _ = rmList.Call(uintptr(session), uintptr(unsafe.Pointer(&need)), uintptr(unsafe.Pointer(&have)),
			uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&reasons)))
	}
	if no != 0 {
		return ""
	}
	var names []string
	for i := range list[:min(int(have), len(list))] {
		if list[i].pid == 0 { // Wine 8 counts what it does not tell
			continue
		}
		if len(names) == maxTold {
			names = append(names, "others")
			break
		}
		names = append(names, fmt.Sprintf("%s (process %d)", windows.UTF16ToString(list[i].app[:]), list[i].pid))
	}
	return strings.Join(names, ", ")
}

// rmProcess is RM_PROCESS_INFO of the Windows SDK.
type rmProcess struct {
	pid     uint32
	started windows.Filetime
	app     [256]uint16 // CCH_RM_MAX_APP_NAME and its end
	service [64]uint16  // CCH_RM_MAX_SVC_NAME and its end
	kind    uint32
	status  uint32
	session uint32
	restart int32
}

// filesOf are a file, or the first files of a folder, as the Restart Manager takes
// them: it knows no folders.
func filesOf(path string) []*uint16 {
	if !filepath.IsAbs(path) {
		return nil
	}
	var files []*uint16
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || len(files) == maxAsked {
			return fs.SkipAll // what cannot be listed is not told
		}
		if name, err := windows.UTF16PtrFromString(p); err == nil && !d.IsDir() {
			files = append(files, name)
		}
		return nil
	})
	return files
}

var (
	rstrtmgr   = windows.NewLazySystemDLL("rstrtmgr.dll")
	rmStart    = rstrtmgr.NewProc("RmStartSession")
	rmRegister = rstrtmgr.NewProc("RmRegisterResources")
	rmList     = rstrtmgr.NewProc("RmGetList")
	rmEnd      = rstrtmgr.NewProc("RmEndSession")
)
