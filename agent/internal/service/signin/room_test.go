package signin

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var (
	ctx  = context.Background()
	li   = caller.Actor{UID: "1000", Product: "minicad"}
	good = api.AuthLogin{Account: cloudtest.Account, Password: cloudtest.Password}
)

// pageWorker is a worker that shows pages and remembers what it was told.
type pageWorker struct {
	mu       sync.Mutex // guards what follows
	calls    []string
	ended    []workerapi.PageEnd
	released int
	fail     error
}

func (w *pageWorker) Call(_ context.Context, method string, params, result any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, method)
	if p, ok := params.(workerapi.PageEnd); ok {
		w.ended = append(w.ended, p)
	}
	if r, ok := result.(*workerapi.PageOpened); ok {
		r.URL = "http://127.0.0.1:1/#token"
	}
	return w.fail
}

func (w *pageWorker) Release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released++
}

// bench is a room on a real store, real events and a fake cloud. Tests run side by
// side: the pauses between repeats of an absent cloud are real.
type bench struct {
	t      *testing.T
	fake   *cloudtest.Cloud
	dir    string
	disk   atomicfile.Disk
	store  *state.Store
	cloud  *cloud.Cloud
	events *events.Events
	room   *Room
	worker *pageWorker
	told   []caller.UID
	left   atomic.Int32 // sign-ins that ended, as others are told
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, fake: cloudtest.New(t), dir: filepath.Join(t.TempDir(), "state"), worker: &pageWorker{}}
	b.start()
	return b
}

// start is a start of the agent on the same folder; the one before is left as a kill leaves it.
func (b *bench) start() {
	b.t.Helper()
	var err error
	if b.store, err = state.Open(state.Config{Dir: b.dir, Machine: map[string]string{"machine-id": "m"}, Disk: b.disk}); err != nil {
		b.t.Fatal(err)
	}
	if b.events != nil {
		_ = b.events.Close()
	}
	if b.events, err = events.Open(events.Config{Dir: b.dir, Clock: clock.System{}}); err != nil {
		b.t.Fatal(err)
	}
	http, err := cloudhttp.New(cloudhttp.Config{Base: b.fake.Server.URL, CAPEM: b.fake.CAPEM(), Proxy: "direct"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.cloud = cloud.New(cloud.Config{HTTP: http, Key: b.store.InstallKey(), Name: "desk", Platform: "linux/amd64", Clock: clock.System{}, Store: b.store})
	b.room = New(Config{Cloud: b.cloud, Store: b.store, Events: b.events, Clock: clock.System{},
		Worker:    func(context.Context, caller.Actor) (Worker, error) { return b.worker, nil },
		OnSignIn:  func(uid caller.UID) { b.told = append(b.told, uid) },
		OnSignOut: func(uid caller.UID) { b.left.Add(1) }})
	b.room.Start()
	heard, _, err := b.events.Attach(events.Owner{UID: "1000", Product: "minicad"}, "")
	if err != nil {
		b.t.Fatal(err)
	}
	room, ev := b.room, b.events
	b.t.Cleanup(func() {
		_ = ev.Close()
		_ = room.Close()
		http.Close()
		eventstest.AllDocumented(b.t, heard)
	})
}

func (b *bench) signIn() {
	b.t.Helper()
	if _, err := b.room.Login(ctx, li, good); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) me(uid caller.UID) error {
	u, err := b.room.User(ctx, uid)
	if err != nil {
		return err
	}
	_, err = u.Me(ctx)
	return err
}

// expire makes every access token of the sign-in end, and lets the agent see the cloud's time.
func (b *bench) expire() {
	b.fake.Lock()
	b.fake.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	b.fake.Unlock()
	if _, err := b.cloud.Server(ctx); err != nil {
		b.t.Fatal(err)
	}
}

func status(t *testing.T, r *Room, a caller.Actor) api.AuthStatus {
	t.Helper()
	st, err := r.Status(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("never happened: " + what)
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if st := status(t, b.room, li); st.SignedIn || st.Reason != api.NotSignedIn {
		t.Errorf("at first: %+v", st)
	}
	if err := b.me("1000"); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("call before sign-in: %v", err)
	}
	for name, l := range map[string]api.AuthLogin{"wrong": {Account: "li", Password: "x"}, "unknown": {Account: "zz", Password: cloudtest.Password}} {
		if _, err := b.room.Login(ctx, li, l); api.CodeOf(err) != api.WrongCredentials {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.room.Login(ctx, li, api.AuthLogin{}); api.CodeOf(err) != api.InvalidArgument {
		t.Errorf("empty: %v", err)
	}
	b.signIn()
	if st := status(t, b.room, li); !st.SignedIn || st.Account != "li" || st.Organisation != "Works" || st.Expires.IsZero() {
		t.Errorf("signed in: %+v", st)
	}
	if len(b.told) != 1 || b.told[0] != "1000" {
		t.Errorf("rooms told: %v", b.told)
	}
	if err := b.me("1000"); err != nil {
		t.Error(err)
	}
	if err := b.me("1001"); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("another OS user: %v", err)
	}
	b.start()
	if err := b.me("1000"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := b.room.Logout(ctx, li); err != nil {
		t.Fatal(err)
	}
	if err := b.me("1000"); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("after sign-out: %v", err)
	}
	eventually(t, "the cloud revoked the sign-in", func() bool { return b.fake.Live() == 0 })
	if err := b.room.Logout(ctx, li); err != nil {
		t.Errorf("second sign-out: %v", err)
	}
}

func TestSignOutWithoutACloudIsToldLater(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.fake.Set(cloudtest.Down)
	if err := b.room.Logout(ctx, li); err != nil {
		t.Fatal(err)
	}
	if st := status(t, b.room, li); st.SignedIn {
		t.Error("still signed in")
	}
	_ = b.room.Close()
	if b.fake.Live() == 0 {
		t.Fatal("the outage did not show")
	}
	b.fake.Set(cloudtest.Up)
	b.expire()
	b.start()
	eventually(t, "the revocation arrived, through a renewed token", func() bool {
		return b.fake.Count("/v1/logout") > 1 && b.fake.Live() == 0 && len(b.room.revokes()) == 0
	})
}

func TestNewSignInRevokesTheOld(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.signIn()
	eventually(t, "one sign-in is left", func() bool { return b.fake.Live() == 1 })
	if err := b.me("1000"); err != nil {
		t.Error(err)
	}
}

func TestConcurrentRefreshesAreOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.expire()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := b.me("1000"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.fake.Count("/v1/token"); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// TestLostRefreshIsRepeated loses the answer of a refresh in each way: on the
// line, with a killed agent, and with one that is started again much later.
func TestLostRefreshIsRepeated(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"on the line", "killed", "killed, and a week passed"} {
		b := newBench(t)
		b.signIn()
		b.expire()
		if how == "on the line" {
			b.fake.Set(cloudtest.LostReply)
		} else {
			// A refresh that the cloud did, of which the agent noted only the attempt.
			s := b.room.user("1000")
			s.mu.Lock()
			rec := s.rec
			s.mu.Unlock()
			rec.Attempt = "attempt-before-the-kill"
			if err := b.store.SaveSealed(s.recordName(), rec); err != nil {
				t.Fatal(err)
			}
			if _, err := b.cloud.Refresh(ctx, rec.Tokens.RefreshToken, rec.Attempt); err != nil {
				t.Fatal(err)
			}
			if how != "killed" {
				b.fake.Lock()
				b.fake.Now = func() time.Time { return time.Now().Add(7 * 24 * time.Hour) }
				b.fake.Unlock()
			}
			b.start()
		}
		if err := b.me("1000"); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if n := b.fake.Count("/v1/token"); n != 2 {
			t.Errorf("%s: %d refreshes reached the cloud, want the lost one and its repetition", how, n)
		}
	}
}

func TestAttemptIsOnDiskBeforeTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.expire()
	b.fake.Set(cloudtest.Down)
	if err := b.me("1000"); api.CodeOf(err) != api.CloudUnreachable {
		t.Fatal(err)
	}
	var rec record
	if err := b.store.LoadSealed("signin-1000", &rec); err != nil || rec.Attempt == "" {
		t.Errorf("attempt %q, %v", rec.Attempt, err)
	}
	if st := status(t, b.room, li); !st.SignedIn {
		t.Error("an absent cloud ended the sign-in")
	}
	b.fake.Set(cloudtest.Up)
	if err := b.me("1000"); err != nil {
		t.Error(err)
	}
}

// TestRefreshOnAFullDisk must not send what it could not note, and must not lose
// the sign-in.
func TestRefreshOnAFullDisk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	full, fired := false, 0
	b.disk.Fault = func(atomicfile.Step, string) error {
		if full {
			fired++
			return errors.New("planted: disk full")
		}
		return nil
	}
	b.start()
	b.signIn()
	b.expire()
	full = true
	if err := b.me("1000"); err == nil || b.fake.Count("/v1/token") != 0 {
		t.Errorf("got %v after %d refreshes", err, b.fake.Count("/v1/token"))
	}
	if fired == 0 {
		t.Error("the planted fault never fired")
	}
	full = false
	if err := b.me("1000"); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestRevokedSignIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.fake.RevokeAll()
	if err := b.me("1000"); api.CodeOf(err) != api.SessionExpired {
		t.Fatalf("got %v", err)
	}
	for _, when := range []string{"now", "after a restart"} {
		if st := status(t, b.room, li); st.SignedIn || st.Reason != api.SessionExpired || st.Account != "li" {
			t.Errorf("%s: %+v", when, st)
		}
		if err := b.me("1000"); api.CodeOf(err) != api.SessionExpired {
			t.Errorf("%s: %v", when, err)
		}
		if a, err := b.room.Account("1000"); a != "li" || api.CodeOf(err) != api.SessionExpired {
			t.Errorf("%s: account %q, %v", when, a, err)
		}
		b.start()
	}
	b.signIn()
	if err := b.me("1000"); err != nil {
		t.Error(err)
	}
}

func TestOutagesNeverEndASignIn(t *testing.T) {
	t.Parallel()
	for outage, want := range map[string]api.Code{cloudtest.Down: api.CloudUnreachable, cloudtest.HTML: api.CloudAnswer, cloudtest.Broken: api.CloudAnswer} {
		b := newBench(t)
		b.signIn()
		b.expire()
		b.fake.Set(outage)
		if err := b.me("1000"); api.CodeOf(err) != want {
			t.Errorf("%s: %v", outage, err)
		}
		b.fake.Set(cloudtest.Up)
		if err := b.me("1000"); err != nil {
			t.Errorf("after %s: %v", outage, err)
		}
	}
}

func (b *bench) page() api.Started {
	b.t.Helper()
	st, err := b.room.Page(ctx, li, api.AuthPage{})
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

func (b *bench) result(op api.Operation) (state string, params map[string]string) {
	b.t.Helper()
	eventually(b.t, "the operation ended", func() bool {
		return b.events.Get(events.Owner{UID: "1000", Product: "minicad"}, op).Event != nil
	})
	st := b.events.Get(events.Owner{UID: "1000", Product: "minicad"}, op)
	return st.State, st.Event.Envelope.Params
}

func TestAnotherCloudsTokensAreNotShown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn()
	b.fake = cloudtest.New(t)
	b.start()
	if st := status(t, b.room, li); st.SignedIn {
		t.Errorf("signed in at another cloud: %+v", st)
	}
}
