package ipc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// dialPause is the wait before a full listen queue is tried again.
const dialPause = 5 * time.Millisecond

// Dial connects to the unix socket at path, an absolute path of at most 107
// bytes, and gives up after timeout. Errors: api.InvalidArgument for the path,
// api.AgentAbsent when nobody listens, api.Timeout when the listener's queue
// stays full.
func Dial(path string, timeout time.Duration) (*Conn, error) {
	// x/sys reads a leading @ as the abstract namespace, which has no owner.
	if !filepath.IsAbs(path) || len(path) > 107 {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("endpoint %q is not an absolute path of at most 107 bytes", path)}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, &api.Error{Code: api.Internal, Detail: fmt.Sprintf("make socket: %v", err)}
	}
	if fd, err = high(fd); err != nil {
		return nil, &api.Error{Code: api.Internal, Detail: fmt.Sprintf("make socket: %v", err)}
	}
	if err := connect(fd, path, timeout); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	c, err := newConn(fd, path)
	if err != nil {
		return nil, &api.Error{Code: api.Internal, Detail: fmt.Sprintf("use socket %s: %v", path, err)}
	}
	return c, nil
}

// high moves fd out of 0, 1 and 2: in a host that closed those, whoever prints
// would print into the connection.
func high(fd int) (int, error) {
	if fd > 2 {
		return fd, nil
	}
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	_ = unix.Close(fd)
	return moved, err
}

// connect never waits in the kernel: a unix socket either connects at once or
// answers EAGAIN because the listener's queue is full.
func connect(fd int, path string, timeout time.Duration) error {
	for waited := time.Duration(0); ; waited += dialPause {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return &api.Error{Code: api.AgentAbsent, Detail: fmt.Sprintf("connect %s: %v", path, err)}
		case waited >= timeout:
			return &api.Error{Code: api.Timeout, Detail: fmt.Sprintf("connect %s: the agent accepts no connection", path)}
		}
		time.Sleep(dialPause)
	}
}

func (c *Conn) server() (Server, error) {
	var cred *unix.Ucred
	var failed error
	if err := c.raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Server{}, err
	}
	if failed != nil {
		return Server{}, failed
	}
	return Server{User: userText(cred.Uid), PID: int(cred.Pid)}, nil
}

// systemUser is root.
const systemUser = "uid:0"

// OwnUser is the user of this process, as Server names users.
func OwnUser() (string, error) { return userText(uint32(os.Getuid())), nil }

func userText(uid uint32) string { return "uid:" + strconv.FormatUint(uint64(uid), 10) }
