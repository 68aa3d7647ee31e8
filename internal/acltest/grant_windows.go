package acltest

import (
	"testing"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// What others may be granted, in the form of SDDL.
const (
	Read   = "0x1200a9"
	Write  = "0x12019f"
	Modify = "0x1301ff"
	All    = "FA"
)

// Grant replaces the list of the file or folder at path: all rights for the system and
// this process's account, rights for everybody, "" for none. What will lie in a folder
// inherits it.
func Grant(t testing.TB, path, rights string) {
	t.Helper()
	own, err := acl.User()
	if err != nil {
		t.Fatal(err)
	}
	list := "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;" + own.String() + ")"
	if rights != "" {
		list += "(A;OICI;" + rights + ";;;WD)"
	}
	sd, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := acl.Open(path, windows.WRITE_DAC)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h)
	if err := acl.Protect(h, sd); err != nil {
		t.Fatal(err)
	}
}
