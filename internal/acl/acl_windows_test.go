package acl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

const stranger = "S-1-5-21-1-2-3-1001"

func TestOthers(t *testing.T) {
	trusted, err := Machine()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sddl string
		rights     windows.ACCESS_MASK
		want       string // beginning, "" for nobody
	}{
		{"system and administrators", "O:SYD:P(A;;FA;;;SY)(A;;FA;;;BA)", Any, ""},
		{"who owns Windows", "O:" + trusted[2].String() + "D:(A;;FA;;;" + trusted[2].String() + ")", Change, ""},
		{"a stranger owns it", "O:" + stranger + "D:P(A;;FA;;;SY)", Change, "the account " + stranger + ", who owns it"},
		{"nobody owns it", "D:P(A;;FA;;;SY)", Change, "nobody"},
		{"no list at all", "O:SY", Change, "everybody"},
		{"an empty list", "O:SYD:P", Change, ""},
		{"users read", "O:SYD:(A;;FA;;;SY)(A;;0x1200a9;;;BU)", Change, ""},
		{"users read what is private", "O:SYD:(A;;FA;;;SY)(A;;0x1200a9;;;BU)", Any, "Users"},
		{"users write", "O:SYD:(A;;FA;;;SY)(A;;0x2;;;BU)", Change, "Users"},
		{"users append", "O:SYD:(A;;0x4;;;BU)", Change, "Users"},
		{"users add names to a high folder", "O:SYD:(A;;0x6;;;AU)", Replace, ""},
		{"users delete below a high folder", "O:SYD:(A;;0x40;;;AU)", Replace, "Authenticated Users"},
		{"users delete it", "O:SYD:(A;;SD;;;AU)", Replace, "Authenticated Users"},
		{"users change its list", "O:SYD:(A;;WD;;;WD)", Replace, "Everyone"},
		{"users take it", "O:SYD:(A;;WO;;;WD)", Replace, "Everyone"},
		{"all by one generic right", "O:SYD:(A;;GA;;;WD)", Replace, "Everyone"},
		{"writing by a generic right", "O:SYD:(A;;GW;;;WD)", Change, "Everyone"},
		{"only for what comes below", "O:SYD:(A;OICIIO;FA;;;CO)", Change, ""},
		{"only for what comes below, where that counts", "O:SYD:(A;OICIIO;FA;;;CO)", Any, "CREATOR OWNER"},
		{"denied before granted", "O:SYD:(D;;FA;;;BU)(A;;FA;;;BU)", Change, "Users"},
		{"denied only", "O:SYD:(D;;FA;;;BU)(A;;FA;;;SY)", Change, ""},
		{"the last of many", "O:SYD:" + strings.Repeat("(A;;FA;;;SY)", 50) + "(A;;FA;;;" + stranger + ")", Change, "the account " + stranger},
	} {
		t.Run(c.name, func(t *testing.T) {
			sd, err := windows.SecurityDescriptorFromString(c.sddl)
			if err != nil {
				t.Skipf("this system does not read %s: %v", c.sddl, err)
			}
			got, err := others(sd, c.rights, trusted)
			if err != nil || !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestNullListIsOpenToAll(t *testing.T) {
	trusted, err := Machine()
	if err != nil {
		t.Fatal(err)
	}
	sd, err := windows.NewSecurityDescriptor()
	if err == nil {
		err = errors.Join(sd.SetOwner(trusted[0], false), sd.SetDACL(nil, true, false))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := others(sd, Change, trusted); err != nil || !strings.HasPrefix(got, "everybody") {
		t.Errorf("got %q, %v", got, err)
	}
}

// A kind of entry that is not understood could grant anything.
func TestUnknownEntryIsNamed(t *testing.T) {
	sd, err := windows.SecurityDescriptorFromString("O:SYD:(A;;FA;;;SY)")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	var ace *windows.ACCESS_ALLOWED_ACE
	if err := windows.GetAce(list, 0, &ace); err != nil {
		t.Fatal(err)
	}
	ace.Header.AceType = 5 // ACCESS_ALLOWED_OBJECT_ACE_TYPE: its account lies elsewhere
	trusted, err := Machine()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := others(sd, Change, trusted); err != nil || got != "an entry of kind 5" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPrivateFolder(t *testing.T) {
	sd, err := Private()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "own")
	if err := Mkdir(dir, sd); err != nil {
		t.Fatal(err)
	}
	if err := Mkdir(dir, sd); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	trusted, err := Trusted()
	if err != nil {
		t.Fatal(err)
	}
	for path, folder := range map[string]bool{dir: true, file: false} {
		h, attributes, err := Open(path, windows.READ_CONTROL)
		if err != nil {
			t.Fatal(err)
		}
		rights := windows.ACCESS_MASK(Any)
		if !folder {
			rights = Change // Wine gives a new file its own mode and no inherited list
		}
		who, err := Others(h, rights, trusted)
		if who != "" || err != nil || (attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0) != folder {
			t.Errorf("%s: %q, %v, attributes %x", path, who, err, attributes)
		}
		_ = windows.CloseHandle(h)
	}
}

func TestProtectClosesWhatWasOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "open")
	own, err := User()
	if err != nil {
		t.Fatal(err)
	}
	open, err := describe("O:" + own.String() + "D:P(A;OICI;FA;;;" + own.String() + ")(A;OICI;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	if err := Mkdir(dir, open); err != nil {
		t.Fatal(err)
	}
	trusted, err := Trusted()
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := Open(dir, windows.READ_CONTROL|windows.WRITE_DAC)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h)
	if who, err := Others(h, Any, trusted); who != "Everyone" || err != nil {
		t.Fatalf("before: %q, %v", who, err)
	}
	sd, err := Private()
	if err == nil {
		err = Protect(h, sd)
	}
	if err != nil {
		t.Fatal(err)
	}
	if who, err := Others(h, Any, trusted); who != "" || err != nil {
		t.Errorf("after: %q, %v", who, err)
	}
}

func TestAccountOfThisProcess(t *testing.T) {
	own, err := User()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := Trusted()
	if err != nil || !among(trusted, own) {
		t.Errorf("%v, %v", trusted, err)
	}
	if _, err := Public(); err != nil {
		t.Error(err)
	}
}
