package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// ownFolder makes dir with an access list for this process's account and the system, or
// makes sure that nobody else has a right to it. An empty folder of ours that is too
// open is closed: somebody has just made it.
func ownFolder(dir string) error {
	sd, err := acl.Private()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	if err := acl.Mkdir(dir, sd); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	h, attributes, err := acl.Open(dir, windows.READ_CONTROL|windows.WRITE_DAC)
	if err != nil {
		return refused(dir, err)
	}
	defer windows.CloseHandle(h)
	if attributes&windows.FILE_ATTRIBUTE_DIRECTORY == 0 || attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		return fmt.Errorf("%s is not a folder: %w", dir, ErrFolder)
	}
	trusted, err := acl.Trusted()
	if err != nil {
		return err
	}
	who, err := acl.Others(h, acl.Any, trusted)
	if err != nil || who == "" {
		return err
	}
	if empty(dir) {
		if err := acl.Protect(h, sd); err != nil {
			return err
		}
		// Its owner stays, and until now somebody could lay something into it.
		if who, err = acl.Others(h, acl.Any, trusted); err != nil || who == "" && empty(dir) {
			return err
		}
	}
	if who == "" {
		who = "somebody who used it just now"
	}
	return fmt.Errorf("%s is open to %s; only this agent's account, the system and administrators may have rights to it: %w", dir, who, ErrFolder)
}

func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// refused is the error of a folder that is there and that this account may not open.
func refused(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", err, ErrFolder)
	}
	return err
}

// ownFile refuses a key that others could have laid there. Whether they could read it
// does not matter here: it is protected (see protect), and the folder lets nobody in.
func ownFile(path string) error {
	h, attributes, err := acl.Open(path, windows.READ_CONTROL)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	if attributes&(windows.FILE_ATTRIBUTE_DIRECTORY|windows.FILE_ATTRIBUTE_REPARSE_POINT) != 0 {
		return fmt.Errorf("%s is not a plain file: %w", path, ErrFolder)
	}
	trusted, err := acl.Trusted()
	if err != nil {
		return err
	}
	who, err := acl.Others(h, acl.Change, trusted)
	if err != nil {
		return err
	}
	if who != "" {
		return fmt.Errorf("%s can be changed by %s: %w", path, who, ErrFolder)
	}
	return nil
}
