package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
	"github.com/iscdesk/iscdesk/cloud/internal/blob/blobtest"
)

const testMax = 1 << 20

func open(t *testing.T, c Config) *Store {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "blobs")
	}
	c.Max = testMax
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	blobtest.Run(t, testMax, func(t *testing.T) blob.Store { return open(t, Config{}) })
}

func TestEachRefusedStepLeavesTheBlobAbsentOrWhole(t *testing.T) {
	for _, step := range []Step{StepMkdir, StepCreate, StepWrite, StepSync, StepRename, StepSyncDir} {
		t.Run(string(step), func(t *testing.T) {
			refuse, fired := false, 0
			s := open(t, Config{Fault: func(got Step, path string) error {
				if refuse && got == step {
					fired++
					return fmt.Errorf("write %s: %w", path, noSpace)
				}
				return nil
			}})
			n, data := blobtest.Data("spc_a", 1, 700_000)
			refuse = true
			if err := s.Put(t.Context(), n, bytes.NewReader(data)); !errors.Is(err, blob.ErrFull) {
				t.Errorf("put: %v instead of ErrFull", err)
			}
			if fired == 0 {
				t.Fatal("the planted fault was not met")
			}
			if r, err := s.Get(t.Context(), n, 0, -1); err == nil {
				got, _ := io.ReadAll(r)
				r.Close()
				if !bytes.Equal(got, data) {
					t.Errorf("half a blob is visible: %d bytes", len(got))
				}
			} else if !errors.Is(err, blob.ErrNotFound) {
				t.Error(err)
			}
			if left := files(t, filepath.Join(s.config.Dir, unfinished)); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			refuse = false
			if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
				t.Errorf("put again: %v", err)
			}
		})
	}
}

func TestOpenRemovesWhatKilledWritersLeft(t *testing.T) {
	s := open(t, Config{})
	n, data := blobtest.Data("spc_a", 1, 100)
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.config.Dir, unfinished, "HALF"), data[:50], 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Dir: s.config.Dir})
	if left := files(t, filepath.Join(s.config.Dir, unfinished)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := s.Stat(t.Context(), n); err != nil {
		t.Errorf("the finished blob: %v", err)
	}
}

func TestPutHealsADamagedFile(t *testing.T) {
	s := open(t, Config{})
	n, data := blobtest.Data("spc_a", 1, 100)
	path, err := s.path(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("rust"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access lists, not modes")
	}
	s := open(t, Config{})
	n, data := blobtest.Data("spc_a", 1, 100)
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(s.config.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
