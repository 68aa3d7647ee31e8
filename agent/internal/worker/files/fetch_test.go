package files

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// What happens to the local copy when a version is opened over it.
func TestThreeTrees(t *testing.T) {
	one, two := random(1, 900_000), random(2, 700_000)
	for _, c := range []struct {
		name     string
		local    func(t *testing.T, w *world, path string) // after version 1 was opened
		newer    bool                                      // a version 2 exists and is opened
		content  []byte                                    // at the path afterwards
		conflict string                                    // content of the conflict copy
		kept     bool
	}{
		{"untouched, same version", nil, false, one, "", false},
		{"untouched, newer version", nil, true, two, "", false},
		{"touched only, newer version", func(t *testing.T, w *world, path string) {
			if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}, true, two, "", false},
		{"unsaved work, same version", func(t *testing.T, w *world, path string) { write(t, path, []byte("mine")) }, false, []byte("mine"), "", true},
		{"unsaved work, newer version", func(t *testing.T, w *world, path string) { write(t, path, []byte("mine")) }, true, two, "mine", false},
		{"unsaved work that is the newer version", func(t *testing.T, w *world, path string) { write(t, path, two) }, true, two, "", false},
		{"removed", func(t *testing.T, w *world, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, false, one, "", false},
		{"a link in its place", func(t *testing.T, w *world, path string) {
			if err := os.Rename(path, path+".moved"); err != nil {
				t.Fatal(err)
			}
			link(t, path+".moved", path)
		}, true, two, string(one), false},
		{"ledger lost, unsaved work", func(t *testing.T, w *world, path string) {
			write(t, path, []byte("mine"))
			if err := os.Remove(filepath.Join(privateDir(w.home), "ledger.log")); err != nil {
				t.Fatal(err)
			}
		}, false, one, "mine", false},
		{"ledger lost, untouched", func(t *testing.T, w *world, path string) {
			if err := os.Remove(filepath.Join(privateDir(w.home), "ledger.log")); err != nil {
				t.Fatal(err)
			}
		}, false, one, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			object := w.put("part.stl", one)
			path := w.fetch(object, 0, true).MainFile
			if c.local != nil {
				c.local(t, w, path)
			}
			if c.newer {
				w.next(object, two)
			}
			got := w.fetch(object, 0, true)
			if got.MainFile != path || got.KeptLocal != c.kept {
				t.Fatalf("%+v", got)
			}
			equalFile(t, path, c.content)
			if (got.ConflictCopy != "") != (c.conflict != "") {
				t.Fatalf("conflict copy %q", got.ConflictCopy)
			}
			if c.conflict != "" {
				equalFile(t, got.ConflictCopy, []byte(c.conflict))
			}
			noTemps(t, filepath.Dir(path))
			// Whatever came of it, the next open of the same finds nothing to do.
			w.drive.Fault = (&failing{match: "packs/", n: -1, err: transfertest.Away()}).fault
			if again := w.fetch(object, 0, true); again.ConflictCopy != "" || again.KeptLocal != c.kept {
				t.Fatalf("opened again: %+v", again)
			}
		})
	}
}

func TestAssemblyIsSwitchedAsAWhole(t *testing.T) {
	w := newWorld(t)
	dir := w.path("work", "Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), random(1, 300_000))
	write(t, filepath.Join(dir, "old.dxf"), random(2, 300_000))
	object := w.store(w.create(dir, true)).Object
	got := w.fetch(object, 0, true)

	if err := os.Remove(filepath.Join(dir, "old.dxf")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "new.dxf"), random(3, 300_000))
	w.store(w.save(dir, true))
	if again := w.fetch(object, 0, true); again.ConflictCopy != "" || strings.Join(list(t, got.MainFile), " ") != "Pump.dxf new.dxf" {
		t.Fatalf("%+v with %q", again, list(t, got.MainFile))
	}

	// Unsaved work in a part, and a newer version: the old tree goes aside whole and
	// can be saved from there, because it keeps its name.
	write(t, filepath.Join(got.MainFile, "new.dxf"), []byte("mine"))
	write(t, filepath.Join(dir, "new.dxf"), []byte("theirs"))
	w.store(w.save(dir, true))
	again := w.fetch(object, 0, true)
	equalFile(t, filepath.Join(again.MainFile, "new.dxf"), []byte("theirs"))
	if again.ConflictCopy == "" {
		t.Fatal("no conflict copy")
	}
	equalFile(t, filepath.Join(again.ConflictCopy, "new.dxf"), []byte("mine"))
	s := w.create(again.ConflictCopy, true)
	s.Name = "Pump mine"
	w.store(s)
	noTemps(t, filepath.Dir(again.MainFile))
}

// A kill at each step of a switch is put right by the next worker, and the unsaved
// work is always at a name that the user sees.
func TestSwitchCutAtEachStep(t *testing.T) {
	for _, unsavedWork := range []bool{false, true} {
		for step := range 5 { // the last: in two renames, cut between them
			w := newWorld(t)
			object := w.put("part.stl", []byte("one"))
			path := w.fetch(object, 0, true).MainFile
			want := "one"
			if unsavedWork {
				want = "mine"
				write(t, path, []byte(want))
			}
			w.next(object, []byte("two"))
			// What Fetch does, up to the step.
			parent, err := os.OpenRoot(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			defer parent.Close()
			e, _, err := w.room.lookup(path)
			if err != nil {
				t.Fatal(err)
			}
			st := look(t, path)
			temp := tempName(object, w.drive.Version(object, 0).Manifest, path)
			write(t, filepath.Join(filepath.Dir(path), temp), []byte("two"))
			e.Aside = &aside{Temp: temp, Name: hiddenOld(temp), Dev: identify(st).Dev, Ino: identify(st).Ino}
			if unsavedWork {
				e.Aside.Conflict, e.Aside.Name = true, "part (conflict).stl"
			}
			if step > 0 {
				if err := w.room.note(e); err != nil {
					t.Fatal(err)
				}
			}
			d, err := parent.Open(".")
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if step == 4 {
				if err := renameNew(d, "part.stl", e.Aside.Name); err != nil {
					t.Fatal(err)
				}
			} else if step > 1 {
				exchanged(t, d, temp, "part.stl")
			}
			if step == 3 {
				if err := parent.Rename(temp, e.Aside.Name); err != nil {
					t.Fatal(err)
				}
			}
			w.restart()
			got := w.fetch(object, 0, true)
			equalFile(t, path, []byte("two"))
			if (got.ConflictCopy != "") != unsavedWork {
				t.Fatalf("step %d, unsaved %v: %+v", step, unsavedWork, got)
			}
			if unsavedWork {
				equalFile(t, got.ConflictCopy, []byte(want))
			}
			noTemps(t, filepath.Dir(path))
		}
	}
}

func TestCutFetchGoesOn(t *testing.T) {
	w := newWorld(t)
	want := random(4, 20<<20)
	object := w.put("part.stl", want)
	var given, asked atomic.Int64
	first := make(chan struct{}) // closed when the first has its bytes: an error ends the others
	w.drive.Fault = func(r cloudhttp.Request, done bool) error {
		switch {
		case !strings.Contains(r.Path, "/packs/"):
		case done:
			close(first)
		case !given.CompareAndSwap(0, r.Max):
			<-first
			return transfertest.Away()
		}
		return nil
	}
	_, err := w.tryFetch(object, 0, false)
	code(t, err, api.CloudUnreachable)
	dest := w.path("ISCDesk", "Parts", "Pumps", "part.stl")
	if exists(dest) {
		t.Fatal("something half-done is visible")
	}
	w.drive.Fault = func(r cloudhttp.Request, done bool) error {
		if strings.Contains(r.Path, "/packs/") && !done {
			asked.Add(r.Max)
		}
		return nil
	}
	w.restart()
	w.fetch(object, 0, false)
	equalFile(t, dest, want)
	if got, slack := given.Load()+asked.Load(), int64(64<<10); asked.Load() == 0 || got > int64(len(want))+slack {
		t.Fatalf("%d bytes were read, then %d more for %d", given.Load(), asked.Load(), len(want))
	}
	noTemps(t, filepath.Dir(dest))
}

// liar is a drive whose answers with content are spoilt on their way.
type liar struct {
	*transfertest.Drive
	spoil func(b []byte) []byte

	mu   sync.Mutex // guards left: packs are fetched two at a time
	left int
}

// lies says whether this answer is to be spoilt.
func (l *liar) lies() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return false
	}
	l.left--
	return true
}

func (l *liar) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	if r.Method != http.MethodGet || !strings.Contains(r.Path, "/packs/") || !l.lies() {
		return l.Drive.Do(ctx, r)
	}
	var b bytes.Buffer
	real := r.Into
	r.Into = &b
	reply, err := l.Drive.Do(ctx, r)
	if err != nil {
		return reply, err
	}
	n, err := real.Write(l.spoil(b.Bytes()))
	reply.Bytes = int64(n)
	return reply, err
}

func TestSpoiltAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b []byte) []byte
		times int
		want  api.Code
	}{
		{"one bit", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, -1, api.ContentDamaged},
		{"clean early end once", func(b []byte) []byte { return b[:len(b)-1] }, 1, api.OK},
		{"clean early end always", func(b []byte) []byte { return b[:len(b)/2] }, -1, api.CloudAnswer},
		{"nothing", func([]byte) []byte { return nil }, -1, api.CloudAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			object := w.put("part.stl", random(8, 3<<20))
			l := &liar{Drive: w.drive, spoil: c.spoil, left: c.times}
			w.room.cfg.Cloud = l
			_, err := w.tryFetch(object, 0, false)
			code(t, err, c.want)
			if l.left == c.times {
				t.Fatal("the planted fault did not fire")
			}
			dest := w.path("ISCDesk", "Parts", "Pumps", "part.stl")
			if exists(dest) != (c.want == api.OK) {
				t.Fatal("something half-done is visible, or nothing arrived")
			}
		})
	}
}

// A link planted in the workspace must not lead a version out of it.
func TestLinksDoNotLeadOut(t *testing.T) {
	w := newWorld(t)
	object := w.put("part.stl", []byte("one"))
	outside := t.TempDir()
	if err := os.MkdirAll(w.path("ISCDesk", "Parts"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, outside, w.path("ISCDesk", "Parts", "Pumps"))
	if _, err := w.tryFetch(object, 0, false); err == nil {
		t.Fatal("a version left the workspace")
	}
	if names := list(t, outside); len(names) != 0 {
		t.Fatalf("%q stand outside", names)
	}
}

// The workspace as a whole may be a link of the user's own.
func TestWorkspaceBehindALink(t *testing.T) {
	w := newWorld(t)
	data := t.TempDir()
	link(t, data, w.path("ISCDesk"))
	object := w.put("part.stl", []byte("one"))
	got := w.fetch(object, 0, true)
	for _, path := range []string{got.MainFile, filepath.Join(data, "Parts", "Pumps", "part.stl")} {
		in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path})
		if err != nil || in.Object != object || in.Fence == 0 {
			t.Fatalf("%s is %+v, %v", path, in, err)
		}
	}
	w.fetch(object, 0, true)
}

func TestForgottenCheckoutIsReadOnly(t *testing.T) {
	w := newWorld(t)
	object := w.put("part.stl", []byte("one"))
	path := w.fetch(object, 0, true).MainFile
	if err := w.room.Forget(context.Background(), workerapi.Forget{Object: object}); err != nil {
		t.Fatal(err)
	}
	w.restart()
	if in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path}); err != nil || in.Fence != 0 || in.Object != object {
		t.Fatalf("%+v, %v", in, err)
	}
}

// A folder of the workspace that is a link out of it, or to nothing, is named as
// such; nothing is written where it leads.
func TestFolderIsALink(t *testing.T) {
	for _, c := range []struct{ at, to string }{
		{"Parts", "../elsewhere"}, {"Parts", "/"}, {"Parts", "Parts"}, {"Parts/Pumps", "../../elsewhere"}, {"Parts/Pumps", "nowhere"},
	} {
		t.Run(c.at+" to "+c.to, func(t *testing.T) {
			w := newWorld(t)
			object := w.put("part.stl", random(1, 1000))
			for _, dir := range []string{filepath.Dir(w.path(workspace, c.at)), w.path("elsewhere")} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			link(t, c.to, w.path(workspace, c.at))
			_, err := w.tryFetch(object, 0, false)
			code(t, err, api.PathNotRegular)
			if got := list(t, w.path("elsewhere")); len(got) != 0 {
				t.Errorf("%v was written behind the link", got)
			}
		})
	}
}

// lying is a drive whose manifests are the test's: planted, and not held against openapi.yaml.
type lying struct {
	*transfertest.Drive
	manifest []byte
}

// Do answers a call.
func (l lying) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	if !strings.Contains(r.Path, "/manifests/") {
		return l.Drive.Do(ctx, r)
	}
	n, err := r.Into.Write(l.manifest)
	return cloudhttp.Reply{Status: http.StatusOK, Bytes: int64(n)}, err
}

// Versions whose files would run into each other are refused, and nothing of them stays.
func TestFilesThatWouldBeOne(t *testing.T) {
	part := []byte("some bytes of a part")
	at := func(path string, refs ...chunk.Ref) chunk.File {
		f := chunk.File{Path: path, Mode: 0o644, ModTime: time.Unix(1, 0), Chunks: refs}
		for _, r := range refs {
			f.Size += r.Size
		}
		return f
	}
	whole := chunk.Ref{ID: chunk.Sum(part), Size: int64(len(part))}
	short := chunk.Ref{ID: whole.ID, Size: whole.Size - 1}
	const odd, here = "pump", "valve" // the object was renamed in the cloud, its folder here was not
	for _, c := range []struct {
		name, object string
		files        []chunk.File
		want         api.Code
	}{
		{"a main file takes another's name", odd, []chunk.File{at(odd + ".dxf"), at(here + ".dxf")}, api.NameInvalid},
		{"in another case", odd, []chunk.File{at(odd + ".dxf"), at(strings.ToUpper(here) + ".dxf")}, api.NameInvalid},
		{"a main file takes a folder's name", odd, []chunk.File{at(odd + ".dxf"), at(here + ".dxf/a")}, api.NameInvalid},
		{"a chunk of two lengths", odd, []chunk.File{at("a.dxf", whole), at("pump.dxf", short, whole)}, api.ContentDamaged},
		{"both apart", odd, []chunk.File{at(odd+".dxf", whole), at("b.dxf", whole)}, api.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.put("part.dxf", part)
			m, id, err := chunk.Manifest{Kind: chunk.KindAssembly, Files: c.files}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			w.room.cfg.Cloud = lying{w.drive, m}
			dir := w.path(workspace, "Parts", here)
			write(t, filepath.Join(dir, "mine.txt"), nil)
			if err := w.room.note(entry{Path: holding(t, dir).path, Object: "o", Space: "sp", Kind: chunk.KindAssembly, Name: here, Version: 1}); err != nil {
				t.Fatal(err)
			}
			_, err = w.room.Fetch(context.Background(), workerapi.Fetch{Operation: 1, Token: "t", Space: "sp", SpaceName: "Parts", Object: "o",
				Name: c.object, Kind: chunk.KindAssembly, Version: cloudapi.Version{Number: 1, Manifest: id.String()}, Account: "lin"})
			if got := api.CodeOf(err); got != c.want {
				t.Fatalf("code %d (%v), want %d", got, err, c.want)
			}
			noTemps(t, w.path(workspace, "Parts"))
			if there := exists(filepath.Join(dir, here+".dxf")); there != (c.want == api.OK) {
				t.Errorf("the version is there: %v", there)
			}
		})
	}
}
