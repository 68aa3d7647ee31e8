package product

import (
	"os"
	"testing"
)

// setWritable says whether others may write the file at path.
func setWritable(t *testing.T, path string, others bool) {
	t.Helper()
	mode := os.FileMode(0o644)
	if others {
		mode = 0o666
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// secondName makes one of the file at path.
func secondName(path, name string) error { return os.Symlink(path, name) }
