package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/clock"
)

// Conn is the application's end of a connection to an agent. Read, Readable and
// Write wait on the calling thread, not in the runtime's poller: that would wake
// a thread of its own for every answer, also when a caller reads it. Read and
// Write may run at the same time, each in one goroutine; Close ends both at once.
// It is not a net.Conn: package net has no place in a customer's process.
type Conn struct {
	file  *os.File // blocking; holds the descriptor until the last use has ended
	raw   syscall.RawConn
	until time.Time // Write's deadline, of whoever writes
}

// Read waits for bytes; io.EOF when the agent or this side has closed.
func (c *Conn) Read(p []byte) (int, error) { return c.file.Read(p) }

// Readable waits at most d until Read would return at once.
func (c *Conn) Readable(d time.Duration) (ready bool, err error) {
	err = c.with(func(fd int) error {
		ready, err = wait(fd, unix.POLLIN, d)
		return err
	})
	return ready, err
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
	left := time.Minute // no deadline: look again
	if !c.until.IsZero() {
		left = c.until.Sub(clock.System{}.Now())
	}
	if left <= 0 {
		return fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
	}
	_, err := wait(fd, unix.POLLOUT, left)
	return err
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
		return err
	}
	return failed
}

// wait polls fd once; a signal may end it early, with false.
func wait(fd int, events int16, d time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(fds, int((d+time.Millisecond-1)/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, os.NewSyscallError("poll", err)
	}
	return n > 0, nil
}
