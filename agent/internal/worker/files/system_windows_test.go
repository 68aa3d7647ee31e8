package files

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

const (
	aDevice   = `C:\windows\` // a folder: what Windows keeps for devices no path gets to
	keepsMode = false
	badName   = "a\u202eb.dxf" // that this system can store and no version
)

// exchanged swaps two names as a switch does, here in two renames.
func exchanged(t *testing.T, dir *os.File, a, b string) {
	t.Helper()
	for _, names := range [][2]string{{b, "between"}, {a, b}, {"between", a}} {
		if err := renameNew(dir, names[0], names[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// replaced gives a file the name of another that is being read, which only the
// file's own new name makes possible here.
func replaced(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(to, fmt.Sprintf("%s.%d", to, rand.Uint64())); err != nil {
		t.Error(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Error(err)
	}
}

// renameOver is how many applications write: a new file in the old one's place. That
// is denied while anybody reads the old one, and tried again.
func renameOver(from, to string) error {
	for n := 0; ; n++ {
		err := os.Rename(from, to)
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || n == 1000 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ownersOnly checks that the access list of a folder of ours names nobody else. That
// of a file in it is inherited, which Wine does not do.
func ownersOnly(t *testing.T, path string) {
	t.Helper()
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		if err != nil {
			t.Error(err)
		}
		return
	}
	h, _, err := acl.Open(path, windows.READ_CONTROL)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h)
	trusted, err := acl.Trusted()
	if err != nil {
		t.Fatal(err)
	}
	if who, err := acl.Others(h, acl.Change, trusted); who != "" || err != nil {
		t.Errorf("%s is open to %s (%v)", path, who, err)
	}
}

// verbatim is a folder's path under which names are taken as they are.
func verbatim(dir string) string { return `\\?\` + dir }
