package ipc

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/clock"
)

// Conn is the application's end of a connection to an agent. Read, ReadSoon and
// Write wait on the calling thread, not in the runtime's poller: that would wake
// a thread of its own for every answer, also when a caller reads it. Read and
// Write may run at the same time, each in one goroutine; Close ends both at once.
// It is not a net.Conn: package net has no place in a customer's process.
type Conn struct {
	file  *os.File // blocking; holds the descriptor until the last use has ended
	raw   syscall.RawConn
	until time.Time // Write's deadline, of whoever writes
}

// newConn takes fd, and closes it when that fails.
func newConn(fd int, name string) (*Conn, error) {
	wait := unix.NsecToTimeval(soon.Nanoseconds())
	err := errors.Join(unix.SetNonblock(fd, false), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait))
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Conn{file: file, raw: raw}, nil
}

// Read waits for bytes; io.EOF when the agent or this side has closed.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		n, err := c.ReadSoon(p)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.with(func(fd int) error { return wait(fd, unix.POLLIN, -1) }); err != nil {
			return 0, err
		}
	}
}

// ReadSoon is Read that ends in os.ErrDeadlineExceeded when nothing came within soon.
func (c *Conn) ReadSoon(p []byte) (n int, err error) {
	begun := clock.System{}.Now()
	err = c.with(func(fd int) error {
		for {
			n, err = unix.Read(fd, p)
			switch {
			// Each signal of the host, whatever its handler's flags, begins the socket's time-out anew.
			case errors.Is(err, unix.EINTR) && clock.System{}.Now().Sub(begun) < soon:
			case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
				n = 0
				return os.ErrDeadlineExceeded
			case err != nil:
				n = 0
				return os.NewSyscallError("read", err)
			case n == 0:
				return io.EOF
			default:
				return nil
			}
		}
	})
	return n, err
}

// SetWriteDeadline bounds the next Write; past it Write ends in os.ErrDeadlineExceeded.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.until = t
	return nil
}

// Write sends all of p. It goes past os.File because a plain write to a socket
// whose peer has gone raises SIGPIPE, and that signal would reach the host.
func (c *Conn) Write(p []byte) (sent int, err error) {
	err = c.with(func(fd int) error {
		for sent < len(p) {
			n, err := unix.SendmsgN(fd, p[sent:], nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				if err := c.room(fd); err != nil {
					return err
				}
			case err != nil:
				return os.NewSyscallError("sendmsg", err)
			case n == 0:
				return io.ErrShortWrite
			default:
				sent += n
			}
		}
		return nil
	})
	return sent, err
}

// room waits until the peer has read, or the deadline.
func (c *Conn) room(fd int) error {
	left := time.Duration(-1) // no deadline
	if !c.until.IsZero() {
		if left = c.until.Sub(clock.System{}.Now()); left <= 0 {
			return fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
		}
	}
	return wait(fd, unix.POLLOUT, left)
}

// Close ends the connection and wakes whoever waits on it.
func (c *Conn) Close() error {
	_ = c.with(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
	return c.file.Close()
}

// with holds the descriptor open while f uses it; os.ErrClosed after Close.
func (c *Conn) with(f func(fd int) error) error {
	var failed error
	if err := c.raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return fmt.Errorf("%w: %w", os.ErrClosed, err) // it refuses for no other reason
	}
	return failed
}

// wait polls fd for at most d, without end where that is negative. It may return
// early, as after a signal.
func wait(fd int, events int16, d time.Duration) error {
	timeout := -1
	if d >= 0 {
		timeout = int(min((d + time.Millisecond - 1).Milliseconds(), math.MaxInt32))
	}
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("poll", err)
	}
	return nil
}
