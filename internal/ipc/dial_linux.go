package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	file := os.NewFile(uintptr(fd), path)
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, &api.Error{Code: api.Internal, Detail: fmt.Sprintf("use socket %s: %v", path, err)}
	}
	return &Conn{file: file, raw: raw}, nil
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

// Write sends all of p. It goes past os.File because a plain write to a socket
// whose peer has gone raises SIGPIPE, and that signal would reach the host.
func (c *Conn) Write(p []byte) (int, error) {
	sent := 0
	var failed error
	err := c.raw.Write(func(fd uintptr) bool {
		for sent < len(p) {
			n, err := unix.SendmsgN(int(fd), p[sent:], nil, nil, unix.MSG_NOSIGNAL)
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return false // the poller calls again when there is room
			case err != nil:
				failed = os.NewSyscallError("sendmsg", err)
				return true
			default:
				sent += n
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	if err == nil && sent < len(p) {
		err = io.ErrShortWrite
	}
	return sent, err
}

// Readable waits on the calling thread itself, at most d, until Read would return
// at once. Close waits for it.
func (c *Conn) Readable(d time.Duration) (ready bool, err error) {
	var failed error
	err = c.raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(d.Milliseconds()))
		ready = n > 0
		if err != nil && !errors.Is(err, unix.EINTR) {
			failed = os.NewSyscallError("poll", err)
		}
	})
	if err == nil {
		err = failed
	}
	return ready, err
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
	return Server{UID: int(cred.Uid), PID: int(cred.Pid)}, nil
}
