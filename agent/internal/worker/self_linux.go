package worker

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// ownUser is the user that this process is.
func ownUser() string { return strconv.Itoa(os.Getuid()) }

// self tells what the process finds that it is.
func self(home string) (workerapi.Started, error) {
	groups, err := os.Getgroups()
	if err != nil {
		return workerapi.Started{}, fmt.Errorf("read own groups: %w", err)
	}
	slices.Sort(groups)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return workerapi.Started{}, fmt.Errorf("read own status: %w", err)
	}
	s := workerapi.Started{PID: os.Getpid(), UID: ownUser(), Home: home, Rights: workerapi.Rights{GID: os.Getgid(), Groups: groups}}
	for line := range strings.Lines(string(status)) {
		if caps, ok := strings.CutPrefix(line, "CapEff:"); ok {
			s.Caps = strings.TrimSpace(caps)
		}
	}
	return s, nil
}

func socket(fd int) (io.ReadWriteCloser, error) {
	typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || typ != unix.SOCK_STREAM {
		return nil, fmt.Errorf("descriptor %d is no socket of the service: workers are started by the service only", fd)
	}
	peer, err := unix.Getpeername(fd)
	if _, ok := peer.(*unix.SockaddrUnix); err != nil || !ok {
		return nil, fmt.Errorf("descriptor %d is not connected to the service: workers are started by the service only", fd)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("set descriptor %d non-blocking: %w", fd, err)
	}
	return os.NewFile(uintptr(fd), "service"), nil
}
