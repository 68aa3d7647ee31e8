package license

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var (
	ctx = context.Background()
	app = caller.Actor{UID: "1000", Product: "minicad", Language: "en"}
)

// home is a user's folder as the system that runs the test writes it.
func home() string {
	if runtime.GOOS == "windows" {
		return `C:\Users\li\AppData\Local\ISCDesk`
	}
	return "/home/li/.local/share/iscdesk"
}

// fileWorker writes licence files nowhere and remembers what it was given.
type fileWorker struct {
	mu    sync.Mutex // guards what follows
	wrote []workerapi.WriteFile
	fail  error
}

func (w *fileWorker) Call(_ context.Context, method string, params, result any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := params.(workerapi.WriteFile)
	if !ok || method != workerapi.MethodWriteFile {
		return errors.New("unexpected call " + method)
	}
	w.wrote = append(w.wrote, p)
	if r, ok := result.(*workerapi.WrittenFile); ok {
		r.Path = filepath.Join(home(), p.Dir, p.Name)
	}
	return w.fail
}

func (w *fileWorker) Release() {}

// shared is a world that several goroutines look at.
type shared struct {
	mu sync.Mutex // guards w
	w  *world
}

func (s *shared) Now() time.Time              { s.mu.Lock(); defer s.mu.Unlock(); return s.w.Now() }
func (s *shared) real() time.Time             { s.mu.Lock(); defer s.mu.Unlock(); return s.w.real }
func (s *shared) up() (string, time.Duration) { s.mu.Lock(); defer s.mu.Unlock(); return s.w.up() }
func (s *shared) pass(d time.Duration)        { s.mu.Lock(); defer s.mu.Unlock(); s.w.pass(d) }
func (s *shared) set(off time.Duration)       { s.mu.Lock(); defer s.mu.Unlock(); s.w.off = off }
func (s *shared) reboot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.real, s.w.boot, s.w.since = s.w.real.Add(time.Minute), s.w.boot+"'", time.Minute
}

// bench is a room on a real store, real events and a fake cloud. Tests run side by
// side: the pauses between repeats of an absent cloud are real.
type bench struct {
	t       testing.TB
	fake    *cloudtest.Cloud
	world   *shared
	dir     string
	disk    atomicfile.Disk
	worker  *fileWorker
	print   string     // fingerprint
	signed  sync.Mutex // guards the two below: a room's goroutines outlast a request's end a little
	account string
	signErr error

	pausing sync.Mutex                             // guards the two below
	pauses  []time.Duration                        // between the questions of waiting requests; the world's time passes, not the test's
	pause   func(ctx context.Context, n int) error // called in the n-th pause; may be nil

	keys   jose.JSONWebKeySet // of the administrator's file
	store  *state.Store
	events *events.Events
	cloud  *cloud.Cloud
	room   *Room
	tokens cloudapi.Tokens
	halt   func()
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, fake: cloudtest.New(t), world: &shared{w: newWorld()}, dir: filepath.Join(t.TempDir(), "state"),
		worker: &fileWorker{}, print: "MAC|DISK||CPU", account: cloudtest.Account, halt: func() {}}
	b.fake.Now = b.world.real
	b.fake.Life = 1000 * day // sign-in is another room's matter
	t.Cleanup(func() { b.halt() })
	b.start()
	tokens, err := b.cloud.Login(ctx, cloudtest.Account, cloudtest.Password)
	if err != nil {
		t.Fatal(err)
	}
	b.tokens = tokens
	return b
}

// start is a start of the agent after a kill: the room before it is not closed in order.
func (b *bench) start() {
	b.t.Helper()
	b.halt()
	var err error
	if b.store, err = state.Open(state.Config{Dir: b.dir, Machine: map[string]string{"machine-id": "m"}, Disk: b.disk}); err != nil {
		b.t.Fatal(err)
	}
	if b.events, err = events.Open(events.Config{Dir: b.dir, Clock: b.world}); err != nil {
		b.t.Fatal(err)
	}
	var room *Room
	http, err := cloudhttp.New(cloudhttp.Config{Base: b.fake.Server.URL, CAPEM: b.fake.CAPEM(), Proxy: "direct",
		OnTime: func(at time.Time) {
			if room != nil {
				room.ServerTime(at)
			}
		}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.cloud = cloud.New(cloud.Config{HTTP: http, Key: b.store.InstallKey(), Name: "desk", Platform: "linux/amd64", Clock: b.world, Store: b.store})
	worker := func(context.Context) (Worker, error) { return b.worker, nil }
	room, err = New(Config{ImportKeys: b.keys, Cloud: b.cloud, Store: b.store, Events: b.events, Clock: b.world, Uptime: b.world.up,
		User: func(context.Context, caller.UID) (*cloud.User, error) {
			if _, err := b.who(); err != nil {
				return nil, err
			}
			return b.cloud.User(func(context.Context, string) (string, error) { return b.tokens.AccessToken, nil }), nil
		},
		Account:     func(caller.UID) (string, error) { return b.who() },
		Fingerprint: func(context.Context) (api.Fingerprint, error) { return api.Fingerprint{Fingerprint: b.print}, nil },
		Worker:      func(ctx context.Context, _ caller.Actor) (Worker, error) { return worker(ctx) },
		WorkerUser:  func(ctx context.Context, _ caller.UID) (Worker, error) { return worker(ctx) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	room.wait = b.wait
	b.room = room
	ev := b.events
	b.halt = func() { // a kill: nothing is kept on the way out
		room.stop()
		_ = ev.Close()
		room.work.Wait()
		_ = room.out.close()
		http.Close()
	}
}

// wait stands for the pause between two questions.
func (b *bench) wait(ctx context.Context, d time.Duration) error {
	b.pausing.Lock()
	b.pauses = append(b.pauses, d)
	n, pause := len(b.pauses), b.pause
	b.pausing.Unlock()
	b.world.pass(d)
	if pause != nil {
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// inPause sets what happens in pauses from now on.
func (b *bench) inPause(pause func(ctx context.Context, n int) error) {
	b.pausing.Lock()
	defer b.pausing.Unlock()
	b.pauses, b.pause = nil, pause
}

func (b *bench) who() (string, error) {
	b.signed.Lock()
	defer b.signed.Unlock()
	return b.account, b.signErr
}

func (b *bench) sign(account string, err error) {
	b.signed.Lock()
	defer b.signed.Unlock()
	b.account, b.signErr = account, err
}

func (b *bench) owner() events.Owner { return events.Owner{UID: "1000", Product: "minicad"} }

func (b *bench) request(form string) (params map[string]string, state string) {
	b.t.Helper()
	st, err := b.room.Request(ctx, app, api.LicenseRequest{Form: form})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.result(st.Operation)
}

func (b *bench) result(op api.Operation) (map[string]string, string) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if st := b.events.Get(b.owner(), op); st.Event != nil {
			if st.Event.Type != api.EventLicenseVerify || st.Event.Envelope.Operate != api.OperateLicenseVerify {
				b.t.Errorf("event %s, operate %s", st.Event.Type, st.Event.Envelope.Operate)
			}
			eventstest.Documented(b.t, st.Event)
			return st.Event.Envelope.Params, st.State
		}
	}
	b.t.Fatal("the request never ended")
	return nil, ""
}

func (b *bench) state() api.LicenseState { return b.room.State(ctx, app) }

func (b *bench) want(what, state string, code api.Code) {
	b.t.Helper()
	if st := b.state(); st.State != state || st.Code != code {
		b.t.Errorf("%s: got %s (%d), want %s (%d)", what, st.State, st.Code, state, code)
	}
}

func (b *bench) product(change func(p *cloudtest.Product)) {
	b.fake.Lock()
	defer b.fake.Unlock()
	change(b.fake.Products["minicad"])
}

// BenchmarkState is the cached answer that every hello and every license.state takes.
func BenchmarkState(b *testing.B) {
	bench := newBench(b)
	bench.request(api.FormString)
	b.ReportAllocs()
	for b.Loop() {
		bench.state()
	}
}
