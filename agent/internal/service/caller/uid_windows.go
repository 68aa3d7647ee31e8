package caller

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// localSystem is the account of services that are the operating system's own.
const localSystem = "S-1-5-18"

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
}

// Key is equal for equal rights.
func (r Rights) Key() string { return fmt.Sprintf("%x,%t", r.Logon, r.Elevated) }

// Text names u in messages.
func (u UID) Text() string { return "sid:" + string(u) }
