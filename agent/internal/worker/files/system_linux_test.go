package files

import (
	"os"
	"testing"
)

const (
	aDevice   = "/dev/null"
	keepsMode = true      // a file says that it is a program
	badName   = "a:b.dxf" // that this system can store and another cannot
)

// exchanged swaps two names as a switch does.
func exchanged(t *testing.T, dir *os.File, a, b string) {
	t.Helper()
	if err := exchange(dir, a, b); err != nil {
		t.Fatal(err)
	}
}

// replaced gives a file the name of another that is being read.
func replaced(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Error(err)
	}
}

// renameOver is how many applications write: a new file in the old one's place.
func renameOver(from, to string) error { return os.Rename(from, to) }

// ownersOnly checks that nobody else may look.
func ownersOnly(t *testing.T, path string) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm()&0o077 != 0 {
		t.Errorf("%s has mode %v (%v)", path, st.Mode().Perm(), err)
	}
}

// verbatim is a folder's path under which names are taken as they are.
func verbatim(dir string) string { return dir }
