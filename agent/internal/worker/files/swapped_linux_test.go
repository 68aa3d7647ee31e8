package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A folder that is swapped at every wait and every call to the cloud gives nothing
// of the private one, whichever way a save goes.
func TestSwappedDuringASave(t *testing.T) {
	for _, c := range []struct {
		name     string
		assembly bool
		away     bool // the cloud
		odd      bool // another beat
	}{
		{"a file", false, false, false}, {"a file, other beat", false, false, true},
		{"an assembly", true, false, false}, {"an assembly, other beat", true, false, true},
		{"a queued file", false, true, false}, {"a queued assembly", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDeputy(t)
			path := filepath.Join(d.shared, "part.dxf")
			if c.assembly {
				path = filepath.Join(d.shared, "gear")
			}
			d.store(d.create(path, c.assembly))
			swaps := 0
			swap := func() { swaps++; d.swap() }
			d.room = d.newRoom(func(ctx context.Context, _ time.Duration) error { swap(); return context.Cause(ctx) })
			d.drive.Fault = func(cloudhttp.Request, bool) error {
				if !c.odd {
					swap()
				}
				return nil
			}
			for range 6 {
				if d.swapped {
					d.swap()
				}
				s := d.save(path, c.assembly)
				if c.away {
					s.Token = ""
				}
				for _, name := range []string{"part.dxf", "gear/gear.stp"} { // just written: the look waits for the clock's tick
					write(t, filepath.Join(d.private, name), append(theSecret, random(byte(swaps), 9)...))
					if d.swapped {
						d.swap()
					}
					write(t, filepath.Join(d.shared, name), append(theShared, random(byte(swaps), 9)...))
				}
				got, err := d.room.Store(context.Background(), s)
				if api.CodeOf(err) != api.OK && api.CodeOf(err) != api.FileChanging {
					t.Fatal(err)
				}
				if got.Queued {
					s.Token, s.Staged = "t", true
					d.store(s)
				} else if err := d.room.Discard(context.Background(), workerapi.Staged{Key: s.Key}); err != nil {
					t.Fatal(err)
				}
			}
			if swaps == 0 {
				t.Fatal("nothing was swapped")
			}
			if n := d.kept(); n < 2 {
				t.Errorf("%d versions: the folder that was held was not saved", n)
			}
		})
	}
}

// newRoom is a worker that waits as told.
func (w *world) newRoom(wait func(context.Context, time.Duration) error) *Room {
	w.t.Helper()
	r, err := New(Config{Home: w.home, Service: silent{}, Clock: clock.System{}, Cloud: w.drive, Wait: wait})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// A save that a kill cut is sent from the files only if they are still what was
// saved, and not a byte of anything else crosses.
func TestSwappedBeforeAResend(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(d *deputy)
	}{
		{"a link", (*deputy).swap},
		{"another folder", func(d *deputy) { d.rename(d.shared, d.away+".2"); d.rename(d.private, d.shared) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDeputy(t)
			s := d.create(filepath.Join(d.shared, "part.dxf"), false)
			j, at, err := newSave(s)
			if err != nil {
				t.Fatal(err)
			}
			defer at.close()
			got, err := d.room.snapshot(context.Background(), j.target(at, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := j.take(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.room.newJournal(j, manifest); err != nil { // as a kill before the commit leaves it
				t.Fatal(err)
			}
			c.change(d)
			_, err = d.room.Store(context.Background(), s)
			code(t, err, api.FileChanging)
			if d.drive.Put != 0 || d.kept() != 0 {
				t.Errorf("%d bytes were sent", d.drive.Put)
			}
		})
	}
}

// A conflict copy is not laid through a link that was put into its way; the work
// stays in the outbox.
func TestKeepFollowsNoLink(t *testing.T) {
	d := newDeputy(t)
	path := filepath.Join(d.shared, "part.dxf")
	s := d.queue(path, false)
	write(t, path, []byte("later"))
	d.swap()
	before := list(t, d.private)
	_, err := d.room.Keep(context.Background(), s)
	code(t, err, api.FileChanging)
	if after := list(t, d.private); len(after) != len(before) {
		t.Fatalf("the private folder holds %q", after)
	}
	d.swap()
	if copied := d.keep(s); copied == "" {
		t.Fatal("no copy when the folder is back")
	}
}

// An open compares the files that it is about to replace, not those of a folder
// that the workspace's link leads to in that moment.
func TestWorkspaceSwappedDuringAnOpen(t *testing.T) {
	w := newWorld(t)
	ours, theirs := t.TempDir(), t.TempDir()
	link := func(to string) {
		remove(t, w.path("ISCDesk"))
		if err := os.Symlink(to, w.path("ISCDesk")); err != nil {
			t.Fatal(err)
		}
	}
	link(ours)
	object := w.put("part.stl", []byte("one"))
	w.fetch(object, 0, true)
	part := filepath.Join("Parts", "Pumps", "part.stl")
	write(t, filepath.Join(ours, part), []byte("an hour of work"))
	write(t, filepath.Join(theirs, part), []byte("one")) // looks as if it were saved
	w.next(object, []byte("two"))
	w.drive.Fault = func(cloudhttp.Request, bool) error { link(theirs); return nil }
	got, err := w.tryFetch(object, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if got.ConflictCopy == "" {
		t.Fatal("the work was taken for saved")
	}
	equalFile(t, got.ConflictCopy, []byte("an hour of work"))
	equalFile(t, filepath.Join(ours, part), []byte("two"))
	equalFile(t, filepath.Join(theirs, part), []byte("one"))
}
