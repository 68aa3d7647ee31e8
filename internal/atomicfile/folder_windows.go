package atomicfile

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// MkdirPrivate makes a folder, with those above it, that only its owner and the system
// may enter, with all that will lie in it. One that is there is left as it is.
func MkdirPrivate(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	sd, err := acl.Private()
	if err == nil {
		err = acl.Mkdir(dir, sd)
	}
	if st, serr := os.Stat(dir); errors.Is(err, os.ErrExist) && serr == nil && st.IsDir() {
		return nil // another process was first
	}
	return err
}
