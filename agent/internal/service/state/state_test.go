package state

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

var here = map[string]string{"machine-id": "aaaa", "board": "B-1"}

func mustOpen(t *testing.T, dir string, machine map[string]string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir, Machine: machine})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type secret struct{ Token string }

func load(s *Store, name string) (string, error) {
	var v secret
	err := s.LoadSealed(name, &v)
	return v.Token, err
}

func TestSealedRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, here)
	if s.Reset() != nil {
		t.Fatal(s.Reset())
	}
	if err := s.SaveSealed("signin-1000", secret{"the token itself"}); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, dir, here)
	if !bytes.Equal(again.InstallKey(), s.InstallKey()) {
		t.Error("the install key changed at the second start")
	}
	if got, err := load(again, "signin-1000"); got != "the token itself" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := load(again, "signin-1001"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing record: %v", err)
	}
	names, err := again.Names("signin-")
	if err != nil || len(names) != 1 || names[0] != "signin-1000" {
		t.Errorf("names %v, %v", names, err)
	}
	if err := again.Delete("signin-1000"); err != nil {
		t.Error(err)
	}
	if err := again.Delete("signin-1000"); err != nil {
		t.Errorf("second delete: %v", err)
	}
	const windows = "license-S.1.5.21.3623811015.3361044348.30300820.1013-cad"
	if err := s.SaveSealed(windows, secret{"w"}); err != nil {
		t.Error(err)
	}
	if names, err := s.Names("license-S"); err != nil || len(names) != 1 || names[0] != windows {
		t.Errorf("names %v, %v", names, err)
	}
	for _, name := range []string{"", "../x", "a/b", "A", ".x", strings.Repeat("a", 201)} {
		if err := s.SaveSealed(name, 1); err == nil {
			t.Errorf("record name %q was taken", name)
		}
	}
}

func TestNothingReadableOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, here)
	if err := s.SaveSealed("x", secret{"the token itself"}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := closed(path, d); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("token itself")) || bytes.Contains(b, []byte("aaaa")) || bytes.Contains(b, []byte("B-1")) {
			t.Errorf("%s shows a secret or a machine's part", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRecordIsSetAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, here)
	path := filepath.Join(dir, "sealed", "x.sealed")
	for _, c := range []struct {
		name string
		harm func() error
	}{
		{"flipped byte", func() error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)-3] ^= 1
			return os.WriteFile(path, b, 0o600)
		}},
		{"cut short", func() error { return os.Truncate(path, 20) }},
		{"empty", func() error { return os.Truncate(path, 0) }},
		{"another record's bytes", func() error {
			if err := s.SaveSealed("y", secret{"y"}); err != nil {
				return err
			}
			return os.Rename(filepath.Join(dir, "sealed", "y.sealed"), path)
		}},
		{"huge", func() error { return os.Truncate(path, 2<<20) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.SaveSealed("x", secret{"v"}); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(); err != nil {
				t.Fatal(err)
			}
			_, err := load(s, "x")
			var d *atomicfile.DamagedError
			if !errors.Is(err, atomicfile.ErrDamaged) || !errors.As(err, &d) {
				t.Fatalf("got %v, want ErrDamaged", err)
			}
			if _, err := os.Stat(d.Aside); err != nil {
				t.Errorf("not kept: %v", err)
			}
			if _, err := load(s, "x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("second reading: %v", err)
			}
		})
	}
}

// TestOtherMachine copies the whole folder, as an imaging tool would.
func TestOtherMachine(t *testing.T) {
	for _, c := range []struct {
		name    string
		machine map[string]string
		refused bool
	}{
		{"the same", here, false},
		{"board cannot be read today", map[string]string{"machine-id": "aaaa"}, false},
		{"a part more", map[string]string{"machine-id": "aaaa", "board": "B-1", "uuid": "U"}, false},
		{"cloned image, other board", map[string]string{"machine-id": "aaaa", "board": "B-2"}, true},
		{"other machine id", map[string]string{"machine-id": "bbbb", "board": "B-1"}, true},
		{"everything else", map[string]string{"machine-id": "bbbb", "board": "B-2"}, true},
		{"nothing can be read", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s := mustOpen(t, dir, here)
			if err := s.SaveSealed("x", secret{"v"}); err != nil {
				t.Fatal(err)
			}
			copied := copyState(t, dir)
			other := mustOpen(t, copied, c.machine)
			got, err := load(other, "x")
			sameKey := bytes.Equal(other.InstallKey(), s.InstallKey())
			if !c.refused {
				if got != "v" || err != nil || !sameKey || other.Reset() != nil {
					t.Fatalf("got %q, %v, same key %v, reset %v", got, err, sameKey, other.Reset())
				}
				// and a part that came back later still fits
				if mustOpen(t, copied, here).Reset() != nil {
					t.Error("refused with its old parts")
				}
				return
			}
			if !errors.Is(other.Reset(), ErrOtherMachine) || !errors.Is(err, fs.ErrNotExist) || sameKey {
				t.Fatalf("got %q, %v, same key %v, reset %v", got, err, sameKey, other.Reset())
			}
			kept, err := filepath.Glob(filepath.Join(copied, "*.damaged-1"))
			if err != nil || len(kept) != 3 {
				t.Errorf("set aside: %v, %v", kept, err)
			}
		})
	}
}

func TestUnboundStoreBindsLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, nil)
	if err := s.SaveSealed("x", secret{"v"}); err != nil {
		t.Fatal(err)
	}
	if got, err := load(mustOpen(t, dir, here), "x"); got != "v" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	if s := mustOpen(t, dir, map[string]string{"machine-id": "bbbb"}); !errors.Is(s.Reset(), ErrOtherMachine) {
		t.Errorf("bound store opened elsewhere: %v", s.Reset())
	}
}

func TestDamagedKeys(t *testing.T) {
	for _, name := range []string{"install.key", "machine.json"} {
		for _, harm := range []string{"garbage", "gone"} {
			t.Run(name+" "+harm, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "state")
				s := mustOpen(t, dir, here)
				if err := s.SaveSealed("x", secret{"v"}); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, name)
				if harm == "gone" {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
					t.Fatal(err)
				}
				s = mustOpen(t, dir, here)
				if s.Reset() == nil {
					t.Fatal("the store did not say that it began anew")
				}
				if err := s.SaveSealed("x", secret{"w"}); err != nil {
					t.Fatal(err)
				}
				if got, err := load(mustOpen(t, dir, here), "x"); got != "w" || err != nil {
					t.Fatalf("got %q, %v", got, err)
				}
			})
		}
	}
}

// TestFirstStartOnAFailingDisk refuses each step of a first start in turn; the
// start after it must work and keep what the failed one finished.
func TestFirstStartOnAFailingDisk(t *testing.T) {
	for nth := 1; ; nth++ {
		dir := filepath.Join(t.TempDir(), "state")
		steps := 0
		_, err := Open(Config{Dir: dir, Machine: here, Disk: atomicfile.Disk{
			Fault: func(atomicfile.Step, string) error {
				if steps++; steps == nth {
					return errors.New("planted")
				}
				return nil
			}}})
		if steps < nth {
			if nth < 5 {
				t.Fatalf("only %d steps were tried", nth)
			}
			return
		}
		if err == nil {
			t.Fatalf("step %d: the planted fault did not show", nth)
		}
		if s := mustOpen(t, dir, here); s.Reset() != nil {
			t.Errorf("step %d: the next start began anew: %v", nth, s.Reset())
		}
	}
}
