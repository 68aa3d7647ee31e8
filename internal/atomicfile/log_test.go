package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, path string) (*Log, [][]byte) {
	t.Helper()
	l, records, err := OpenLog(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, records
}

func fill(t *testing.T, path string, records ...string) {
	t.Helper()
	l, _ := open(t, path)
	for _, r := range records {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func texts(records [][]byte) string { return fmt.Sprintf("%q", records) }

// The child of a killed process holds its lock until it is another program.
func TestLogWaitsForALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	fill(t, path, "one")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock(f); err != nil {
		t.Fatal(err)
	}
	released := time.AfterFunc(4*lockPause, func() { _ = f.Close() })
	defer released.Stop()
	_, records := open(t, path)
	if got := texts(records); got != `["one"]` {
		t.Fatal(got)
	}
}

func TestLogKeepsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	fill(t, path, "one", "", "three")
	l, records := open(t, path)
	if got := texts(records); got != `["one" "" "three"]` {
		t.Fatal(got)
	}
	if err := l.Append([]byte("four")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenLog(path, 0o600); !errors.Is(err, ErrLocked) {
		t.Fatalf("second opening: got %v, want ErrLocked", err)
	}
	if err := l.Rewrite([][]byte{[]byte("only")}); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("next")); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := l.Append([]byte("late")); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
	_, records = open(t, path)
	if got := texts(records); got != `["only" "next"]` {
		t.Fatal(got)
	}
	checkMode(t, path, 0o600)
}

func TestLogConcurrentAppendsShareSyncs(t *testing.T) {
	syncs := 0
	var mu sync.Mutex // guards syncs
	d := Disk{Fault: func(s Step, _ string) error {
		if s == StepSync {
			mu.Lock()
			syncs++
			mu.Unlock()
		}
		return nil
	}}
	path := filepath.Join(t.TempDir(), "x.log")
	l, _, err := d.OpenLog(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	const n = 400
	l.flush.Lock() // a slow disk: everyone arrives while a flush runs
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := l.Append(fmt.Appendf(nil, "%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	for {
		l.mu.Lock()
		waiting := l.open != nil && len(l.open.records) == n
		l.mu.Unlock()
		if waiting {
			break
		}
	}
	l.flush.Unlock()
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if syncs > 2 { // one made the file, one carried all records
		t.Errorf("%d records took %d syncs", n, syncs)
	}
	_, records := open(t, path)
	if len(records) != n {
		t.Errorf("got %d records, want %d", len(records), n)
	}
}

// TestLogCut tries every length at which a power loss can leave the last frame.
func TestLogCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	fill(t, path, "one", "two")
	two, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, path, "three")
	three, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(two); n < len(three); n++ {
		for name, tail := range map[string][]byte{"cut": three[len(two):n], "zeros": make([]byte, n-len(two))} {
			p := filepath.Join(dir, fmt.Sprintf("%s-%d.log", name, n))
			if err := os.WriteFile(p, append(bytes.Clone(two), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			l, records := open(t, p)
			if got := texts(records); got != `["one" "two"]` {
				t.Fatalf("%s at %d: %s", name, n, got)
			}
			if err := l.Append([]byte("again")); err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			if _, records = open(t, p); texts(records) != `["one" "two" "again"]` {
				t.Fatalf("%s at %d, after append: %s", name, n, texts(records))
			}
		}
	}
}

// TestLogDamage flips every byte of the first of two acknowledged frames.
func TestLogDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	fill(t, path, "zero")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, path, "one")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, path, "two")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(good); i < len(first); i++ {
		p := filepath.Join(dir, fmt.Sprintf("flip-%d.log", i))
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if err := os.WriteFile(p, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		l, records, err := OpenLog(p, 0o600)
		var d *DamagedError
		if !errors.Is(err, ErrDamaged) || !errors.As(err, &d) {
			t.Fatalf("byte %d: got %v, want ErrDamaged", i, err)
		}
		if got := texts(records); got != `["zero"]` {
			t.Fatalf("byte %d: %s", i, got)
		}
		kept, err := os.ReadFile(d.Aside)
		if err != nil || !bytes.Equal(kept, bad) {
			t.Fatalf("byte %d: the damaged file was not kept: %v", i, err)
		}
		if err := l.Append([]byte("on")); err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, records = open(t, p); texts(records) != `["zero" "on"]` {
			t.Fatalf("byte %d, second opening: %s", i, texts(records))
		}
	}
}

func TestLogStrangeFiles(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          error
	}{
		{"empty", "", nil},
		{"half of the first line", "ISCL", nil},
		{"zeros", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", nil},
		{"text", "hello, this is something else\n", ErrDamaged},
		{"later version", "ISCLOG2\nabc", ErrDamaged},
		{"short text", "hi", ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			l, records, err := OpenLog(path, 0o600)
			if !errors.Is(err, c.want) || len(records) != 0 || l == nil {
				t.Fatalf("got %v, %v, want %v", records, err, c.want)
			}
			if err := l.Append([]byte("x")); err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			if _, records := open(t, path); texts(records) != `["x"]` {
				t.Fatal(texts(records))
			}
		})
	}
}

func TestReplaceKeepsTheFileBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, path)
	for _, r := range []string{"unusable", "good"} {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	aside, err := l.Replace([][]byte{[]byte("good")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("next")); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, before) {
		t.Errorf("the file was not kept: %v", err)
	}
	if _, records := open(t, path); texts(records) != `["good" "next"]` {
		t.Errorf("went on with %s", texts(records))
	}
	if _, err := l.Replace(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("replace after close: %v", err)
	}
}
