package caller

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/windows"
)

// tokenAccess is what starting a process with the token takes.
const tokenAccess = windows.TOKEN_QUERY | windows.TOKEN_DUPLICATE | windows.TOKEN_ASSIGN_PRIMARY |
	windows.TOKEN_ADJUST_DEFAULT | windows.TOKEN_ADJUST_SESSIONID

// Token is a primary token with the rights of a caller's process: a worker that is
// started with it can do what that process can, and no more. It lives as long as the
// caller's connection. All methods may be used from any goroutine.
type Token struct {
	mu sync.Mutex    // guards t; only calls of the kernel that do not wait are made while it is held
	t  windows.Token // 0 after Close
}

// newToken makes a token of that of a process, which stays its owner's.
func newToken(of windows.Token) (*Token, error) {
	t := new(Token)
	err := windows.DuplicateTokenEx(of, tokenAccess, nil, windows.SecurityImpersonation, windows.TokenPrimary, &t.t)
	if err != nil {
		return nil, fmt.Errorf("duplicate the token: %w", err)
	}
	return t, nil
}

// Duplicate gives a primary token of its own, for CreateProcessAsUser, that lives
// until the caller of Duplicate closes it. It fails once the connection has ended, and
// for a nil Token.
func (t *Token) Duplicate() (windows.Token, error) {
	if t == nil {
		return 0, errors.New("there is no program of this user that is connected")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.t == 0 {
		return 0, errors.New("the program that asked has ended its connection")
	}
	var copied windows.Token
	err := windows.DuplicateTokenEx(t.t, tokenAccess, nil, windows.SecurityImpersonation, windows.TokenPrimary, &copied)
	if err != nil {
		return 0, fmt.Errorf("duplicate the token: %w", err)
	}
	return copied, nil
}

// Close ends the token; those that Duplicate gave live on.
func (t *Token) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.t == 0 {
		return nil
	}
	err := t.t.Close()
	t.t = 0
	return err
}
