package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// world is a user's home, a drive in memory and a room between them.
type world struct {
	t     testing.TB
	home  string
	drive *transfertest.Drive
	room  *Room
	op    api.Operation

	folder string // in the cloud that objects lie in
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, home: t.TempDir(), drive: transfertest.NewDrive(t), folder: "Pumps"}
	w.restart()
	return w
}

// restart is another worker of the same user.
func (w *world) restart() {
	w.t.Helper()
	r, err := New(Config{
		Home: w.home, Service: silent{}, Clock: clock.System{}, Cloud: w.drive,
		Wait: func(ctx context.Context, d time.Duration) error {
			if d > 50*time.Millisecond {
				d = time.Millisecond // back-off need not be waited for
			}
			time.Sleep(d)
			return context.Cause(ctx)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.room = r
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.home}, parts...)...)
}

// create asks for a new object; save for the next version of a path's object.
func (w *world) create(path string, assembly bool) workerapi.Store {
	w.op++
	return workerapi.Store{Operation: w.op, Key: fmt.Sprintf("key-of-operation-%06d", w.op), Token: "t", Path: path, Assembly: assembly,
		Space: "sp", SpaceName: "Parts", Name: filepath.Base(path), Account: "lin"}
}

func (w *world) save(path string, assembly bool) workerapi.Store {
	w.t.Helper()
	in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path, Assembly: assembly})
	if err != nil {
		w.t.Fatal(err)
	}
	s := w.create(path, assembly)
	s.Object, s.Base, s.Fence, s.At = in.Object, in.Version, in.Fence, in.At
	s.Name = w.drive.Objects[in.Object].Name
	return s
}

func (w *world) store(s workerapi.Store) workerapi.Stored {
	w.t.Helper()
	got, err := w.room.Store(context.Background(), s)
	if err != nil {
		w.t.Fatalf("store %s: %v", s.Path, err)
	}
	if !got.Queued { // as the service does when the result is durable
		if err := w.room.Discard(context.Background(), workerapi.Staged{Operation: s.Operation, Key: s.Key}); err != nil {
			w.t.Fatal(err)
		}
	}
	return got
}

func (w *world) fetch(object string, version int64, checkout bool) workerapi.Fetched {
	w.t.Helper()
	got, err := w.tryFetch(object, version, checkout)
	if err != nil {
		w.t.Fatalf("fetch %s: %v", object, err)
	}
	return got
}

func (w *world) tryFetch(object string, version int64, checkout bool) (workerapi.Fetched, error) {
	w.op++
	o := w.drive.Objects[object]
	f := workerapi.Fetch{Operation: w.op, Token: "t", Space: "sp", SpaceName: "Parts", Object: object, Path: []string{w.folder},
		Name: o.Name, Kind: o.Kind, Version: w.drive.Version(object, version), Account: "lin"}
	if checkout {
		f.Checkout = &cloudapi.Checkout{Fence: o.Fence}
	}
	return w.room.Fetch(context.Background(), f)
}

// put makes an object with one version of a single file and returns its id.
func (w *world) put(name string, content []byte) string {
	w.t.Helper()
	other := &world{t: w.t, home: w.t.TempDir(), drive: w.drive, op: w.op + 1000, folder: "Pumps"}
	w.op += 2000
	other.restart()
	write(w.t, other.path(name), content)
	return other.store(other.create(other.path(name), false)).Object
}

// next adds a version of an object from another machine.
func (w *world) next(object string, content []byte) {
	w.t.Helper()
	other := &world{t: w.t, home: w.t.TempDir(), drive: w.drive, op: w.op + 1000, folder: "Pumps"}
	w.op += 2000
	other.restart()
	got := other.fetch(object, 0, true)
	write(w.t, got.MainFile, content)
	other.store(other.save(got.MainFile, false))
}

func (w *world) content(object string, version int64) map[string][]byte {
	w.t.Helper()
	got, err := w.drive.Content(w.drive.Version(object, version).Manifest)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func code(t testing.TB, err error, want api.Code) {
	t.Helper()
	if got := api.CodeOf(err); got != want {
		t.Fatalf("code %d (%v), want %d", got, err, want)
	}
}

// noTemps checks that nothing half-done is left beside a path.
func noTemps(t testing.TB, dir string) {
	t.Helper()
	for _, name := range list(t, dir) {
		if strings.HasPrefix(name, hidden) {
			t.Errorf("%s was left behind in %s", name, dir)
		}
	}
}

// failing makes a drive fail calls whose "METHOD path" contains match: before they
// are carried out, or after (a lost answer), n times; n < 0 is for ever.
type failing struct {
	mu    sync.Mutex // guards n and fired
	match string
	done  bool
	n     int
	err   error
	fired int
}

func (f *failing) fault(r cloudhttp.Request, done bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done != f.done || f.n == 0 || !strings.Contains(r.Method+" "+r.Path, f.match) {
		return nil
	}
	f.n--
	f.fired++
	return f.err
}

func equalFile(t testing.TB, path string, want []byte) {
	t.Helper()
	if got := read(t, path); !bytes.Equal(got, want) {
		t.Fatalf("%s holds other bytes: %d of them, want %d", path, len(got), len(want))
	}
}

// holding is hold for as long as the test runs.
func holding(t testing.TB, path string) *held {
	t.Helper()
	h, err := find(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// look is what a worker sees of a path.
func look(t testing.TB, path string) os.FileInfo {
	t.Helper()
	st, err := holding(t, path).lstat()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// link makes a symbolic link. The test is not run where there are none: in Wine 8,
// and for a user of Windows who has no right to make them.
func link(t testing.TB, to, at string) {
	t.Helper()
	err := os.Symlink(filepath.FromSlash(to), at)
	if st, serr := os.Lstat(at); err == nil && serr == nil && st.Mode()&os.ModeSymlink != 0 {
		return
	}
	if runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	t.Skipf("not run: no symbolic links can be made here (%v)", err)
}
