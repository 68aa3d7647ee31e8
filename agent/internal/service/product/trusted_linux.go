package product

import (
	"errors"
	"os"
	"syscall"
)

// trusted refuses a registration that somebody else could have written.
func trusted(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("registration is no regular file")
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		return errors.New("registration belongs to another user")
	}
	if st.Mode().Perm()&0o022 != 0 {
		return errors.New("registration can be written by group or others")
	}
	return nil
}
