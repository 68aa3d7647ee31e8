package license

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var (
	ctx = context.Background()
	app = caller.Actor{UID: 1000, Product: "minicad", Language: "en"}
)

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
		r.Path = "/home/li/.local/share/iscdesk/" + p.Dir + "/" + p.Name
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

type bench struct {
	t       *testing.T
	fake    *cloudtest.Cloud
	world   *shared
	dir     string
	disk    atomicfile.Disk
	worker  *fileWorker
	print   string // fingerprint
	account string
	signErr error

	store  *state.Store
	events *events.Events
	cloud  *cloud.Cloud
	room   *Room
	tokens cloudapi.Tokens
	halt   func()
}

func newBench(t *testing.T) *bench {
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
	room, err = New(Config{Cloud: b.cloud, Store: b.store, Events: b.events, Clock: b.world, Uptime: b.world.up,
		User: func(context.Context, int) (*cloud.User, error) {
			if b.signErr != nil {
				return nil, b.signErr
			}
			return b.cloud.User(func(context.Context, string) (string, error) { return b.tokens.AccessToken, nil }), nil
		},
		Account:     func(int) (string, error) { return b.account, b.signErr },
		Fingerprint: func(context.Context) (api.Fingerprint, error) { return api.Fingerprint{Fingerprint: b.print}, nil },
		Worker:      func(ctx context.Context, _ caller.Actor) (Worker, error) { return worker(ctx) },
		WorkerUser:  func(ctx context.Context, _ int) (Worker, error) { return worker(ctx) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
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

func (b *bench) owner() events.Owner { return events.Owner{UID: 1000, Product: "minicad"} }

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

func TestRequestInBothForms(t *testing.T) {
	b := newBench(t)
	b.want("at first", api.StateNone, api.LicenseNone)
	p, state := b.request(api.FormString)
	if state != api.OpDone || p["Status"] != "success" || p["LicenseType"] != "string" || p["LicenseContent"] != "MINICAD1|text" ||
		p["offline"] != "false" || p["state"] != api.StateValid || p["until"] == "" {
		t.Errorf("string form: %s %v", state, p)
	}
	for _, absent := range []string{"status", "LicenseFilePath", "code"} {
		if _, there := p[absent]; there {
			t.Errorf("string form has %q: %v", absent, p)
		}
	}
	p, state = b.request(api.FormFile)
	want := "/home/li/.local/share/iscdesk/licenses/minicad/license.lic"
	if _, there := p["LicenseContent"]; state != api.OpDone || p["LicenseFilePath"] != want || p["LicenseType"] != "file" || there {
		t.Errorf("file form: %s %v", state, p)
	}
	if len(b.worker.wrote) != 1 || string(b.worker.wrote[0].Data) != "MINICAD1|text" {
		t.Errorf("written: %+v", b.worker.wrote)
	}
	b.want("after", api.StateValid, api.OK)
	if st := b.state(); st.Offline || st.Checked.IsZero() || st.Until.IsZero() {
		t.Errorf("state %+v", st)
	}
	if other := b.room.State(ctx, caller.Actor{UID: 1001, Product: "minicad"}); other.State != api.StateNone {
		t.Errorf("another OS user: %+v", other)
	}
	if other := b.room.State(ctx, caller.Actor{UID: 1000, Product: "othercad"}); other.State != api.StateNone {
		t.Errorf("another product: %+v", other)
	}
}

func TestRequestRefusals(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name string
		a    caller.Actor
		q    api.LicenseRequest
		want api.Code
	}{
		{"no product", caller.Actor{UID: 1000}, api.LicenseRequest{Form: "string"}, api.InvalidArgument},
		{"a product that is a path", caller.Actor{UID: 1000, Product: "../x"}, api.LicenseRequest{Form: "string"}, api.InvalidArgument},
		{"no form", app, api.LicenseRequest{}, api.InvalidArgument},
		{"devInfo too long", app, api.LicenseRequest{Form: "string", DevInfo: strings.Repeat("x", api.MaxDevInfo+1)}, api.TooLarge},
		{"devInfo not UTF-8", app, api.LicenseRequest{Form: "string", DevInfo: "\xff"}, api.InvalidArgument},
		{"a path as file name", app, api.LicenseRequest{Form: "file", FileName: "../../etc/passwd"}, api.NameInvalid},
		{"dots as file name", app, api.LicenseRequest{Form: "file", FileName: ".."}, api.NameInvalid},
		{"comeBack that is no object", app, api.LicenseRequest{Form: "string", ComeBack: "7"}, api.InvalidArgument},
	} {
		if _, err := b.room.Request(ctx, c.a, c.q); api.CodeOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	b.account, b.signErr = "", &api.Error{Code: api.NotSignedIn}
	if _, err := b.room.Request(ctx, app, api.LicenseRequest{Form: "string"}); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("not signed in: %v", err)
	}
	b.want("not signed in", api.StateNone, api.NotSignedIn)
}

func TestCloudAway(t *testing.T) {
	for outage, code := range map[string]api.Code{cloudtest.Down: api.CloudUnreachable, cloudtest.HTML: api.CloudAnswer, cloudtest.Broken: api.CloudAnswer} {
		t.Run(outage, func(t *testing.T) {
			b := newBench(t)
			b.fake.Set(outage)
			p, state := b.request(api.FormString)
			if state != api.OpFailed || p["Status"] != "failed" || p["code"] != strconv.Itoa(int(code)) || p["reason"] == "" || p["hint"] == "" {
				t.Errorf("nothing cached: %s %v", state, p)
			}
			b.fake.Set(cloudtest.Up)
			if _, state := b.request(api.FormString); state != api.OpDone {
				t.Fatal(state)
			}
			b.fake.Set(outage)
			for _, restarted := range []bool{false, true} {
				p, state = b.request(api.FormString)
				if state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["offline"] != "true" {
					t.Errorf("cached, restarted %v: %s %v", restarted, state, p)
				}
				if st := b.state(); !st.Offline || st.State != api.StateValid {
					t.Errorf("cached, restarted %v: %+v", restarted, st)
				}
				b.start()
			}
			if p, state = b.request(api.FormFile); state != api.OpFailed || p["code"] != strconv.Itoa(int(code)) {
				t.Errorf("a form that was never fetched: %s %v", state, p)
			}
			b.print = "OTHER|DEVICE||"
			if p, state = b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(code)) {
				t.Errorf("another fingerprint than the content is for: %s %v", state, p)
			}
		})
	}
}

// TestLeaseLife lives through a lease without the cloud.
func TestLeaseLife(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	b.fake.Set(cloudtest.Down)
	for _, c := range []struct {
		at    time.Duration
		state string
		code  api.Code
	}{
		{7*day*3/4 - time.Minute, api.StateValid, api.OK},
		{7*day*3/4 + time.Minute, api.StateRefreshDue, api.OK},
		{7*day - time.Minute, api.StateRefreshDue, api.OK},
		{7*day + time.Minute, api.StateGrace, api.OK},
		{10*day - time.Minute, api.StateGrace, api.OK},
		{10*day + time.Minute, api.StateExpired, api.LicenseExpired},
	} {
		b.world.pass(c.at - b.passed())
		b.want(c.at.String(), c.state, c.code)
		p, state := b.request(api.FormString)
		if (state == api.OpDone) != (c.code == api.OK) || c.code != api.OK && p["code"] != strconv.Itoa(int(c.code)) {
			t.Errorf("%v: request ended %s %v", c.at, state, p)
		}
	}
	b.fake.Set(cloudtest.Up)
	b.room.Wake(-1)
	b.room.tick(ctx)
	b.want("renewed when the cloud came back", api.StateValid, api.OK)
}

// passed is the world's time since a bench began.
func (b *bench) passed() time.Duration { return b.world.real().Sub(newWorld().real) }

func TestServerSaysNo(t *testing.T) {
	for cloudCode, want := range map[string]struct {
		state string
		code  api.Code
	}{
		cloudapi.ErrLicenseRefused: {api.StateRefused, api.LicenseRefused},
		cloudapi.ErrLicenseNone:    {api.StateNone, api.LicenseNone},
	} {
		for _, by := range []string{"request", "renewal"} {
			t.Run(cloudCode+" at "+by, func(t *testing.T) {
				b := newBench(t)
				b.request(api.FormString)
				b.product(func(p *cloudtest.Product) { p.Refuse = cloudCode })
				if by == "request" {
					if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(want.code)) {
						t.Errorf("ended %s %v", state, p)
					}
				} else {
					b.world.pass(6*day + 12*time.Hour)
					b.room.tick(ctx)
				}
				b.want("refused", want.state, want.code)
				b.fake.Set(cloudtest.Down)
				b.start()
				b.want("refused, restarted, offline", want.state, want.code)
				if p, state := b.request(api.FormString); state != api.OpFailed || p["LicenseContent"] != "" || p["code"] != strconv.Itoa(int(want.code)) {
					t.Errorf("offline after a refusal: %s %v", state, p)
				}
				b.fake.Set(cloudtest.Up)
				b.product(func(p *cloudtest.Product) { p.Refuse = "" })
				if _, state := b.request(api.FormString); state != api.OpDone {
					t.Errorf("granted again: %s", state)
				}
				b.want("granted again", api.StateValid, api.OK)
			})
		}
	}
}

// TestSignInThatEnded: the lease goes on, a new request asks to sign in.
func TestSignInThatEnded(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	b.signErr = &api.Error{Code: api.SessionExpired}
	b.want("sign-in ended", api.StateValid, api.OK)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.SessionExpired)) {
		t.Errorf("ended %s %v", state, p)
	}
	b.account = "someone else"
	b.signErr = nil
	b.want("another account", api.StateNone, api.LicenseNone)
}

func TestClockSuspect(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	b.room.saveTime()
	b.fake.Set(cloudtest.Down)
	b.world.reboot()
	b.world.set(-day)
	b.start()
	b.want("set back over a restart", api.StateClockSuspect, api.ClockSuspect)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.ClockSuspect)) {
		t.Errorf("request: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Up)
	if _, err := b.cloud.Server(ctx); err != nil {
		t.Fatal(err)
	}
	b.want("one contact heals", api.StateValid, api.OK)
}

// TestTimeRecordLost: without the kept time, the lease's own issue time is a floor.
func TestTimeRecordLost(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	b.fake.Set(cloudtest.Down)
	if err := b.store.Delete(timeRecord); err != nil {
		t.Fatal(err)
	}
	b.world.set(-day)
	b.start()
	b.want("set back, time record deleted", api.StateClockSuspect, api.ClockSuspect)
	b.world.set(0)
	b.want("put right", api.StateValid, api.OK)
}

func TestForeignLeases(t *testing.T) {
	for name, change := range map[string]func(l *token.Lease){
		"another device":      func(l *token.Lease) { l.Device = "dev999" },
		"another install key": func(l *token.Lease) { l.KeyThumb = "x" },
		"another product":     func(l *token.Lease) { l.Product = "othercad" },
		"another account":     func(l *token.Lease) { l.Account = "wang" },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.request(api.FormString)
			rec := b.room.current(key{1000, "minicad"}, cloudtest.Account)
			lease := b.room.entries[key{1000, "minicad"}].lease
			change(&lease)
			b.fake.Lock()
			rec.Lease = b.fake.Sign(lease)
			b.fake.Unlock()
			if err := b.store.SaveSealed("license-1000-minicad", rec); err != nil {
				t.Fatal(err)
			}
			b.fake.Set(cloudtest.Down)
			b.start()
			b.want("foreign", api.StateNone, api.LicenseUntrusted)
		})
	}
}

func TestKeyRotation(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	b.fake.AddKey(t) // the old key is still shown
	if p, state := b.request(api.FormString); state != api.OpDone {
		t.Errorf("overlapping rotation: %s %v", state, p)
	}
	if n := b.fake.Count("/v1/keys"); n != 2 {
		t.Errorf("keys fetched %d times", n)
	}
	b.start()
	b.want("after a restart", api.StateValid, api.OK)
	b.fake.Lock()
	b.fake.Keys = nil
	b.fake.Unlock()
	b.fake.AddKey(t)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseUntrusted)) {
		t.Errorf("keys without overlap: %s %v", state, p)
	}
	b.want("the lease that was there", api.StateValid, api.OK)
}

func TestDamagedCache(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	path := filepath.Join(b.dir, "sealed", "license-1000-minicad.sealed")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"one flipped bit", append(append(bytes.Clone(text[:40]), text[40]^1), text[41:]...)},
		{"cut short", text[:len(text)/2]}, {"empty", nil}, {"garbage", bytes.Repeat([]byte("x"), 5000)},
	} {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.want(c.name, api.StateStoreDamaged, api.StoreDamaged)
		if _, state := b.request(api.FormString); state != api.OpDone {
			t.Errorf("%s: a new request ended %s", c.name, state)
		}
		b.want(c.name+", fetched again", api.StateValid, api.OK)
	}
	kept, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(kept) != 4 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

// TestKilledWhileKeeping refuses each disk step of a request in turn: what was
// answered as success must be there after the start that follows, and what was
// there before must never be lost.
func TestKilledWhileKeeping(t *testing.T) {
	for nth := 1; ; nth++ {
		b := newBench(t)
		b.request(api.FormString)
		b.product(func(p *cloudtest.Product) { p.Content = "MINICAD1|second" })
		steps := 0
		var mu sync.Mutex // guards steps
		b.disk.Fault = func(atomicfile.Step, string) error {
			mu.Lock()
			defer mu.Unlock()
			if steps++; steps >= nth {
				return errors.New("planted: the disk is gone")
			}
			return nil
		}
		b.start()
		_, state := b.request(api.FormString)
		mu.Lock()
		fired := steps >= nth
		mu.Unlock()
		b.disk.Fault = nil
		b.fake.Set(cloudtest.Down)
		b.start()
		p, offline := b.request(api.FormString)
		if offline != api.OpDone || state == api.OpDone && p["LicenseContent"] != "MINICAD1|second" {
			t.Errorf("step %d: answered %s, then offline %s %v", nth, state, offline, p)
		}
		if !fired {
			if nth < 4 {
				t.Fatalf("only %d steps", nth)
			}
			return
		}
	}
}

func TestRequestSurvivesAKilledAgent(t *testing.T) {
	b := newBench(t)
	op, err := b.events.Begin(b.owner(), api.MethodLicenseRequest, `{"k":1}`, asked{Form: api.FormFile, FileName: "a.lic", Request: "request-of-before"})
	if err != nil {
		t.Fatal(err)
	}
	id := op.ID()
	b.start()
	b.room.Start()
	if p, state := b.result(id); state != api.OpDone || !strings.HasSuffix(p["LicenseFilePath"], "/a.lic") {
		t.Errorf("ended %s %v", state, p)
	}
	if st := b.events.Get(b.owner(), id); string(st.Event.Envelope.ComeBack) != `{"k":1}` {
		t.Errorf("comeBackParams %s", st.Event.Envelope.ComeBack)
	}
}

func TestCancelledRequest(t *testing.T) {
	b := newBench(t)
	b.worker.fail = errors.New("the file was not written")
	release := make(chan struct{})
	b.room.cfg.Fingerprint = func(ctx context.Context) (api.Fingerprint, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return api.Fingerprint{}, ctx.Err()
	}
	st, err := b.room.Request(ctx, app, api.LicenseRequest{Form: api.FormString})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.events.Cancel(b.owner(), st.Operation); err != nil {
		t.Fatal(err)
	}
	if p, state := b.result(st.Operation); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.Cancelled)) {
		t.Errorf("ended %s %v", state, p)
	}
	close(release)
}

func TestFileThatCannotBeWritten(t *testing.T) {
	b := newBench(t)
	b.worker.fail = &api.Error{Code: api.DiskFull}
	if p, state := b.request(api.FormFile); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.DiskFull)) {
		t.Errorf("ended %s %v", state, p)
	}
	b.want("the right itself", api.StateValid, api.OK)
}

func TestLicenceThatIsTooLong(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		n    int
		want string
	}{{api.MaxLicenseText + 1, api.OpFailed}, {api.MaxLicenseText, api.OpDone}} {
		b.product(func(p *cloudtest.Product) { p.Content = strings.Repeat("许", c.n) })
		if _, state := b.request(api.FormString); state != c.want {
			t.Errorf("%d characters: %s", c.n, state)
		}
	}
}

func TestRenewal(t *testing.T) {
	b := newBench(t)
	b.request(api.FormString)
	first := b.state().Until
	b.room.tick(ctx)
	if b.fake.Count("/v1/leases") != 0 {
		t.Error("renewed a fresh lease")
	}
	b.fake.Set(cloudtest.Down)
	b.world.pass(7*day - time.Hour)
	b.room.tick(ctx)
	b.want("due, cloud away", api.StateRefreshDue, api.OK)
	b.fake.Set(cloudtest.Up)
	b.room.tick(ctx)
	if b.fake.Count("/v1/leases") != 0 {
		t.Error("the back-off was not kept")
	}
	b.world.pass(2 * time.Minute)
	b.room.tick(ctx)
	b.want("renewed", api.StateValid, api.OK)
	if !b.state().Until.After(first) {
		t.Error("the lease did not grow")
	}
	if p := b.room.pause(); p < shortest || p > longest {
		t.Errorf("pause %v", p)
	}
	b.fake.Set(cloudtest.Down)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" {
		t.Errorf("content after a renewal: %s %v", state, p)
	}
}

func TestStateEvents(t *testing.T) {
	b := newBench(t)
	s, _, err := b.events.Attach(b.owner(), "")
	if err != nil {
		t.Fatal(err)
	}
	b.request(api.FormString)
	b.room.tick(ctx)
	b.fake.Set(cloudtest.Down)
	for _, d := range []time.Duration{7*day*3/4 + time.Minute, 2 * day, 3 * day} {
		b.world.pass(d)
		b.room.tick(ctx)
		b.room.tick(ctx) // nothing new: no second event
	}
	read, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var states []string
	for after := int64(0); len(states) < 3; {
		raw, last, _, err := s.Next(read, after)
		if err != nil {
			t.Fatalf("%v after %q", err, states)
		}
		after = last
		for _, r := range raw {
			if bytes.Contains(r, []byte(api.EventLicenseState)) {
				for _, st := range []string{api.StateRefreshDue, api.StateGrace, api.StateExpired, api.StateValid} {
					if bytes.Contains(r, []byte(`"state":"`+st+`"`)) {
						states = append(states, st)
					}
				}
			}
		}
	}
	if got := strings.Join(states, " "); got != "refresh-due grace expired" {
		t.Errorf("events %s", got)
	}
}
