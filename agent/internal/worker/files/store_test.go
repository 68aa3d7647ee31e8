package files

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestSaveAndOpenAtChunkBorders(t *testing.T) {
	sizes := []int{0, 1, chunk.MinSize - 1, chunk.MinSize, chunk.MinSize + 1, chunk.AvgSize, chunk.MaxSize - 1, chunk.MaxSize, chunk.MaxSize + 1, 9<<20 + 1}
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			path := w.path("work", "part.stl")
			want := random(3, n)
			write(t, path, want)
			done := w.store(w.create(path, false))
			if got := w.content(done.Object, 1)["part.stl"]; !bytes.Equal(got, want) {
				t.Fatalf("the cloud holds %d other bytes", len(got))
			}
			got := w.fetch(done.Object, 0, false)
			equalFile(t, got.MainFile, want)
			noTemps(t, filepath.Dir(got.MainFile))
		})
	}
}

func TestAssemblyKeepsItsTree(t *testing.T) {
	w := newWorld(t)
	dir := w.path("work", "Pump")
	want := map[string][]byte{"Pump.dxf": random(1, 300_000), "parts/rotor.dxf": random(2, 70_000), "parts/deep/螺栓.dxf": []byte("bolt"), "empty.txt": {}}
	for name, b := range want {
		write(t, filepath.Join(dir, name), b)
	}
	write(t, filepath.Join(dir, "Pump.dwl"), []byte("lin"))
	if err := os.Chmod(filepath.Join(dir, "parts/rotor.dxf"), 0o700); err != nil {
		t.Fatal(err)
	}
	done := w.store(w.create(dir, true))
	if len(done.Skipped) != 1 || done.Skipped[0] != "Pump.dwl" {
		t.Fatalf("left out %q", done.Skipped)
	}
	got := w.fetch(done.Object, 0, true)
	for name, b := range want {
		equalFile(t, filepath.Join(got.MainFile, name), b)
	}
	if st, err := os.Stat(filepath.Join(got.MainFile, "parts/rotor.dxf")); err != nil || keepsMode && st.Mode().Perm() != 0o700 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	if exists(filepath.Join(got.MainFile, "Pump.dwl")) {
		t.Fatal("a lock file came along")
	}
}

// Saved under another name, an assembly's main file follows the name, and the
// folder here still saves to it.
func TestAssemblySavedUnderAnotherName(t *testing.T) {
	w := newWorld(t)
	dir := w.path("Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), []byte("main"))
	write(t, filepath.Join(dir, "rotor.dxf"), []byte("rotor"))
	s := w.create(dir, true)
	s.Name = "Pump2"
	done := w.store(s)
	got := w.fetch(done.Object, 0, true)
	if filepath.Base(got.MainFile) != "Pump2" || string(read(t, filepath.Join(got.MainFile, "Pump2.dxf"))) != "main" {
		t.Fatalf("opened as %s with %q", got.MainFile, list(t, got.MainFile))
	}
	write(t, filepath.Join(dir, "rotor.dxf"), []byte("rotor 2"))
	w.store(w.save(dir, true))
	if c := w.content(done.Object, 2); string(c["Pump2.dxf"]) != "main" || string(c["rotor.dxf"]) != "rotor 2" {
		t.Fatalf("version 2 is %q", c)
	}
}

func TestSmallEditSendsLittle(t *testing.T) {
	w := newWorld(t)
	dir := w.path("Pump")
	names := []string{"Pump.dxf", "a.dxf", "b.dxf", "c.dxf"}
	const size = 8 << 20
	for i, name := range names {
		write(t, filepath.Join(dir, name), random(byte(i), size))
	}
	w.store(w.create(dir, true))
	w.drive.Take()
	for i, name := range names {
		b := random(byte(i), size)
		at := size / 5 * (i + 1)
		write(t, filepath.Join(dir, name), append(append(bytes.Clone(b[:at]), random(99, 100)...), b[at:]...))
	}
	w.store(w.save(dir, true))
	if sent := w.drive.Take(); sent > 4*2*chunk.MaxSize || sent == 0 {
		t.Fatalf("100 bytes in each of 4 parts sent %d bytes of %d", sent, 4*size)
	}
}

func TestCutTransferSendsOnlyWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	want := random(5, 40<<20)
	write(t, path, want)
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	var puts atomic.Int32
	w.drive.Fault = func(r cloudhttp.Request, done bool) error {
		if done && r.Method == http.MethodPut && puts.Add(1) == 2 {
			cut()
		}
		return nil
	}
	s := w.create(path, false)
	_, err := w.room.Store(ctx, s)
	if err == nil {
		t.Fatal("a cut save succeeded")
	}
	first := w.drive.Take()
	w.drive.Fault = nil
	w.restart()
	done := w.store(s)
	second := w.drive.Take()
	if first == 0 || first+second > int64(len(want))+1<<20 {
		t.Fatalf("%d bytes, then %d more for %d", first, second, len(want))
	}
	if got := w.content(done.Object, 1)["part.stl"]; !bytes.Equal(got, want) {
		t.Fatal("other bytes arrived")
	}
}

func TestFaultsOfTheCloud(t *testing.T) {
	away := transfertest.Away()
	answer := &api.Error{Code: api.CloudAnswer, Detail: "planted: HTML"}
	for _, c := range []struct {
		name   string
		f      *failing
		queued bool
	}{
		{"missing unreachable once", &failing{match: "chunks/missing", n: 1, err: away}, false},
		{"pack unreachable once", &failing{match: "packs/", n: 1, err: away}, false},
		{"pack's answer lost", &failing{match: "packs/", done: true, n: 1, err: away}, false},
		{"manifest's answer is HTML", &failing{match: "manifests/", n: 1, err: answer}, false},
		{"commit's answer lost", &failing{match: "commits", done: true, n: 1, err: away}, false},
		{"commit's answer lost for good", &failing{match: "commits", done: true, n: -1, err: away}, true},
		{"away from the start", &failing{match: "/", n: -1, err: away}, true},
		{"away after the first pack", &failing{match: "packs/", done: true, n: -1, err: away}, true},
		{"away at the manifest", &failing{match: "manifests/", n: -1, err: away}, true},
		{"away at the commit", &failing{match: "commits", n: -1, err: answer}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.path("part.stl")
			want := random(6, 12<<20)
			write(t, path, want)
			w.drive.Fault = c.f.fault
			s := w.create(path, false)
			done := w.store(s)
			if c.f.fired == 0 {
				t.Fatal("the planted fault did not fire")
			}
			if done.Queued != c.queued {
				t.Fatalf("queued %v, want %v", done.Queued, c.queued)
			}
			if done.Queued {
				if done.Why == nil {
					t.Fatal("queued without a reason")
				}
				// The file goes on changing; what was saved is sent exactly as it was.
				write(t, path, []byte("later"))
				w.drive.Fault = nil
				w.restart()
				p, err := w.room.Pending(context.Background())
				if err != nil || len(p.Stores) != 1 || !p.Stores[0].Staged || p.Stores[0].Token != "" {
					t.Fatalf("pending %+v, %v", p, err)
				}
				again := p.Stores[0]
				again.Token = "t"
				done = w.store(again)
			}
			if done.Version != 1 || len(w.drive.Objects) != 1 {
				t.Fatalf("version %d of %d objects", done.Version, len(w.drive.Objects))
			}
			if got := w.content(done.Object, 1)["part.stl"]; !bytes.Equal(got, want) {
				t.Fatal("other bytes arrived")
			}
			if err := w.room.Discard(context.Background(), workerapi.Staged{Operation: s.Operation, Key: s.Key}); err != nil {
				t.Fatal(err)
			}
			if p, err := w.room.Pending(context.Background()); err != nil || len(p.Stores) != 0 {
				t.Fatalf("pending after the end %+v, %v", p, err)
			}
			if in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path}); err != nil || in.Version != 1 || in.Object != done.Object {
				t.Fatalf("the ledger says %+v, %v", in, err)
			}
		})
	}
}

// Two saves of one path wait for the cloud: the second one's base is the first one.
func TestQueuedSavesOfOnePathFollowEachOther(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	write(t, path, []byte("one"))
	object := w.store(w.create(path, false)).Object
	w.drive.Fault = (&failing{match: "/", n: -1, err: transfertest.Away()}).fault
	for _, text := range []string{"two", "three"} {
		write(t, path, []byte(text))
		s := w.save(path, false)
		s.Token = ""
		if !w.store(s).Queued {
			t.Fatal("not queued")
		}
	}
	w.drive.Fault = nil
	w.restart()
	p, err := w.room.Pending(context.Background())
	if err != nil || len(p.Stores) != 2 {
		t.Fatalf("pending %+v, %v", p, err)
	}
	for i := range p.Stores {
		s := p.Stores[i]
		s.Token = "t"
		if got := w.store(s); got.Version != int64(i+2) {
			t.Fatalf("version %d", got.Version)
		}
	}
	if got := w.content(object, 3)["part.stl"]; string(got) != "three" {
		t.Fatalf("newest is %q", got)
	}
}

// A save that was cut before its commit, and whose file has changed since, cannot
// be sent as it was: it says so, and leaves the file alone.
func TestCutSaveOfAChangedFileIsRefused(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	write(t, path, random(7, 3<<20))
	w.drive.Fault = (&failing{match: "manifests/", n: -1, err: &api.Error{Code: api.Internal, Detail: "planted"}}).fault
	s := w.create(path, false)
	j, at, err := newSave(s)
	if err != nil {
		t.Fatal(err)
	}
	defer at.close()
	got, err := w.room.snapshot(context.Background(), j.target(at, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := j.take(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.room.newJournal(j, manifest); err != nil { // as a kill before the commit leaves it
		t.Fatal(err)
	}
	w.drive.Fault = nil
	write(t, path, []byte("later"))
	w.restart()
	_, err = w.room.Store(context.Background(), s)
	code(t, err, api.FileChanging)
	equalFile(t, path, []byte("later"))
}

func TestRefusalsOfTheCloudLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	write(t, path, []byte("one"))
	object := w.store(w.create(path, false)).Object
	for _, c := range []struct {
		name  string
		spoil func(s *workerapi.Store)
		want  api.Code
	}{
		{"stale fence", func(s *workerapi.Store) { s.Fence++ }, api.CheckoutLost},
		{"older base", func(s *workerapi.Store) { s.Base = 7 }, api.Conflict},
		{"name taken", func(s *workerapi.Store) { s.Object, s.Name = "", "part.stl" }, api.NameExists},
		{"object gone", func(s *workerapi.Store) { s.Object = "obj-99" }, api.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, path, []byte(c.name))
			s := w.save(path, false)
			c.spoil(&s)
			_, err := w.room.Store(context.Background(), s)
			code(t, err, c.want)
			if p, err := w.room.Pending(context.Background()); err != nil || len(p.Stores) != 0 {
				t.Fatalf("pending %+v, %v", p, err)
			}
			if in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path}); err != nil || in.Object != object || in.Version != 1 {
				t.Fatalf("the ledger says %+v, %v", in, err)
			}
			equalFile(t, path, []byte(c.name))
		})
	}
}

func TestTwoWorkersOnOnePath(t *testing.T) {
	w := newWorld(t)
	path := w.path("part.stl")
	write(t, path, []byte("one"))
	release, err := w.room.claim(path)
	if err != nil {
		t.Fatal(err)
	}
	w.restart()
	_, err = w.room.Store(context.Background(), w.create(path, false))
	code(t, err, api.PathInUse)
	release()
	w.store(w.create(path, false))
}
