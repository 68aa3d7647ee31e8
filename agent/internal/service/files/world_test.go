package files

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/agent/internal/worker/files"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	uid     = caller.UID("1000")
	account = "lin@example.com"
	device  = "dev-7"
)

// desk is an agent's files room with a worker of the user in the same process.
type desk struct {
	t     *testing.T
	dir   string // state of the agent
	home  string
	drive *drive
	clock *clocktest.Clock // of the room

	events *events.Events
	room   *Room
	worker *files.Room
	s      *events.Session

	mu      sync.Mutex     // guards what follows
	dying   map[string]int // method: how many workers die under it
	pages   map[api.Operation]workerapi.Page
	ended   map[api.Operation]workerapi.PageEnd
	account error            // of the sign-in
	who     string           // is signed in
	failing map[string]error // what a worker answers to a method
	workers int              // that were asked for
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, dir: t.TempDir(), home: t.TempDir(), drive: newDrive(t), dying: make(map[string]int),
		clock: clocktest.New(time.Now()), who: account, failing: make(map[string]error),
		pages: make(map[api.Operation]workerapi.Page), ended: make(map[api.Operation]workerapi.PageEnd)}
	d.start()
	t.Cleanup(d.stop)
	return d
}

func (d *desk) start() {
	d.t.Helper()
	var err error
	if d.events, err = events.Open(events.Config{Dir: d.dir, Clock: clock.System{}}); err != nil {
		d.t.Fatal(err)
	}
	if d.s, _, err = d.events.Attach(events.Owner{UID: uid, Product: "minicad"}, ""); err != nil {
		d.t.Fatal(err)
	}
	d.worker, err = files.New(files.Config{Home: d.home, Clock: clock.System{}, Cloud: d.drive, Service: d,
		Wait: func(ctx context.Context, w time.Duration) error {
			time.Sleep(min(w, 20*time.Millisecond))
			return context.Cause(ctx)
		}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.room = New(Config{
		Events: d.events, Clock: d.clock, Cloud: "https://cloud.example.com",
		Device: func() string { return device },
		Account: func(caller.UID) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.who, d.account
		},
		User: func(context.Context, caller.UID) (Cloud, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return bound{d.drive, d, d.who}, nil
		},
		Worker:     func(context.Context, caller.Actor) (Worker, error) { return d.acquire(), nil },
		WorkerUser: func(context.Context, caller.UID) (Worker, error) { return d.acquire(), nil },
	})
	d.room.Resume(context.Background())
}

func (d *desk) acquire() Worker {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers++
	return inside{d}
}

// signIn lets an account take the place of the one that is signed in.
func (d *desk) signIn(who string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.who = who
}

// fail lets workers answer a method with err, or with their own answer again.
func (d *desk) fail(method string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing[method] = err
}

// stop is the agent's orderly end.
func (d *desk) stop() {
	if d.events == nil {
		return
	}
	d.events.Stop()
	if err := d.room.Close(); err != nil {
		d.t.Error(err)
	}
	if err := d.events.Close(); err != nil {
		d.t.Error(err)
	}
	d.events = nil
}

// Call and Notify are the worker's way back.
func (d *desk) Call(ctx context.Context, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	got, err := d.room.Handle(ctx, uid, method, raw)
	if err != nil {
		return err
	}
	return recode(got, result)
}

func (d *desk) Notify(method string, params any) error {
	raw, err := json.Marshal(params)
	if err == nil {
		d.room.Notice(uid, method, raw)
	}
	return err
}

func (d *desk) actor() caller.Actor {
	return caller.Actor{UID: uid, Product: "minicad"}
}

// result waits for an operation's end, or for its being queued.
func (d *desk) result(op api.Operation) map[string]string {
	d.t.Helper()
	for range 3000 {
		st := d.events.Get(events.Owner{UID: uid, Product: "minicad"}, op)
		if st.State == api.OpDone || st.State == api.OpFailed {
			eventstest.Documented(d.t, st.Event)
			return st.Event.Envelope.Params
		}
		if st.State == api.OpQueued {
			return map[string]string{"queued": "true"}
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("operation %d does not end", op)
	return nil
}

// final waits for the end of a queued operation.
func (d *desk) final(op api.Operation) map[string]string {
	d.t.Helper()
	for range 3000 {
		if p := d.result(op); p["queued"] != "true" {
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("operation %d stays queued", op)
	return nil
}

// pageEnd waits for what a page was told at its end.
func (d *desk) pageEnd(op api.Operation) workerapi.PageEnd {
	d.t.Helper()
	for range 1000 {
		d.mu.Lock()
		end, ok := d.ended[op]
		d.mu.Unlock()
		if ok {
			return end
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("the page of operation %d was told no end", op)
	return workerapi.PageEnd{}
}

func (d *desk) save(path string, assembly bool) map[string]string {
	d.t.Helper()
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path, Assembly: assembly})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.result(st.Operation)
}

func (d *desk) saveTo(path, name string) map[string]string {
	d.t.Helper()
	st, err := d.room.SaveTo(context.Background(), d.actor(), api.SaveTo{Path: path, Space: "sp", Name: name})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.result(st.Operation)
}

func (d *desk) open(o api.Open) map[string]string {
	d.t.Helper()
	st, err := d.room.Open(context.Background(), d.actor(), o)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.result(st.Operation)
}

// object makes an object that nobody has checked out.
func (d *desk) object(name, content string) string {
	d.t.Helper()
	dir := d.t.TempDir()
	other, err := files.New(files.Config{Home: dir, Clock: clock.System{}, Cloud: d.drive, Service: d})
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(filepath.Join(dir, name), content)
	got, err := other.Store(context.Background(), workerapi.Store{Operation: 1, Key: "seed-of-the-test-" + strings.TrimSuffix(name, ".stl"), Token: "t",
		Path: filepath.Join(dir, name), Space: "sp", SpaceName: "Parts", Name: name, Account: account})
	if err != nil {
		d.t.Fatal(err)
	}
	delete(d.drive.leases, got.Object)
	return got.Object
}

// checkedOut makes an object of content "one" and opens it with check-out.
func (d *desk) checkedOut() (object, path string) {
	d.t.Helper()
	object = d.object("part.stl", "one")
	return object, d.open(api.Open{Object: object, Checkout: true})["mainFile"]
}

func (d *desk) write(path, content string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// newest is the content of an object's newest version.
func (d *desk) newest(object string) string {
	d.t.Helper()
	got, err := d.drive.Content(d.drive.Version(object, 0).Manifest)
	if err != nil {
		d.t.Fatal(err)
	}
	var all []string
	for _, b := range got {
		all = append(all, string(b))
	}
	return strings.Join(all, "\n")
}

// inCloud fails unless content is an object's newest version.
func (d *desk) inCloud(object, content string) {
	d.t.Helper()
	if got := d.newest(object); got != content {
		d.t.Fatalf("the cloud holds %q, want %q", got, content)
	}
}

// onDisk fails unless content is what path holds.
func (d *desk) onDisk(path, content string) {
	d.t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != content {
		d.t.Fatalf("%s is %q, %v, want %q", path, b, err, content)
	}
}

func want(t *testing.T, params map[string]string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if params[pairs[i]] != pairs[i+1] {
			t.Fatalf("%s is %q, want %q in %v", pairs[i], params[pairs[i]], pairs[i+1], params)
		}
	}
}

func codeText(c api.Code) string { return fmt.Sprint(int(c)) }

// outboxIsEmpty waits until the worker's outbox holds nothing.
func (d *desk) outboxIsEmpty() {
	d.t.Helper()
	for range 1000 {
		p, err := d.worker.Pending(context.Background())
		if err != nil {
			d.t.Fatal(err)
		}
		if len(p.Stores) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatal("the outbox is not emptied")
}

// queueSave saves content, which must be queued: the cloud is away.
func (d *desk) queueSave(path, content string) api.Operation {
	d.t.Helper()
	d.write(path, content)
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		d.t.Fatal(err)
	}
	d.isQueued(st.Operation)
	return st.Operation
}

// isQueued waits until a save is in the queue, which is after it was told.
func (d *desk) isQueued(op api.Operation) {
	d.t.Helper()
	want(d.t, d.result(op), "queued", "true")
	for end := time.Now().Add(10 * time.Second); !d.waits(op); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatal("what was told to be queued is not")
		}
	}
}

// copies are the conflict copies in a folder.
func (d *desk) copies(dir string) []string {
	d.t.Helper()
	got, err := filepath.Glob(filepath.Join(dir, "* (conflict *"))
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}
