package localapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// rooms answers everything at once, and notes who asked.
type rooms struct {
	events *events.Events
	block  chan struct{} // when not nil, agent.status waits for it

	mu   sync.Mutex // guards last
	last caller.Actor
}

func (r *rooms) note(a caller.Actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = a
}

func (r *rooms) begin(a caller.Actor, method string) (api.Started, error) {
	r.note(a)
	op, err := r.events.Begin(events.Owner{UID: a.UID, Product: a.Product, Session: a.Session, Language: a.Language}, method, "", nil)
	if err != nil {
		return api.Started{}, err
	}
	return api.Started{Operation: op.ID()}, op.End("DONE", "Done", nil, false)
}

type authRooms struct{ *rooms }

func (r authRooms) Status(_ context.Context, a caller.Actor) (api.AuthStatus, error) {
	r.note(a)
	return api.AuthStatus{}, nil
}
func (r authRooms) Login(_ context.Context, a caller.Actor, l api.AuthLogin) (api.AuthStatus, error) {
	r.note(a)
	return api.AuthStatus{SignedIn: true, Account: l.Account}, nil
}
func (r authRooms) Page(_ context.Context, a caller.Actor, _ api.AuthPage) (api.Started, error) {
	return r.begin(a, api.MethodAuthPage)
}
func (r authRooms) Logout(_ context.Context, a caller.Actor) error { r.note(a); return nil }

func (r *rooms) Fingerprint(context.Context) (api.Fingerprint, error) {
	return api.Fingerprint{Fingerprint: "|||"}, nil
}

type licenseRooms struct{ *rooms }

func (r licenseRooms) State(_ context.Context, a caller.Actor) api.LicenseState {
	r.note(a)
	return api.LicenseState{State: api.StateNone, Code: api.LicenseNone}
}
func (r licenseRooms) Request(_ context.Context, a caller.Actor, _ api.LicenseRequest) (api.Started, error) {
	return r.begin(a, api.MethodLicenseRequest)
}
func (r licenseRooms) Verify(_ context.Context, a caller.Actor, _ api.LicenseVerify) error {
	r.note(a)
	return nil
}

func (r licenseRooms) Import(_ context.Context, a caller.Actor, p api.LicenseImport) (api.LicenseImported, error) {
	r.note(a)
	return api.LicenseImported{More: p.Offset+len(p.Part) < p.Size}, nil
}

type fileRooms struct{ *rooms }

func (r fileRooms) Spaces(_ context.Context, a caller.Actor) (api.Spaces, error) {
	r.note(a)
	return api.Spaces{}, nil
}
func (r fileRooms) List(context.Context, caller.Actor, api.List) (api.Listing, error) {
	return api.Listing{}, nil
}
func (r fileRooms) Versions(context.Context, caller.Actor, api.ObjectRef) (api.Versions, error) {
	return api.Versions{}, &api.Error{Code: api.NotFound, Detail: "object o1"}
}
func (r fileRooms) Open(_ context.Context, a caller.Actor, _ api.Open) (api.Started, error) {
	return r.begin(a, api.MethodOpen)
}
func (r fileRooms) Pick(_ context.Context, a caller.Actor, _ api.Pick) (api.Started, error) {
	return r.begin(a, api.MethodPick)
}
func (r fileRooms) Save(_ context.Context, a caller.Actor, _ api.Save) (api.Started, error) {
	return r.begin(a, api.MethodSave)
}
func (r fileRooms) SaveAs(_ context.Context, a caller.Actor, _ api.Save) (api.Started, error) {
	return r.begin(a, api.MethodSaveAs)
}
func (r fileRooms) SaveTo(_ context.Context, a caller.Actor, _ api.SaveTo) (api.Started, error) {
	return r.begin(a, api.MethodSaveTo)
}
func (r fileRooms) Checkin(_ context.Context, a caller.Actor, _ api.Checkin) error {
	r.note(a)
	return nil
}

type agentRooms struct{ *rooms }

func (r agentRooms) Status(ctx context.Context, a caller.Actor) (api.Status, error) {
	r.note(a)
	if r.block != nil {
		select {
		case <-r.block:
		case <-ctx.Done():
			return api.Status{}, ctx.Err()
		}
	}
	return api.Status{Build: "test"}, nil
}
func (r agentRooms) Doctor(context.Context, caller.Actor) (api.Doctor, error) {
	panic("a defect of a room")
}

// agent is a running door with its rooms.
type agent struct {
	*rooms
	server *Server
	path   string
	stop   func()
}

// start opens a door at a fresh endpoint. It is stopped, and checked to leave no
// goroutine, when the test ends.
func start(t testing.TB, change func(*Config, *Server)) *agent {
	t.Helper()
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	ev, err := events.Open(events.Config{Dir: dir, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rooms{events: ev}
	cfg := Config{
		UID: caller.Own(), Build: "test", Clock: clock.System{}, Events: ev,
		Product: func(string, *caller.Peer) error { return nil },
		Auth:    authRooms{r}, Identity: r, License: licenseRooms{r}, Files: fileRooms{r}, Agent: agentRooms{r},
	}
	s := New(cfg)
	if change != nil {
		change(&s.cfg, s)
	}
	path := endpoint(t)
	ln, err := Listen(path, true)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	a := &agent{rooms: r, server: s, path: path}
	a.stop = sync.OnceFunc(func() {
		_ = ln.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		ev.Stop()
		s.Shutdown()
		if err := ev.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		a.stop()
		if _, fuzzing := t.(*testing.F); fuzzing {
			return // the fuzzing engine's own goroutines come and go
		}
		for range 100 { // clients' own goroutines end a moment later
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		buf := make([]byte, 1<<20)
		t.Errorf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
	})
	return a
}

// rawConn is a client's end without a link.
type rawConn interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// client is a connected application.
type client struct {
	*ipc.Link
	hello  api.HelloResult
	events chan api.Event
	gaps   chan api.Gap
}

func greet(t testing.TB, a *agent, uid int, h api.Hello, groups ...int) *client {
	t.Helper()
	c := &client{events: make(chan api.Event, 4096), gaps: make(chan api.Gap, 16)}
	c.Link = ipc.NewLink(dialAs(t, a.path, uid, groups...), ipc.Options{Notice: c.notice})
	t.Cleanup(func() { _ = c.Close(); <-c.Done() })
	if h.Protocol == 0 {
		h.Protocol, h.MinProtocol = api.ProtocolVersion, api.MinProtocolVersion
	}
	if err := c.Call(t.Context(), api.MethodHello, h, &c.hello); err != nil {
		t.Fatalf("hello: %v, %s", err, detail(err))
	}
	return c
}

func (c *client) notice(method string, params json.RawMessage) {
	switch method {
	case "event":
		var e api.Event
		if json.Unmarshal(params, &e) == nil {
			c.events <- e
		}
	case "gap":
		var g api.Gap
		if json.Unmarshal(params, &g) == nil {
			c.gaps <- g
		}
	}
}

func (c *client) event(t testing.TB) api.Event {
	t.Helper()
	select {
	case e := <-c.events:
		return e
	case <-time.After(5 * time.Second):
		t.Fatal("no event came")
		return api.Event{}
	}
}

func (c *client) subscribe(t testing.TB, epoch string, since int64) api.SubscribeResult {
	t.Helper()
	var r api.SubscribeResult
	if err := c.Call(t.Context(), api.MethodSubscribe, api.Subscribe{Epoch: epoch, Since: since}, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func detail(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return ""
}
