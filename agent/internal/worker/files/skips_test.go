package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// elsewhere is another machine on the same drive.
func (w *world) elsewhere() *world {
	w.t.Helper()
	other := &world{t: w.t, home: w.t.TempDir(), drive: w.drive, op: w.op + 1000}
	w.op += 2000
	other.restart()
	return other
}

// What a save leaves out is in no version, so an open of a newer one must not
// remove it: it goes with the folder, or stays beside.
func TestLeftOutFilesSurviveAnOpen(t *testing.T) {
	const notes = "an hour of work"
	for _, c := range []struct {
		name, left string
		theirs     func(t *testing.T, w *world, dir string) // on the other machine
		copied     bool
	}{
		{"beside the main file", "notes.lck", func(*testing.T, *world, string) {}, false},
		{"in a folder that the newer version lacks", "sub/deep/plan.dwl", func(*testing.T, *world, string) {}, false},
		{"where the newer version has content", "notes.lck", func(t *testing.T, w *world, _ string) { w.plantLock("notes.lck") }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			there := w.elsewhere()
			dir := there.path("Pump")
			write(t, filepath.Join(dir, "Pump.dxf"), random(1, 300_000))
			object := there.store(there.create(dir, true)).Object
			got := w.fetch(object, 0, false)
			left := filepath.Join(got.MainFile, filepath.FromSlash(c.left))
			write(t, left, []byte(notes))

			write(t, filepath.Join(dir, "Pump.dxf"), random(2, 300_000))
			there.store(there.save(dir, true))
			c.theirs(t, there, dir)
			again := w.fetch(object, 0, false)
			equalFile(t, filepath.Join(again.MainFile, "Pump.dxf"), random(2, 300_000))
			if (again.ConflictCopy != "") != c.copied {
				t.Fatalf("%+v", again)
			}
			if c.copied {
				left = filepath.Join(again.ConflictCopy, filepath.FromSlash(c.left))
			}
			equalFile(t, left, []byte(notes))
			noTemps(t, filepath.Dir(again.MainFile))
			if third := w.fetch(object, 0, false); third.ConflictCopy != "" || third.KeptLocal {
				t.Errorf("opened again: %+v", third)
			}
		})
	}
}

// plantLock adds a version to the drive's only object that holds a lock-named
// file, as another program than ours may.
func (w *world) plantLock(name string) {
	w.t.Helper()
	for id, o := range w.drive.Objects {
		get, err := w.drive.Content(o.Versions[len(o.Versions)-1])
		if err != nil {
			w.t.Fatal(err)
		}
		at := w.elsewhere()
		dir := at.path(o.Name)
		for rel, b := range get {
			write(w.t, filepath.Join(dir, filepath.FromSlash(rel)), b)
		}
		write(w.t, filepath.Join(dir, name), []byte("lock file as content"))
		s := at.create(dir, true)
		s.Object, s.Base, s.Fence = id, int64(len(o.Versions)), o.Fence
		// The ledger says that the path's version holds the file: then it is content.
		if err := at.room.withLedger(func(l *ledger) error {
			e := entry{Path: holding(w.t, dir).path, Object: id, Space: "sp", Kind: "assembly", Name: o.Name, Version: 1, Manifest: "m",
				Files: []fileState{{Path: name}}}
			return l.put(e)
		}); err != nil {
			w.t.Fatal(err)
		}
		at.store(s)
	}
}

// A version that holds a lock-named file is content like any other: opened again it
// is clean, saved it keeps the file, and a newer version replaces it without a copy.
func TestVersionWithALockNamedFile(t *testing.T) {
	w := newWorld(t)
	there := w.elsewhere()
	dir := there.path("Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), random(1, 300_000))
	object := there.store(there.create(dir, true)).Object
	there.plantLock("x.lck")
	if got := fmt.Sprint(keys(w.content(object, 2))); got != "map[Pump.dxf:true x.lck:true]" {
		t.Fatalf("planted %s", got)
	}
	first := w.fetch(object, 0, true)
	if e, _, err := w.room.lookup(holding(t, first.MainFile).path); err != nil || !w.room.untouched(context.Background(), holding(t, first.MainFile), e) {
		t.Errorf("read again to be known as untouched (%v)", err)
	}
	for _, c := range []struct {
		name   string
		before func()
	}{
		{"untouched", func() {}},
		{"restarted", w.restart},
		{"touched", func() { write(t, filepath.Join(first.MainFile, "x.lck"), []byte("lock file as content")) }},
		{"ledger lost", func() { remove(t, w.path(".local", "share", "iscdesk", "ledger.log")) }},
	} {
		c.before()
		if got := w.fetch(object, 0, true); got.ConflictCopy != "" || got.KeptLocal {
			t.Fatalf("%s: %+v", c.name, got)
		}
	}
	write(t, filepath.Join(first.MainFile, "Pump.dxf"), random(3, 300_000))
	write(t, filepath.Join(first.MainFile, "y.lck"), []byte("a real lock"))
	done := w.store(w.save(first.MainFile, true))
	if strings.Join(done.Skipped, " ") != "y.lck" {
		t.Errorf("left out %q", done.Skipped)
	}
	if got := fmt.Sprint(keys(w.content(object, 3))); got != "map[Pump.dxf:true x.lck:true]" {
		t.Errorf("saved %s", got)
	}
	if got := w.fetch(object, 2, true); got.ConflictCopy != "" || got.KeptLocal {
		t.Errorf("the older version: %+v", got)
	}
	equalFile(t, filepath.Join(first.MainFile, "y.lck"), []byte("a real lock"))
}

func keys(m map[string][]byte) map[string]bool {
	k := make(map[string]bool)
	for name := range m {
		k[name] = true
	}
	return k
}

// A kill between the moves of left-out files and the removal is gone on with.
func TestLeftOutFilesAfterAKill(t *testing.T) {
	w := newWorld(t)
	there := w.elsewhere()
	dir := there.path("Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), random(1, 300_000))
	object := there.store(there.create(dir, true)).Object
	got := w.fetch(object, 0, false)
	for _, name := range []string{"a.lck", "b.lck"} {
		write(t, filepath.Join(got.MainFile, name), []byte(name))
	}
	// As a kill leaves it: exchanged, the old tree at its hidden name, a.lck moved.
	e, _, err := w.room.lookup(holding(t, got.MainFile).path)
	if err != nil {
		t.Fatal(err)
	}
	parent := filepath.Dir(e.Path)
	old := hiddenOld(tempName(object, e.Manifest, e.Path))
	st := look(t, e.Path)
	e.Aside = &aside{Temp: strings.TrimSuffix(old, ".old"), Name: old, Dev: identify(st).Dev, Ino: identify(st).Ino, Op: 1}
	if err := w.room.note(e); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(e.Path, filepath.Join(parent, old)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(e.Path, "Pump.dxf"), random(1, 300_000))
	if err := os.Rename(filepath.Join(parent, old, "a.lck"), filepath.Join(e.Path, "a.lck")); err != nil {
		t.Fatal(err)
	}
	w.restart()
	if _, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: e.Path, Assembly: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.lck", "b.lck"} {
		equalFile(t, filepath.Join(e.Path, name), []byte(name))
	}
	noTemps(t, parent)
}
