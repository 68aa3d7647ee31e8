package ipc

import (
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// What x/sys has no wrapper for. System32 only: never a DLL that lies beside the program.
var (
	kernel32          = windows.NewLazySystemDLL("kernel32.dll")
	procWaitNamedPipe = kernel32.NewProc("WaitNamedPipeW")
)

const (
	// pipePrefix begins the name of a pipe of this machine. A name with a server in
	// it would carry the user's credentials over the network.
	pipePrefix = `\\.\pipe\`

	maxPipeName = 200 // of the 256 characters that a pipe's whole name may have

	// pipeBuffer is what a side may send before the other has read, in bytes.
	pipeBuffer = 64 << 10

	// clientAccess is what a client asks for and is given: read and write data, read
	// attributes and the owner, wait. FILE_GENERIC_WRITE has FILE_APPEND_DATA in it,
	// which on a pipe is FILE_CREATE_PIPE_INSTANCE, the right to be a server beside ours.
	clientAccess = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_READ_ATTRIBUTES |
		windows.READ_CONTROL | windows.SYNCHRONIZE
)

// pipeName takes the full name of a pipe of this machine: letters, digits, '.', '-' and
// '_' after the prefix. What else Windows allows there has a meaning to somebody: a
// backslash leads elsewhere, dots at the end fall away.
func pipeName(path string) (*uint16, error) {
	name := ""
	if len(path) > len(pipePrefix) && strings.EqualFold(path[:len(pipePrefix)], pipePrefix) {
		name = path[len(pipePrefix):]
	}
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	}
	if name == "" || len(name) > maxPipeName || strings.Trim(name, ".") != name || strings.ContainsFunc(name, odd) {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf(
			`endpoint %.300q is no %sname of at most %d letters, digits, ".", "-" and "_"`, path, pipePrefix, maxPipeName)}
	}
	return windows.UTF16PtrFromString(path)
}

// CheckPath refuses, with api.InvalidArgument, what Dial and ListenPipe would.
func CheckPath(path string) error {
	_, err := pipeName(path)
	return err
}

// serve makes an instance of a pipe, overlapped, for byte streams and this machine
// only; first refuses where the system knows that the name is taken.
func serve(name *uint16, first bool, most uint32, sd *windows.SECURITY_DESCRIPTOR) (windows.Handle, error) {
	mode := uint32(windows.PIPE_ACCESS_DUPLEX | windows.FILE_FLAG_OVERLAPPED)
	if first {
		mode |= windows.FILE_FLAG_FIRST_PIPE_INSTANCE
	}
	sa := &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
	return windows.CreateNamedPipe(name, mode,
		windows.PIPE_TYPE_BYTE|windows.PIPE_READMODE_BYTE|windows.PIPE_WAIT|windows.PIPE_REJECT_REMOTE_CLIENTS,
		most, pipeBuffer, pipeBuffer, 0, sa)
}

// open connects to an instance that waits, and lends the server no more than a look
// at who is here: level is windows.SECURITY_IDENTIFICATION or SECURITY_ANONYMOUS.
func open(name *uint16, level uint32) (windows.Handle, error) {
	return windows.CreateFile(name, clientAccess, 0, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_OVERLAPPED|windows.SECURITY_SQOS_PRESENT|level, 0)
}

// waitPipe waits at most ms, which is not 0, for an instance that is free; it takes none.
func waitPipe(name *uint16, ms uint32) error {
	if ok, _, err := syscall.SyscallN(procWaitNamedPipe.Addr(), uintptr(unsafe.Pointer(name)), uintptr(ms)); ok == 0 {
		return err
	}
	return nil
}

// ownSID is the user of this process.
func ownSID() (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("read this process's token: %w", err)
	}
	return user.User.Sid.String(), nil
}
