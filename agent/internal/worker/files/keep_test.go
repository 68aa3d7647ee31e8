package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// queue stages what lies at a path as the cloud's absence does.
func (w *world) queue(path string, assembly bool) workerapi.Staged {
	w.t.Helper()
	s := w.create(path, assembly)
	s.Token = ""
	if !w.store(s).Queued {
		w.t.Fatal("not queued")
	}
	return workerapi.Staged{Operation: s.Operation, Key: s.Key}
}

func (w *world) keep(s workerapi.Staged) string {
	w.t.Helper()
	got, err := w.room.Keep(context.Background(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.ConflictCopy
}

func TestRefusedWorkIsLaidBeside(t *testing.T) {
	big := random(4, 9<<20)
	for _, c := range []struct {
		name   string
		change func(path string)
		copied bool
	}{
		{"nothing changed", func(string) {}, false},
		{"written anew with the same bytes", func(p string) { write(t, p, big) }, false},
		{"edited on", func(p string) { write(t, p, []byte("later")) }, true},
		{"removed", func(p string) { remove(t, p) }, true},
		{"folder removed", func(p string) { remove(t, filepath.Dir(p)) }, true},
		{"a folder in its place", func(p string) { remove(t, p); write(t, filepath.Join(p, "x"), nil) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.path("work", "part.stl")
			write(t, path, big)
			s := w.queue(path, false)
			c.change(path)
			got := w.keep(s)
			if (got != "") != c.copied {
				t.Fatalf("copy %q", got)
			}
			if c.copied {
				equalFile(t, got, big)
				if again := w.keep(s); again != got {
					t.Fatalf("asked again: %q, first %q", again, got)
				}
				noTemps(t, filepath.Dir(path))
			}
			if err := w.room.Discard(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			if again := w.keep(s); again != "" {
				t.Fatalf("after its end: %q", again)
			}
		})
	}
}

func TestRefusedAssemblyIsLaidAsFolder(t *testing.T) {
	w := newWorld(t)
	dir := w.path("work", "Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), []byte("main"))
	write(t, filepath.Join(dir, "parts", "rotor.dxf"), random(2, 3<<20))
	s := w.queue(dir, true)
	write(t, filepath.Join(dir, "parts", "rotor.dxf"), []byte("later"))
	got := w.keep(s)
	if filepath.Base(got) != "Pump" || filepath.Dir(filepath.Dir(got)) != filepath.Dir(dir) {
		t.Fatalf("laid as %q", got)
	}
	equalFile(t, filepath.Join(got, "Pump.dxf"), []byte("main"))
	equalFile(t, filepath.Join(got, "parts", "rotor.dxf"), random(2, 3<<20))
	equalFile(t, filepath.Join(dir, "parts", "rotor.dxf"), []byte("later"))
	// A copy with its own main file can be saved as a new object.
	if _, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: got, Assembly: true}); err != nil {
		t.Fatal(err)
	}
}

// A kill before the copy has its name, and after: one copy is made.
func TestKeepCutIsGoneOnWith(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	want := random(4, 3<<20)
	write(t, path, want)
	s := w.queue(path, false)
	write(t, path, []byte("later"))
	j, _, err := w.room.readJournal(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	first := w.keep(s)
	// As it is when the journal names the copy, which stands under its temporary name.
	temp := w.path(tempName(s.Key, j.Manifest.String(), path))
	if err := os.Rename(first, temp); err != nil {
		t.Fatal(err)
	}
	w.restart()
	got := w.keep(s)
	equalFile(t, got, want)
	if exists(temp) || got != first && exists(first) {
		t.Fatalf("%q in %s", list(t, w.home), w.home)
	}
	// Cancelled in its middle, nothing half-done stays.
	if err := os.Remove(got); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(context.Canceled)
	if _, err := w.room.Keep(ctx, s); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	noTemps(t, w.home)
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
