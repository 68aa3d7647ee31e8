package browser

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// longest is what the system's own programs take as an address
// (INTERNET_MAX_URL_LENGTH, less its end); a longer one is cut there.
const longest = 2082

// patience bounds the wait for the system to find and start the browser, which
// asks whatever has put itself between: a virus scanner, a dead network drive. What
// comes up later is still the right page.
const patience = 5 * time.Second

// unreserved are the characters of an address beside letters and digits (RFC 3986).
// All others, a quotation mark above all, could end the one argument that the
// browser's registered command line has room for.
const unreserved = "-._~:/?#[]@!$&'()*+,;=%"

func open(address string) error {
	if err := quotable(address); err != nil {
		return err
	}
	if err := seen(); err != nil {
		return err
	}
	done := make(chan error, 1)
	ipc.Spawn(func(err error) { done <- err }, func() { done <- execute(address) })
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("open page: %w", err)
		}
		return nil
	case <-limit.C: // the goroutine ends when the system answers, and nobody hears it
		return fmt.Errorf("open page: the system has not started a browser within %v; it may still", patience)
	}
}

// quotable refuses what could become more than one argument.
func quotable(address string) error {
	if len(address) > longest {
		return fmt.Errorf("open page: an address of %d bytes; the system takes %d", len(address), longest)
	}
	for _, r := range address {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(unreserved, r) {
			return fmt.Errorf("open page: %q cannot stand in an address", r)
		}
	}
	return nil
}

// seen refuses where nobody sees a browser: services live in session 0, which has no
// desktop of a user, and a browser that starts there would run with their rights.
func seen() error {
	var session uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session); err != nil {
		return fmt.Errorf("open page: find this process's session: %w", err)
	}
	return screen(session)
}

func screen(session uint32) error {
	if session == 0 {
		return &api.Error{Code: api.NotSupported, Detail: "open page: this process runs in the session of services (0), which has no screen"}
	}
	return nil
}

// executeInfo is SHELLEXECUTEINFOW.
type executeInfo struct {
	size       uint32
	mask       uint32
	window     windows.HWND
	verb       *uint16
	file       *uint16
	parameters *uint16
	directory  *uint16
	show       int32
	instance   windows.Handle
	ids        uintptr
	class      *uint16
	key        windows.Handle
	hotKey     uint32
	icon       windows.Handle
	process    windows.Handle
}

const (
	maskNoAsync = 0x00000100 // it has done its work when it returns: the thread ends then
	maskNoUI    = 0x00000400 // no message box of the system in the host's name

	apartmentThreaded = 0x2
	disableOLE1       = 0x4
	changedMode       = windows.RPC_E_CHANGED_MODE
)

// execute asks the shell to open address. The shell does so through COM and wants a
// single-threaded apartment, and the thread's first user decides for good which one
// it has: that must not be decided for a thread of the host, whose own objects may
// need the other kind or a message loop that ours has not. So this runs in a
// goroutine of its own, on a thread of the Go runtime, and gives it back as it was.
// A helper program would do too, but it would be one more file beside each customer's
// program. The shell starts the browser without inheriting a handle of this process.
func execute(address string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	switch err := windows.CoInitializeEx(0, apartmentThreaded|disableOLE1); {
	case err == nil, errors.Is(err, windows.Errno(windows.S_FALSE)): // S_FALSE: it was one already, and counts
		defer windows.CoUninitialize()
	case !errors.Is(err, windows.Errno(changedMode)): // left so by others: the shell does without where it can
		return fmt.Errorf("prepare the thread: %w", err)
	}
	verb, err := windows.UTF16PtrFromString("open")
	if err != nil {
		return err
	}
	file, err := windows.UTF16PtrFromString(address)
	if err != nil {
		return err
	}
	system, err := windows.GetSystemDirectory() // not the host's folder: a browser would hold it, and look for its DLLs there
	if err != nil {
		return fmt.Errorf("find the system's folder: %w", err)
	}
	folder, err := windows.UTF16PtrFromString(system)
	if err != nil {
		return err
	}
	info := executeInfo{mask: maskNoAsync | maskNoUI, verb: verb, file: file, directory: folder, show: windows.SW_SHOWNORMAL}
	info.size = uint32(unsafe.Sizeof(info))
	shell := windows.NewLazySystemDLL("shell32.dll").NewProc("ShellExecuteExW")
	if err := shell.Find(); err != nil {
		return err
	}
	if ok, _, err := shell.Call(uintptr(unsafe.Pointer(&info))); ok == 0 {
		if errors.Is(err, windows.ERROR_NO_ASSOCIATION) {
			return errors.New("no program to open a web address is installed")
		}
		return fmt.Errorf("start the browser: %w", err)
	}
	return nil
}
