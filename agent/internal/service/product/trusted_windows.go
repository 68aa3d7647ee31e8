package product

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// trusted refuses a registration that somebody besides the machine's own accounts and
// this agent's could have written.
func trusted(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("registration is no regular file")
	}
	accounts, err := acl.Trusted()
	if err != nil {
		return err
	}
	who, err := acl.Others(windows.Handle(f.Fd()), acl.Change, accounts)
	if err == nil && who != "" {
		err = fmt.Errorf("registration can be changed by %s", who)
	}
	return err
}
