package ipc

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/windows"
)

// Listener serves a named pipe. One instance always waits, so that the name is never
// free for somebody else while the listener is open.
type Listener struct {
	path    string
	name    *uint16
	sd      *windows.SECURITY_DESCRIPTOR
	closing windows.Handle // event, set by Close

	accepting sync.Mutex     // held by Accept, and by Close when it takes what is below away
	waiting   windows.Handle // the instance that waits for a client; 0 after Close
	connected windows.Handle // event of op
	op        windows.Overlapped

	mu     sync.Mutex // guards closed; nothing blocks while it is held
	closed bool
}

// Both descriptors: the owner is this user, whom clients look for, and the system and
// this user may do everything. Who comes over the network or without a name gets nothing.
const (
	ownPipe   = "O:%[1]sD:P(D;;FA;;;NU)(D;;FA;;;AN)(A;;FA;;;SY)(A;;FA;;;%[1]s)"
	everybody = "(A;;0x%[2]x;;;AU)" // every user who signed in here may connect, and no more
)

// ListenPipe opens the named pipe at path, as Dial takes it, for every user of this
// machine or, without all, for this process's user and the system. A pipe of that name
// that exists already is refused: its maker would decide who may connect, and would be
// given a part of the clients.
func ListenPipe(path string, all bool) (*Listener, error) {
	name, err := pipeName(path)
	if err != nil {
		return nil, err
	}
	sd, err := descriptor(all)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l := &Listener{path: path, name: name, sd: sd}
	l.waiting, err = first(name, windows.PIPE_UNLIMITED_INSTANCES, sd)
	if isTaken(err) {
		if unserved(name) {
			l.waiting, err = again(name, sd)
		} else {
			err = taken(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if l.closing, err = windows.CreateEvent(nil, 1, 0, nil); err == nil {
		l.connected, err = windows.CreateEvent(nil, 1, 0, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), l.free())
	}
	return l, nil
}

func descriptor(all bool) (*windows.SECURITY_DESCRIPTOR, error) {
	own, err := ownSID()
	if err != nil {
		return nil, err
	}
	sddl := fmt.Sprintf(ownPipe, own)
	if all {
		sddl = fmt.Sprintf(ownPipe+everybody, own, uint32(clientAccess))
	}
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, fmt.Errorf("make a security descriptor: %w", err)
	}
	return sd, nil
}

// Accept waits for a client and gives its connection; os.ErrClosed after Close. An
// error that has a method Temporary says that no more can be served just now. One
// goroutine accepts.
func (l *Listener) Accept() (*Conn, error) {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	if l.waiting == 0 {
		return nil, os.ErrClosed
	}
	if err := l.await(); err != nil {
		return nil, err
	}
	next, err := serve(l.name, false, windows.PIPE_UNLIMITED_INSTANCES, l.sd)
	if err != nil {
		_ = windows.DisconnectNamedPipe(l.waiting) // this instance keeps the name
		return nil, &shortage{fmt.Errorf("make the next instance of %s: %w", l.path, err)}
	}
	h := l.waiting
	l.waiting = next
	c, err := newConn(h, l.path)
	if err != nil {
		return nil, &shortage{fmt.Errorf("use a connection to %s: %w", l.path, err)}
	}
	return c, nil
}

// await returns when a client has connected to the waiting instance.
func (l *Listener) await() error {
	for {
		l.op = windows.Overlapped{HEvent: l.connected}
		err := windows.ConnectNamedPipe(l.waiting, &l.op)
		if errors.Is(err, windows.ERROR_IO_PENDING) {
			err = l.pending()
		}
		switch {
		case err == nil, errors.Is(err, windows.ERROR_PIPE_CONNECTED):
			return nil
		case errors.Is(err, os.ErrClosed):
			return err
		case errors.Is(err, windows.ERROR_NO_DATA), errors.Is(err, windows.ERROR_BROKEN_PIPE): // came and went
			if err := windows.DisconnectNamedPipe(l.waiting); err != nil {
				return fmt.Errorf("accept at %s: %w", l.path, err)
			}
		default:
			return fmt.Errorf("accept at %s: %w", l.path, err)
		}
	}
}

// pending waits for a connection or for Close.
func (l *Listener) pending() error {
	state, err := windows.WaitForMultipleObjects([]windows.Handle{l.closing, l.connected}, false, windows.INFINITE)
	closed := err != nil || state == windows.WAIT_OBJECT_0
	if closed {
		_ = windows.CancelIoEx(l.waiting, &l.op)
	}
	var n uint32
	res := windows.GetOverlappedResult(l.waiting, &l.op, &n, true)
	switch {
	case err != nil:
		return fmt.Errorf("wait: %w", err)
	case closed:
		return os.ErrClosed
	}
	return res
}

// shortage is a failure that passes when others have ended.
type shortage struct{ cause error }

func (s *shortage) Error() string   { return s.cause.Error() }
func (s *shortage) Unwrap() error   { return s.cause }
func (s *shortage) Temporary() bool { return true }

// Close ends the pipe's name and wakes Accept; connections live on.
func (l *Listener) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return os.ErrClosed
	}
	err := windows.SetEvent(l.closing)
	l.accepting.Lock()
	defer l.accepting.Unlock()
	return errors.Join(err, l.free())
}

// free gives all handles back.
func (l *Listener) free() error {
	var err error
	for _, h := range []*windows.Handle{&l.waiting, &l.closing, &l.connected} {
		if *h != 0 {
			err = errors.Join(err, windows.CloseHandle(*h))
			*h = 0
		}
	}
	return err
}
