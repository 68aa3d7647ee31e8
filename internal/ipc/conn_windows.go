package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/clock"
)

// Conn is one end of a named pipe. Read and Write wait in the runtime's poller, so
// that a service with many connections needs no thread for each; ReadSoon waits
// on the calling thread. Read or ReadSoon, and Write, may run at the same time, each
// in one goroutine; Close ends them all at once. It is not a net.Conn: package net
// has no place in a customer's process.
type Conn struct {
	file *os.File // overlapped; holds the handle until the last use has ended
	raw  syscall.RawConn

	mu     sync.Mutex // held by ReadSoon, guards its event and operation; Close takes it last
	event  windows.Handle
	op     windows.Overlapped // on the heap, as the kernel writes into it
	closed bool

	until time.Time // Write's deadline, of whoever writes
}

// newConn takes h, an overlapped end of a pipe, and closes it when that fails.
func newConn(h windows.Handle, name string) (*Conn, error) {
	file := os.NewFile(uintptr(h), name)
	c := &Conn{file: file}
	err := file.SetDeadline(time.Time{}) // tells whether the poller took it
	if err == nil {
		c.raw, err = file.SyscallConn()
	}
	if err == nil {
		c.event, err = windows.CreateEvent(nil, 1, 0, nil)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return c, nil
}

// Read waits for bytes; io.EOF when the peer or this side has closed.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	return n, ended(err)
}

// ReadSoon is Read on the calling thread that ends in os.ErrDeadlineExceeded when
// nothing came within soon.
func (c *Conn) ReadSoon(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, os.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	var pinned runtime.Pinner
	pinned.Pin(&p[0])
	defer pinned.Unpin()
	err = c.With(func(h windows.Handle) error {
		// The event's low bit keeps the completion from the poller, which did not ask for it.
		c.op = windows.Overlapped{HEvent: c.event | 1}
		err := windows.ReadFile(h, p, nil, &c.op)
		if err != nil && !errors.Is(err, windows.ERROR_IO_PENDING) {
			return os.NewSyscallError("ReadFile", err)
		}
		late := false
		if err != nil {
			state, err := windows.WaitForSingleObject(c.event, uint32(soon.Milliseconds()))
			late = err != nil || state != windows.WAIT_OBJECT_0
		}
		if late {
			_ = windows.CancelIoEx(h, &c.op) // what came all the same is told below
		}
		var done uint32
		err = windows.GetOverlappedResult(h, &c.op, &done, true)
		n = int(done)
		switch {
		case late && errors.Is(err, windows.ERROR_OPERATION_ABORTED):
			return os.ErrDeadlineExceeded
		case errors.Is(err, windows.ERROR_OPERATION_ABORTED):
			return os.ErrClosed // Close takes all operations back
		case err != nil:
			return os.NewSyscallError("ReadFile", err)
		}
		return nil
	})
	return n, ended(err)
}

// ended names the peer's end, which the kernel tells in several ways, as io.EOF.
func ended(err error) error {
	for _, end := range []error{windows.ERROR_BROKEN_PIPE, windows.ERROR_PIPE_NOT_CONNECTED, windows.ERROR_NO_DATA} {
		if errors.Is(err, end) {
			return io.EOF
		}
	}
	return err
}

// SetReadDeadline bounds Read, also one that goes on; not ReadSoon. The zero time is
// no bound.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

// SetWriteDeadline bounds the next Write; past it Write ends in os.ErrDeadlineExceeded.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.until = t
	return c.file.SetWriteDeadline(t)
}

// Write sends all of p. Where it ends by its deadline, sent is 0 only when that had
// passed before: of what is taken back from a pipe the kernel does not tell how much
// the peer has read, so it is taken for begun.
func (c *Conn) Write(p []byte) (sent int, err error) {
	if !c.until.IsZero() && !(clock.System{}).Now().Before(c.until) {
		return 0, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
	}
	sent, err = c.file.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && len(p) > 0 {
		sent = max(sent, 1)
	}
	return sent, err
}

// Close ends the connection and wakes whoever waits on it. What was written can
// still be read by the peer.
func (c *Conn) Close() error {
	err := c.file.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return err
	}
	c.closed = true
	return errors.Join(err, windows.CloseHandle(c.event))
}

// With holds the handle open while f uses it; os.ErrClosed after Close.
func (c *Conn) With(f func(h windows.Handle) error) error {
	var failed error
	if err := c.raw.Control(func(fd uintptr) { failed = f(windows.Handle(fd)) }); err != nil {
		return fmt.Errorf("%w: %w", os.ErrClosed, err) // it refuses for no other reason
	}
	return failed
}
