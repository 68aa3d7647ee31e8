package ipc

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows"
)

// Pair makes a connection between this process and one that it is about to start: ours,
// and theirs, a handle marked as inheritable that is to be named in the new process's list
// of inherited handles (os/exec gives it to no other) and closed here once that runs. The new
// process takes it up by its number with Inherited.
//
// The pipe has a random name, one instance, and both its ends before anybody else
// runs. Ours is the server's end: who holds that one can act as the process that
// opened the other, which must not be given to a process with fewer rights.
func Pair() (ours *Conn, theirs windows.Handle, err error) {
	id, err := windows.GenerateGUID() // crypto/rand would be 150 kB in every customer's library
	if err != nil {
		return nil, 0, fmt.Errorf("make a pipe's name: %w", err)
	}
	path := pipePrefix + "iscdesk-link-" + strings.Trim(id.String(), "{}")
	name, err := pipeName(path)
	if err != nil {
		return nil, 0, err
	}
	sd, err := descriptor(false)
	if err != nil {
		return nil, 0, err
	}
	h, err := first(name, 1, sd)
	if err != nil {
		return nil, 0, fmt.Errorf("make a pipe: %w", err)
	}
	theirs, err = open(name, windows.SECURITY_ANONYMOUS)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open the other end of a pipe: %w", err), windows.CloseHandle(h))
	}
	err = windows.SetHandleInformation(theirs, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("make a pipe inheritable: %w", err), windows.CloseHandle(h), windows.CloseHandle(theirs))
	}
	if ours, err = newConn(h, path); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("use a pipe: %w", err), windows.CloseHandle(theirs))
	}
	return ours, theirs, nil
}

// Inherited is the end of a Pair that this process was started with. What is no
// client's end of a pipe is refused and left as it is.
func Inherited(h windows.Handle) (*Conn, error) {
	var flags, most uint32
	if err := windows.GetNamedPipeInfo(h, &flags, nil, nil, &most); err != nil {
		return nil, fmt.Errorf("handle %d is no pipe: %w", h, err)
	}
	if flags&windows.PIPE_SERVER_END != 0 || most != 1 {
		return nil, fmt.Errorf("handle %d is not the end of a pair", h)
	}
	if err := windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, 0); err != nil {
		return nil, fmt.Errorf("keep handle %d from other processes: %w", h, err)
	}
	c, err := newConn(h, "pair")
	if err != nil {
		return nil, fmt.Errorf("use handle %d: %w", h, err)
	}
	return c, nil
}
