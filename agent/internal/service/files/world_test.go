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
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/worker/files"
	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	uid     = 1000
	account = "lin@example.com"
	device  = "dev-7"
)

// drive is the fake cloud of both sides: what the service asks as a user, over
// the drive in memory that the worker transfers with.
type drive struct {
	*transfertest.Drive

	mu      sync.Mutex // guards what follows
	away    bool
	leases  map[string]*cloudapi.Checkout
	nextErr map[string]error // the next call of that name fails
	tokens  int
}

func newDrive() *drive {
	d := &drive{Drive: transfertest.NewDrive(), leases: make(map[string]*cloudapi.Checkout), nextErr: make(map[string]error)}
	d.Fault = func(cloudhttp.Request, bool) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.away {
			return transfertest.Away()
		}
		return nil
	}
	return d
}

// Do is the worker's way. A new object is checked out to who made it.
func (d *drive) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	reply, err := d.Drive.Do(ctx, r)
	if done, ok := r.Result.(*cloudapi.Committed); ok && err == nil && done.Checkout != nil && done.Version == 1 {
		done.Checkout.Account, done.Checkout.Device = account, device
		d.mu.Lock()
		defer d.mu.Unlock()
		d.leases[done.Object] = done.Checkout
	}
	return reply, err
}

func (d *drive) setAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func (d *drive) call(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return transfertest.Away()
	}
	err := d.nextErr[name]
	delete(d.nextErr, name)
	return err
}

func (d *drive) Spaces(context.Context) (cloudapi.Spaces, error) {
	return cloudapi.Spaces{Spaces: []cloudapi.Space{{ID: "sp", Name: "Parts", Role: "editor"}}}, d.call("spaces")
}

func (d *drive) Entries(_ context.Context, _, _, _ string) (cloudapi.Listing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var l cloudapi.Listing
	for id, o := range d.Objects {
		l.Entries = append(l.Entries, cloudapi.Entry{ID: id, Kind: o.Kind, Name: o.Name, Version: int64(len(o.Versions)), Checkout: d.leases[id]})
	}
	return l, nil
}

func (d *drive) Object(_ context.Context, object string) (cloudapi.Object, error) {
	if err := d.call("object"); err != nil {
		return cloudapi.Object{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.Objects[object]
	if o == nil {
		return cloudapi.Object{}, refuse(api.NotFound, object)
	}
	return cloudapi.Object{Space: "sp", SpaceName: "Parts", Role: "editor", Path: []cloudapi.Entry{{ID: "f1", Kind: "folder", Name: "Pumps"}},
		Entry: cloudapi.Entry{ID: object, Kind: o.Kind, Name: o.Name, Version: int64(len(o.Versions)), Checkout: d.leases[object]}}, nil
}

func (d *drive) Versions(_ context.Context, object string, before int64) (cloudapi.Versions, error) {
	o := d.Objects[object]
	var v cloudapi.Versions
	for n := int64(len(o.Versions)); n > 0; n-- {
		if before == 0 || n < before {
			v.Versions = append(v.Versions, cloudapi.Version{Number: n, Manifest: o.Versions[n-1]})
		}
	}
	return v, d.call("versions")
}

func (d *drive) NewFolder(_ context.Context, _ string, f cloudapi.NewFolder) (cloudapi.Entry, error) {
	return cloudapi.Entry{ID: "f2", Kind: "folder", Name: f.Name}, d.call("newFolder")
}

func (d *drive) Checkout(_ context.Context, object string, _ int64) (cloudapi.Checkout, error) {
	if err := d.call("checkout"); err != nil {
		return cloudapi.Checkout{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.leases[object]
	if l != nil && l.Account != account {
		return cloudapi.Checkout{}, refuse(api.HeldByOther, "planted")
	}
	if l == nil {
		d.Objects[object].Fence++
		l = &cloudapi.Checkout{Fence: d.Objects[object].Fence, Account: account, Device: device}
		d.leases[object] = l
	}
	return *l, nil
}

func (d *drive) Checkin(_ context.Context, object string, fence int64) error {
	if err := d.call("checkin"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.leases[object]; l == nil || l.Fence != fence {
		return refuse(api.CheckoutLost, "planted")
	}
	delete(d.leases, object)
	return nil
}

// take gives the check-out to someone else, as an owner of the space may.
func (d *drive) take(object string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Objects[object].Fence++
	d.leases[object] = &cloudapi.Checkout{Fence: d.Objects[object].Fence, Account: "chen@example.com", Device: "dev-8"}
}

func (d *drive) Transfer(context.Context, string, cloudapi.NewTransfer) (cloudapi.TransferToken, error) {
	d.mu.Lock()
	d.tokens++
	d.mu.Unlock()
	return cloudapi.TransferToken{Token: "t"}, d.call("transfer")
}

// desk is an agent's files room with a worker of the user in the same process.
type desk struct {
	t     *testing.T
	dir   string // state of the agent
	home  string
	drive *drive

	events *events.Events
	room   *Room
	worker *files.Room
	s      *events.Session

	mu      sync.Mutex     // guards what follows
	dying   map[string]int // method: how many workers die under it
	pages   map[api.Operation]workerapi.Page
	ended   map[api.Operation]workerapi.PageEnd
	account error // of the sign-in
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, dir: t.TempDir(), home: t.TempDir(), drive: newDrive(), dying: make(map[string]int),
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
		Events: d.events, Clock: clock.System{}, Cloud: "https://cloud.example.com",
		Device: func() string { return device },
		Account: func(int) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return account, d.account
		},
		User:       func(context.Context, int) (Cloud, error) { return d.drive, nil },
		Worker:     func(context.Context, caller.Actor) (Worker, error) { return inside{d}, nil },
		WorkerUser: func(context.Context, int) (Worker, error) { return inside{d}, nil },
	})
	d.room.Resume(context.Background())
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

func recode(from, into any) error {
	if into == nil {
		return nil
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// inside is the worker as the service sees it.
type inside struct{ d *desk }

func (inside) Release() {}

func (w inside) Call(ctx context.Context, method string, params, result any) error {
	w.d.mu.Lock()
	dies := w.d.dying[method] > 0
	if dies {
		w.d.dying[method]--
	}
	w.d.mu.Unlock()
	got, err := w.serve(ctx, method, params)
	if dies { // after the work: the worst moment
		return fmt.Errorf("%w: planted", launch.ErrLost)
	}
	if err != nil {
		return err
	}
	return recode(got, result)
}

func (w inside) serve(ctx context.Context, method string, params any) (any, error) {
	switch method {
	case workerapi.MethodFetch:
		return serve(ctx, params, w.d.worker.Fetch)
	case workerapi.MethodInspect:
		return serve(ctx, params, w.d.worker.Inspect)
	case workerapi.MethodStore:
		return serve(ctx, params, w.d.worker.Store)
	case workerapi.MethodPending:
		return w.d.worker.Pending(ctx)
	case workerapi.MethodKeep:
		return serve(ctx, params, w.d.worker.Keep)
	case workerapi.MethodDiscard:
		return serve(ctx, params, func(ctx context.Context, o workerapi.Staged) (api.None, error) {
			return api.None{}, w.d.worker.Discard(ctx, o)
		})
	case workerapi.MethodForget:
		return serve(ctx, params, func(ctx context.Context, f workerapi.Forget) (api.None, error) {
			return api.None{}, w.d.worker.Forget(ctx, f)
		})
	case workerapi.MethodPage:
		return serve(ctx, params, func(_ context.Context, p workerapi.Page) (workerapi.PageOpened, error) {
			w.d.mu.Lock()
			defer w.d.mu.Unlock()
			w.d.pages[p.Operation] = p
			return workerapi.PageOpened{URL: "http://127.0.0.1:1/#token"}, nil
		})
	case workerapi.MethodPageEnd:
		return serve(ctx, params, func(_ context.Context, p workerapi.PageEnd) (api.None, error) {
			w.d.mu.Lock()
			defer w.d.mu.Unlock()
			w.d.ended[p.Operation] = p
			return api.None{}, nil
		})
	case workerapi.MethodCancel:
		return api.None{}, nil
	}
	return nil, fmt.Errorf("no method %s", method)
}

func serve[P, R any](ctx context.Context, params any, fn func(context.Context, P) (R, error)) (any, error) {
	var p P
	if err := recode(params, &p); err != nil {
		return nil, err
	}
	return fn(ctx, p)
}

func (d *desk) actor() caller.Actor {
	return caller.Actor{UID: uid, GID: uid, Product: "minicad"}
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

func want(t *testing.T, params map[string]string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if params[pairs[i]] != pairs[i+1] {
			t.Fatalf("%s is %q, want %q in %v", pairs[i], params[pairs[i]], pairs[i+1], params)
		}
	}
}

func codeText(c api.Code) string { return fmt.Sprint(int(c)) }
