package state

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
	"github.com/iscdesk/iscdesk/internal/acltest"
)

// closed is nil when nobody else has a right to the folder at path. Files inherit that
// list, but under Wine, which gives them a mode of their own.
func closed(path string, d fs.DirEntry) error {
	if !d.IsDir() {
		return nil
	}
	h, _, err := acl.Open(path, windows.READ_CONTROL)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	trusted, err := acl.Trusted()
	if err != nil {
		return err
	}
	who, err := acl.Others(h, acl.Any, trusted)
	if who != "" {
		err = fmt.Errorf("it is open to %s", who)
	}
	return err
}

// copyState copies the whole folder as a tool that keeps access lists does.
func copyState(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	for _, folder := range []string{copied, filepath.Join(copied, "sealed")} {
		if err := ownFolder(folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestFolderRefusals(t *testing.T) {
	base := t.TempDir()
	made := func(name string) string {
		dir := filepath.Join(base, name)
		if err := mustOpen(t, dir, here).SaveSealed("x", secret{"v"}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	read, write, key, sealed := made("read"), made("write"), made("key"), made("sealed")
	acltest.Grant(t, read, acltest.Read)
	acltest.Grant(t, write, acltest.All)
	acltest.Grant(t, filepath.Join(key, "install.key"), acltest.Write)
	acltest.Grant(t, filepath.Join(sealed, "sealed"), acltest.Read)
	for _, c := range []struct{ name, dir string }{
		{"others may read", read},
		{"others may write", write},
		{"a file", file},
		{"a key that others may write", key},
		{"records that others may read", sealed},
	} {
		if _, err := Open(Config{Dir: c.dir, Machine: here}); !errors.Is(err, ErrFolder) {
			t.Errorf("%s: got %v, want ErrFolder", c.name, err)
		}
	}
	link := filepath.Join(base, "link")
	err := os.Symlink(made("target"), link)
	if st, statErr := os.Lstat(link); err != nil || statErr != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Logf("no link could be made that this system shows as one: %v, %v", err, statErr)
	} else if _, err := Open(Config{Dir: link, Machine: here}); !errors.Is(err, ErrFolder) {
		t.Errorf("a link: got %v, want ErrFolder", err)
	}
	empty := filepath.Join(base, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	acltest.Grant(t, empty, acltest.All)
	mustOpen(t, empty, here)
	st, err := os.Stat(empty)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed(empty, fs.FileInfoToDirEntry(st)); err != nil {
		t.Errorf("an empty folder was not closed: %v", err)
	}
}

func TestKeyIsProtectedByWindows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, here)
	path := filepath.Join(dir, "install.key")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock || bytes.Contains(block.Bytes, s.InstallKey().Seed()) {
		t.Fatalf("the key lies open: %s", text)
	}
	for name, harm := range map[string]func([]byte) []byte{
		"cut short":      func(b []byte) []byte { return b[:len(b)/2] },
		"its head":       func(b []byte) []byte { b[0] ^= 1; return b },
		"its end":        func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"empty":          func([]byte) []byte { return nil },
		"something else": func([]byte) []byte { return []byte("another text") },
	} {
		t.Run(name, func(t *testing.T) {
			if der, err := unprotect(harm(bytes.Clone(block.Bytes))); !errors.Is(err, errProtected) {
				t.Errorf("%d bytes, %v", len(der), err)
			}
		})
	}
	// An open key of Linux is not taken here, and one of another account begins anew.
	open := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes})
	if err := os.WriteFile(path, open, 0o600); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, dir, here)
	if again.Reset() == nil || again.InstallKey().Equal(ed25519.PrivateKey(s.InstallKey())) {
		t.Errorf("reset %v", again.Reset())
	}
}

func TestProtectRoundTrip(t *testing.T) {
	for _, n := range []int{1, 48, 4096} {
		plain := bytes.Repeat([]byte{7}, n)
		text, err := protect(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unprotect(text); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}
