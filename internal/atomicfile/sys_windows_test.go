package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// checkMode checks that nobody but the owner and the system may do anything with a
// file whose mode says so.
func checkMode(t *testing.T, path string, perm os.FileMode) {
	t.Helper()
	if perm&0o077 != 0 {
		return // its folder's access list
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
	if who, err := acl.Others(h, acl.Any, trusted); who != "" || err != nil {
		t.Errorf("%s is open to %s (%v)", path, who, err)
	}
}

// hold opens a file as a program does that lets others only read it.
func hold(t *testing.T, path string) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A program that has the file open delays a write; one that keeps it open makes it
// fail, with the old content whole.
func TestHeldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := hold(t, path)
	err := WriteFile(path, []byte("new"), 0o600)
	if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		t.Errorf("written over a file that is open: %v", err)
	}
	if b, err := ReadFile(path, 10); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	let := make(chan error)
	go func() {
		time.Sleep(3 * holdPause)
		let <- windows.CloseHandle(h)
	}()
	if err := errors.Join(WriteFile(path, []byte("new"), 0o600), <-let); err != nil {
		t.Error(err)
	}
	if b, err := ReadFile(path, 10); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}

// A log whose file another program keeps open while it is written anew goes on with
// the old one.
func TestHeldLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, path)
	if err := l.Append([]byte("one")); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Rewrite([][]byte{[]byte("other")}); err == nil {
		t.Error("written anew under an open file")
	}
	if err := errors.Join(l.Append([]byte("two")), windows.CloseHandle(h), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, records := open(t, path); texts(records) != `["one" "two"]` {
		t.Error(texts(records))
	}
}

func TestLongPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("a", 150), strings.Repeat("b", 150), "x")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("long"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(path, 10); err != nil || string(b) != "long" {
		t.Errorf("%q, %v", b, err)
	}
}
