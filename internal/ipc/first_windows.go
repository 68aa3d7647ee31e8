package ipc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// first makes a pipe that is the only one of its name. Windows sees to that by the
// first-instance flag; Wine 8 takes the flag for nothing, so the instances are counted
// once ours is there. Two that begin at the same moment may then both give up.
func first(name *uint16, most uint32, sd *windows.SECURITY_DESCRIPTOR) (windows.Handle, error) {
	h, err := serve(name, true, most, sd)
	if err != nil {
		return 0, err
	}
	var instances uint32
	err = windows.GetNamedPipeHandleState(h, nil, &instances, nil, nil, nil, 0)
	if err == nil && instances != 1 {
		err = windows.ERROR_ACCESS_DENIED // as the flag has it
	}
	if err != nil {
		return 0, errors.Join(err, windows.CloseHandle(h))
	}
	return h, nil
}

// unserved reports whether nobody serves a name. Only a client's attempt tells: to wait
// for a pipe whose servers have all gone is, for Windows, to wait for one that is busy.
func unserved(name *uint16) bool {
	h, err := open(name, windows.SECURITY_IDENTIFICATION)
	if err == nil {
		_ = windows.CloseHandle(h) // nothing was said
	}
	return errors.Is(err, windows.ERROR_FILE_NOT_FOUND)
}

// again takes up a name that nobody serves and that is still there, because clients of an
// agent that has ended hold their connections open: else any of them could keep the next
// agent from starting. The pipe is then still the first agent's, with the descriptor
// that it gave: it must have been made by this user, who lets nobody else serve it.
func again(name *uint16, sd *windows.SECURITY_DESCRIPTOR) (windows.Handle, error) {
	h, err := serve(name, false, windows.PIPE_UNLIMITED_INSTANCES, sd)
	if err != nil {
		return 0, err
	}
	found, err := windows.GetSecurityInfo(h, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err == nil {
		var is, should *windows.SID
		is, _, err = found.Owner()
		if err == nil {
			should, _, err = sd.Owner()
		}
		if err == nil && (is == nil || !is.Equals(should)) {
			err = &api.Error{Code: api.Forbidden, Detail: fmt.Sprintf("clients hold connections to a pipe of that name, which %s made", is)}
		}
	}
	if err != nil {
		return 0, errors.Join(err, windows.CloseHandle(h))
	}
	return h, nil
}

// isTaken tells the errors for a name that somebody has: denied, all its instances in
// use, or made for another direction.
func isTaken(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) ||
		errors.Is(err, windows.ERROR_INVALID_PARAMETER)
}

// taken says who has the pipe, as far as that can be known without waiting.
func taken(path string) error {
	who := "another process"
	if c, err := Dial(path, 0); err == nil {
		_ = c.With(func(h windows.Handle) error {
			var pid uint32
			if err := windows.GetNamedPipeServerProcessId(h, &pid); err == nil {
				who = fmt.Sprintf("process %d", pid)
			}
			return nil
		})
		_ = c.Close()
	}
	return &api.Error{Code: api.Forbidden, Detail: who + " serves a pipe of that name already: another agent, or a program that stands in its place"}
}
