package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
)

// ownUser is the user that this process is; empty, and so nobody, when the kernel
// does not say.
func ownUser() string {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return ""
	}
	return user.User.Sid.String()
}

// self tells what the process finds that it is.
func self(home string) (workerapi.Started, error) {
	s := workerapi.Started{PID: os.Getpid(), UID: ownUser(), Home: home}
	token := windows.GetCurrentProcessToken()
	s.Elevated = token.IsElevated()
	var stats statistics
	if err := read(token, windows.TokenStatistics, unsafe.Pointer(&stats), unsafe.Sizeof(stats)); err != nil {
		return s, fmt.Errorf("read own logon session: %w", err)
	}
	s.Logon = uint64(uint32(stats.logon.HighPart))<<32 | uint64(stats.logon.LowPart)
	if err := read(token, windows.TokenSessionId, unsafe.Pointer(&s.Session), unsafe.Sizeof(s.Session)); err != nil {
		return s, fmt.Errorf("read own session: %w", err)
	}
	var err error
	s.Privileges, err = privileges(token)
	return s, err
}

// statistics is TOKEN_STATISTICS.
type statistics struct {
	token      windows.LUID
	logon      windows.LUID
	expires    [2]uint32 // a LARGE_INTEGER that stands at 4 bytes of alignment
	kind       uint32
	level      uint32
	charged    uint32
	available  uint32
	groups     uint32
	privileges uint32
	modified   windows.LUID
}

func read(token windows.Token, class uint32, to unsafe.Pointer, size uintptr) error {
	var n uint32
	return windows.GetTokenInformation(token, class, (*byte)(to), uint32(size), &n)
}

// privileges names what the token holds, enabled or not: what is there can be enabled.
func privileges(token windows.Token) ([]string, error) {
	var size uint32
	err := windows.GetTokenInformation(token, windows.TokenPrivileges, nil, 0, &size)
	if !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
		return nil, fmt.Errorf("read own privileges: %w", err)
	}
	words := make([]uint32, size/4+1) // aligned as the structure is
	if err := windows.GetTokenInformation(token, windows.TokenPrivileges, (*byte)(unsafe.Pointer(&words[0])), size, &size); err != nil {
		return nil, fmt.Errorf("read own privileges: %w", err)
	}
	names := []string{}
	for _, p := range (*windows.Tokenprivileges)(unsafe.Pointer(&words[0])).AllPrivileges() {
		names = append(names, privilege(p.Luid))
	}
	return names, nil
}

// privilege is the system's name of a privilege, its number where it has none.
func privilege(luid windows.LUID) string {
	lookup := windows.NewLazySystemDLL("advapi32.dll").NewProc("LookupPrivilegeNameW")
	var name [64]uint16
	size := uint32(len(name))
	if lookup.Find() == nil {
		if ok, _, _ := lookup.Call(0, uintptr(unsafe.Pointer(&luid)), uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&size))); ok != 0 {
			return windows.UTF16ToString(name[:])
		}
	}
	return fmt.Sprintf("%d:%d", luid.HighPart, luid.LowPart)
}

// socket takes up the pipe that the service handed over: this process's end of a
// pair whose other end is the process that started this one.
func socket(number int) (io.ReadWriteCloser, error) {
	link := windows.Handle(number)
	var server uint32
	if err := windows.GetNamedPipeServerProcessId(link, &server); err != nil {
		return nil, fmt.Errorf("handle %d is no pipe of the service: workers are started by the service only", number)
	}
	parent, err := parentOf()
	if err != nil {
		return nil, fmt.Errorf("find who started this worker: %w", err)
	}
	if server != parent {
		return nil, fmt.Errorf("handle %d leads to process %d, and not to %d, which started this one: workers are started by the service only", number, server, parent)
	}
	conn, err := ipc.Inherited(link)
	if err != nil {
		return nil, fmt.Errorf("%w: workers are started by the service only", err)
	}
	return conn, nil
}

// parentOf is the number of the process that started this one. That process lives
// while its end of the pipe does, so nobody else has the number when both agree.
func parentOf() (uint32, error) {
	var info windows.PROCESS_BASIC_INFORMATION
	err := windows.NtQueryInformationProcess(windows.CurrentProcess(), windows.ProcessBasicInformation,
		unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return 0, err
	}
	return uint32(info.InheritedFromUniqueProcessId), nil
}
