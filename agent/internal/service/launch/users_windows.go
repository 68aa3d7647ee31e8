package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
)

// errNotLoggedOn is a user who has no session now: Windows lends the rights of a user
// who is here only, and what is left to be done waits until then.
var errNotLoggedOn = errors.New("the user is not logged on")

// lookup finds a user, for work that is left, by the session that it has: there is a home folder and a token
// only of who is logged on.
func lookup(_ context.Context, uid caller.UID) (User, error) {
	token, err := sessionToken(func(id identity) bool { return id.UID == uid })
	if err != nil {
		return User{}, err
	}
	defer token.Close()
	return userOf(token)
}

// sessionToken is the token of a user's programs, from a session in which one is logged
// on who is wanted; close it. Only LocalSystem may ask for it.
func sessionToken(wanted func(identity) bool) (windows.Token, error) {
	var list *windows.WTS_SESSION_INFO
	var count uint32
	if err := windows.WTSEnumerateSessions(0, 0, 1, &list, &count); err != nil {
		return 0, fmt.Errorf("list sessions: %w", err)
	}
	defer windows.WTSFreeMemory(uintptr(unsafe.Pointer(list)))
	var failed error
	for _, session := range unsafe.Slice(list, count) {
		var token windows.Token
		err := windows.WTSQueryUserToken(session.SessionID, &token)
		if errors.Is(err, windows.ERROR_NO_TOKEN) {
			continue // nobody is logged on there
		}
		if err != nil {
			failed = fmt.Errorf("ask for the user of session %d: %w", session.SessionID, err)
			continue
		}
		if id, err := identityOf(token); err == nil && wanted(id) {
			return token, nil
		}
		_ = token.Close()
	}
	return 0, errors.Join(errNotLoggedOn, failed)
}

// userOf reads what a worker needs of a user from its token.
func userOf(token windows.Token) (User, error) {
	id, err := identityOf(token)
	if err != nil {
		return User{}, err
	}
	u := User{Name: string(id.UID), Rights: id.Rights}
	if sid, err := windows.StringToSid(u.Name); err == nil {
		if account, _, _, err := sid.LookupAccount(""); err == nil {
			u.Name = account
		}
	}
	if id.UID == caller.Own() { // an agent run by a user: the folder may be another on purpose
		u.Home, err = os.UserHomeDir()
	} else {
		u.Home, err = token.GetUserProfileDirectory()
	}
	if err != nil {
		return User{}, fmt.Errorf("find the home folder of %s: %w", u.Name, err)
	}
	return u, nil
}

// ownIdentity is the service's own, for a service that an ordinary user runs.
func ownIdentity() (identity, error) {
	return identityOf(windows.GetCurrentProcessToken())
}

// identityOf reads whose token it is, and with which rights.
func identityOf(token windows.Token) (identity, error) {
	uid, rights, err := caller.TokenOwner(token)
	return identity{uid, rights}, err
}
