package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestLook(t *testing.T) {
	name := fmt.Sprintf(`\\.\pipe\iscdesk-look-%d`, os.Getpid())
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	described, err := windows.SecurityDescriptorFromString("O:" + user.User.Sid.String() + "D:(A;;GA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	security := windows.SecurityAttributes{SecurityDescriptor: described}
	security.Length = uint32(unsafe.Sizeof(security))
	pipe, err := windows.CreateNamedPipe(wide, windows.PIPE_ACCESS_DUPLEX, windows.PIPE_TYPE_BYTE, 1, 512, 512, 0, &security)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(pipe)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{language: "en"}
	for _, c := range []struct{ name, path, result string }{
		{"a pipe of our own", name, "ok"},
		{"no pipe", name + "-none", "skipped"},
		{"no folder", filepath.Join(file+"s", "x"), "skipped"},
		{"a file", file, "warning"},
		{"no path at all", "a\x00b", "warning"},
	} {
		check := api.Check{Result: "ok"}
		a.look(c.path, &check)
		if check.Result != c.result || check.Found == "" || (check.Do == "") != (c.result != "warning") {
			t.Errorf("%s: %+v", c.name, check)
		}
	}
}

func TestTrustedOwners(t *testing.T) {
	for _, c := range []struct {
		sid  string
		want bool
	}{
		{"S-1-5-18", true},
		{"S-1-5-32-544", false},
		{"S-1-5-19", false},
		{"S-1-5-21-1-2-3-500", false},
	} {
		sid, err := windows.StringToSid(c.sid)
		if err != nil {
			t.Fatal(err)
		}
		if got := trusted(sid); got != c.want {
			t.Errorf("%s: %v", c.sid, got)
		}
	}
}

// A pipe or a file in place of the console is told apart, so that no password is asked for there.
func TestEchoNeedsAConsole(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := echoOff(f); err == nil {
		t.Error("the null device is taken for a console")
	}
}

func TestSystemLanguage(t *testing.T) {
	if tag := systemLanguage(); tag == "" || languageOf(nil, func(string) string { return "" }) != tag {
		t.Errorf("%q", tag)
	}
}
