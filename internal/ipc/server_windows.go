package ipc

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemUser is LocalSystem, the account of the operating system's own services.
const systemUser = "sid:S-1-5-18"

// OwnUser is the user of this process, as Server names users.
func OwnUser() (string, error) {
	sid, err := ownSID()
	return "sid:" + sid, err
}

// facts are what the kernel tells about a pipe's server.
type facts struct {
	owner string // SID of the pipe's owner: who made it, or an administrator on that one's behalf
	level uint32 // integrity level of the pipe, medium where it says nothing
	pid   uint32

	process  string // SID of the user of process pid; empty where this process may not look
	elevated bool   // of process pid
}

const (
	mediumLevel       = 0x2000 // last part of S-1-16-8192
	mandatoryLabelACE = 0x11   // SYSTEM_MANDATORY_LABEL_ACE_TYPE
)

// server reads who serves c and refuses contradictions.
//
// The pipe's owner decides. The kernel sets it when the pipe is made: a user can give only
// himself and the groups that his token names owner, so that LocalSystem as the owner
// needs LocalSystem or an administrator's right to restore files. The process behind
// the pipe is a number, which can have come to mean another process, and whose token
// a limited program may not open when it is the system's; where it can be read it
// has to agree.
func (c *Conn) server() (Server, error) {
	var f facts
	err := c.With(func(h windows.Handle) (err error) {
		f, err = serverFacts(h)
		return err
	})
	if err != nil {
		return Server{}, err
	}
	if err := f.check(windows.GetCurrentProcessToken().IsElevated()); err != nil {
		return Server{}, err
	}
	return Server{User: "sid:" + f.owner, PID: int(f.pid)}, nil
}

// check finds what no honest server shows to a client, elevated or not.
func (f facts) check(elevated bool) error {
	own := "sid:"+f.owner != systemUser // a user's own agent, or a stranger, whom ServerIdentity refuses
	switch {
	case f.owner == "":
		return errors.New("the pipe has no owner")
	case f.level < mediumLevel:
		return fmt.Errorf("the pipe was made by a program of integrity level 0x%x, as a sandbox has", f.level)
	case f.process != "" && f.process != f.owner:
		return fmt.Errorf("the pipe belongs to %s, and process %d, which serves it, runs as %s", f.owner, f.pid, f.process)
	case own && elevated && (f.process == "" || !f.elevated):
		return fmt.Errorf("this program runs as administrator, and process %d, which serves the pipe, does not", f.pid)
	}
	return nil
}

func serverFacts(h windows.Handle) (facts, error) {
	f := facts{level: mediumLevel}
	sd, err := windows.GetSecurityInfo(h, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.LABEL_SECURITY_INFORMATION)
	if err != nil {
		return f, fmt.Errorf("read the pipe's owner: %w", err)
	}
	if owner, _, err := sd.Owner(); err == nil && owner != nil {
		f.owner = owner.String()
	}
	if f.level, err = labelOf(sd); err != nil {
		return f, fmt.Errorf("read the pipe's integrity level: %w", err)
	}
	if err := windows.GetNamedPipeServerProcessId(h, &f.pid); err != nil {
		return f, fmt.Errorf("read the pipe's process: %w", err)
	}
	f.process, f.elevated = processUser(f.pid)
	return f, nil
}

// labelOf is the integrity level in a descriptor.
func labelOf(sd *windows.SECURITY_DESCRIPTOR) (uint32, error) {
	acl, _, err := sd.SACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && (acl == nil || acl.AceCount == 0) {
		return mediumLevel, nil // the kernel's own default
	}
	if err != nil {
		return 0, err
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE // of the same shape
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return 0, err
		}
		if ace.Header.AceType != mandatoryLabelACE {
			continue
		}
		sid := aceSID(ace)
		if n := sid.SubAuthorityCount(); n > 0 {
			return sid.SubAuthority(uint32(n - 1)), nil
		}
	}
	return mediumLevel, nil
}

// aceSID is whom an entry is about; it lives as long as the entry's list.
func aceSID(ace *windows.ACCESS_ALLOWED_ACE) *windows.SID {
	return (*windows.SID)(unsafe.Pointer(&ace.SidStart))
}

// processUser is the user of a process and whether it is elevated; empty where this
// process may not know.
func processUser(pid uint32) (sid string, elevated bool) {
	p, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return "", false
	}
	defer windows.CloseHandle(p)
	var token windows.Token
	if err := windows.OpenProcessToken(p, windows.TOKEN_QUERY, &token); err != nil {
		return "", false
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return "", false
	}
	return user.User.Sid.String(), token.IsElevated()
}
