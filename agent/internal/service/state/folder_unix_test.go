//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// closed is nil when nobody else may read or enter what lies at path.
func closed(_ string, d fs.DirEntry) error {
	st, err := d.Info()
	if err == nil && st.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("it has mode %v", st.Mode())
	}
	return err
}

// copyState copies the whole folder with its modes, which CopyFS does not keep.
func copyState(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{".", "sealed", "install.key", "machine.json", "sealed/x.sealed"} {
		mode := os.FileMode(0o600)
		if p == "." || p == "sealed" {
			mode = 0o700
		}
		if err := os.Chmod(filepath.Join(copied, p), mode); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

func TestFolderRefusals(t *testing.T) {
	base := t.TempDir()
	full := func(name string, mode os.FileMode) string {
		dir := filepath.Join(base, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(full("target", 0o700), link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	looseKey := filepath.Join(base, "loosekey")
	mustOpen(t, looseKey, here)
	if err := os.Chmod(filepath.Join(looseKey, "install.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir string }{
		{"others may enter", full("open", 0o755)},
		{"the group may enter", full("group", 0o710)},
		{"a link", link},
		{"a file", file},
		{"a key that the group may read", looseKey},
	} {
		if _, err := Open(Config{Dir: c.dir, Machine: here}); !errors.Is(err, ErrFolder) {
			t.Errorf("%s: got %v, want ErrFolder", c.name, err)
		}
	}
	if os.Geteuid() == 0 {
		dir := full("theirs", 0o700)
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir, Machine: here}); !errors.Is(err, ErrFolder) {
			t.Errorf("another owner: got %v, want ErrFolder", err)
		}
	}
	empty := filepath.Join(base, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, empty, here)
	if st, err := os.Stat(empty); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("an empty folder was not closed: %v", st.Mode())
	}
}
