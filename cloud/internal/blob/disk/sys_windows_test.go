package disk

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/cloud/internal/blob/blobtest"
)

const noSpace = windows.ERROR_DISK_FULL

// A blob that is being read is put again: what is there stays when it is right, and a
// damaged one is not said to be healed.
func TestPutOverABlobThatIsRead(t *testing.T) {
	s := open(t, Config{})
	n, data := blobtest.Data("spc_a", 1, 700_000)
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), n, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	path, err := s.path(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err == nil {
		t.Error("put over a damaged blob that is open")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("holds %d bytes, %v", len(got), err)
	}
	if left, err := filepath.Glob(filepath.Join(s.config.Dir, unfinished, "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
