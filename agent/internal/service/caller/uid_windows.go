package caller

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// Accounts of services: the operating system's own, and the two with less.
const (
	localSystem    = "S-1-5-18"
	localService   = "S-1-5-19"
	networkService = "S-1-5-20"
)

// unnamed is whom a record without a user is of: nobody.
const unnamed UID = ""

// Own is the user of this process; empty, and so nobody, when the kernel does not say.
func Own() UID {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return ""
	}
	return UID(user.User.Sid.String())
}

// System reports whether u is the operating system itself: LocalSystem.
func (u UID) System() bool { return u == localSystem }

// Rights are what the kernel says about a caller beside who it is: a worker gets exactly them.
type Rights struct {
	Logon    uint64 // the logon session; mapped drives are per session
	Elevated bool
	Token    *Token // of the caller's process; nil for who has no connection
}

// Key is equal for equal rights, whichever process had them.
func (r Rights) Key() string { return fmt.Sprintf("%x,%t", r.Logon, r.Elevated) }

// Root reports whether the caller is an administrator's program or a service, which a
// system's agent gives no file operations.
func (a Actor) Root() bool {
	return a.Elevated || a.UID.System() || a.UID == localService || a.UID == networkService
}

// RootAdvice says in English what such a caller can do.
const RootAdvice = `start the program without "Run as administrator"`

// SameRights reports whether an agent of this process may serve the caller, who is
// the same user: a program that runs as administrator and one that does not are kept apart.
func (a Actor) SameRights() bool { return a.Elevated == windows.GetCurrentProcessToken().IsElevated() }

// Text names u in messages.
func (u UID) Text() string { return "sid:" + string(u) }
