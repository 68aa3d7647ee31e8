package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func newClock() *clocktest.Clock { return clocktest.New(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)) }

func open(t *testing.T, dir string, c *clocktest.Clock) *Events {
	t.Helper()
	e, err := Open(Config{Dir: dir, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

var alice = Owner{UID: "1000", Product: "cad", Language: "en"}

func attach(t *testing.T, e *Events, o Owner, secret string) *Session {
	t.Helper()
	s, _, err := e.Attach(o, secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// of is the owner that a request of session s has.
func of(o Owner, s *Session) Owner {
	o.Session = s.ID()
	return o
}

func begin(t *testing.T, e *Events, o Owner) *Op {
	t.Helper()
	op, err := e.Begin(o, api.MethodSave, "", map[string]int{"try": 1})
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func end(t *testing.T, op *Op, params map[string]string) {
	t.Helper()
	if err := op.End(api.EventSaveResult, api.OperateSaveResult, params, false); err != nil {
		t.Fatal(err)
	}
}

// read takes what waits after a cursor, without waiting for more.
func read(t *testing.T, s *Session, after int64) (got []api.Event, last int64, gap *api.Gap) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	raw, last, gap, err := s.Next(ctx, after)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range raw {
		var ev api.Event
		if err := json.Unmarshal(r, &ev); err != nil {
			t.Fatal(err)
		}
		got = append(got, ev)
	}
	return got, last, gap
}

func TestEventsReachTheRightSessions(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	cad, cam := attach(t, e, alice, ""), attach(t, e, Owner{UID: "1000", Product: "cam"}, "")
	bob := attach(t, e, Owner{UID: "1001", Product: "cad"}, "")
	e.Emit(Owner{UID: "1000"}, "A", "A", nil)
	e.Emit(Owner{UID: "1000", Product: "cam"}, "B", "B", nil)
	e.Emit(of(alice, cad), "C", "C", nil)
	e.Emit(Owner{UID: "1001"}, "D", "D", nil)
	for name, want := range map[*Session]string{cad: "[A C]", cam: "[A B]", bob: "[D]"} {
		got, _, _ := read(t, name, 0)
		var types []string
		for i, ev := range got {
			types = append(types, ev.Type)
			if ev.ID != int64(i+1) || ev.Epoch != name.Epoch() || string(ev.Envelope.ComeBack) != "{}" {
				t.Errorf("event %+v", ev)
			}
		}
		if fmt.Sprint(types) != want {
			t.Errorf("%+v got %v, want %s", name.owner, types, want)
		}
	}
}

func TestSessionsAreListedWithTheirLanguage(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	a := attach(t, e, Owner{UID: "1000", Product: "cad", Language: "zh-CN"}, "")
	attach(t, e, Owner{UID: "1001", Product: "cad", Language: "en"}, "")
	want := Owner{UID: "1000", Product: "cad", Language: "zh-CN", Session: a.ID()}
	if got := e.Sessions("1000"); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v", got)
	}
	if n := len(e.Sessions("")); n != 2 {
		t.Errorf("%d sessions of all", n)
	}
}

func TestCursor(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	s := attach(t, e, alice, "")
	for i := range api.RingEvents + 10 {
		e.Emit(alice, fmt.Sprint(i+1), "X", nil)
	}
	const first = 11
	tests := []struct {
		name  string
		epoch string
		since int64
		after int64
		gap   *api.Gap
	}{
		{"from the oldest", "", 0, first - 1, nil},
		{"all was read", s.Epoch(), first + 1023, first + 1023, nil},
		{"the last is new", s.Epoch(), first + 1022, first + 1022, nil},
		{"exactly the oldest is next", s.Epoch(), first - 1, first - 1, nil},
		{"one was lost", s.Epoch(), first - 2, first - 1, &api.Gap{Epoch: s.Epoch(), From: first - 1, Next: first}},
		{"nothing was read of this epoch", s.Epoch(), 0, first - 1, &api.Gap{Epoch: s.Epoch(), From: 1, Next: first}},
		{"another epoch", "0123", 5, first - 1, &api.Gap{Epoch: s.Epoch(), Next: first}},
		{"a cursor without its epoch", "", 5, first - 1, &api.Gap{Epoch: s.Epoch(), Next: first}},
		{"beyond the end", s.Epoch(), 1 << 60, first + 1023, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after, gap := s.Subscribe(tt.epoch, tt.since)
			if after != tt.after || (gap == nil) != (tt.gap == nil) || gap != nil && *gap != *tt.gap {
				t.Errorf("after %d gap %+v, want %d %+v", after, gap, tt.after, tt.gap)
			}
		})
	}
	t.Run("a reader that was overrun", func(t *testing.T) {
		_, last, gap := read(t, s, 3)
		if last != first-1 || gap == nil || gap.From != 4 || gap.Next != first {
			t.Errorf("last %d gap %+v", last, gap)
		}
	})
}

func TestRingIsBoundedInBytes(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	s := attach(t, e, alice, "")
	big := map[string]string{"x": strings.Repeat("x", 100<<10)}
	for range 200 { // each param is cut: it takes that many to fill the ring
		e.Emit(alice, "BIG", "X", big)
	}
	if s.bytes > ringBytes {
		t.Errorf("ring has %d bytes, limit %d", s.bytes, ringBytes)
	}
	if _, _, gap := read(t, s, 0); gap == nil {
		t.Error("what was dropped is not shown as a gap")
	}
}

func TestSecretIsGoodForItsUserAndProduct(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	s := attach(t, e, alice, "")
	for name, o := range map[string]Owner{
		"another user":    {UID: "1001", Product: "cad"},
		"another product": {UID: "1000", Product: "cam"},
	} {
		other, resumed, err := e.Attach(o, s.Secret())
		if err != nil || resumed || other.ID() == s.ID() {
			t.Errorf("%s took the session up (resumed %v, %v)", name, resumed, err)
		}
	}
	if again, resumed, err := e.Attach(alice, s.Secret()); err != nil || !resumed || again != s {
		t.Errorf("its owner did not (resumed %v, %v)", resumed, err)
	}
	for _, bad := range []string{"x", "not base64 !", s.Secret() + "A", s.Secret()[:40]} {
		if _, _, err := e.Attach(alice, bad); api.CodeOf(err) != api.InvalidArgument {
			t.Errorf("secret %q: %v", bad, err)
		}
	}
}

func TestSessionWaitsForItsApplication(t *testing.T) {
	c := newClock()
	e := open(t, t.TempDir(), c)
	s := attach(t, e, alice, "")
	s.Detach()
	c.Advance(api.SessionKeep - time.Second)
	e.tick(c.Now())
	if _, resumed, _ := e.Attach(alice, s.Secret()); !resumed {
		t.Fatal("the session did not wait")
	}
	s.Detach()
	c.Advance(api.SessionKeep)
	e.tick(c.Now())
	if _, resumed, _ := e.Attach(alice, s.Secret()); resumed {
		t.Error("the session waited too long")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newClock()
	e := open(t, t.TempDir(), c)
	var all []*Session
	for range api.MaxSessions {
		all = append(all, attach(t, e, alice, ""))
	}
	if _, _, err := e.Attach(alice, ""); api.CodeOf(err) != api.Busy {
		t.Errorf("one live session too many: %v", err)
	}
	attach(t, e, Owner{UID: "7"}, "") // another user has a bound of its own
	all[3].Detach()
	c.Advance(time.Second)
	all[4].Detach()
	attach(t, e, alice, "") // the one that was left first makes room
	if _, resumed, _ := e.Attach(alice, all[4].Secret()); !resumed {
		t.Error("the wrong session was dropped")
	}
}

func TestHeartbeatOnlyWhileSomebodyListens(t *testing.T) {
	c := newClock()
	e := open(t, t.TempDir(), c)
	if _, any := e.next(c.Now()); any {
		t.Error("a timer runs without a session")
	}
	s := attach(t, e, alice, "")
	if wait, any := e.next(c.Now()); !any || wait != api.HeartbeatPeriod {
		t.Errorf("the timer waits %v", wait)
	}
	c.Advance(api.HeartbeatPeriod)
	e.tick(c.Now())
	got, last, _ := read(t, s, 0)
	if len(got) != 1 || got[0].Type != api.EventHeartbeat || got[0].Envelope.Params["period"] != "30" ||
		got[0].Envelope.Params["cloud"] != "unreachable" {
		t.Errorf("heartbeat %+v", got)
	}
	c.Advance(api.HeartbeatPeriod - time.Second)
	e.Emit(alice, "X", "X", nil)
	c.Advance(2 * time.Second)
	e.tick(c.Now())
	if got, _, _ = read(t, s, last); len(got) != 1 || got[0].Type != "X" {
		t.Errorf("a heartbeat although the session was not idle: %+v", got)
	}
	s.Detach()
	c.Advance(api.HeartbeatPeriod)
	e.tick(c.Now())
	if s.lastID != last+1 {
		t.Error("a heartbeat into a session that nobody reads")
	}
}

func TestStopTellsAndEnds(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	s := attach(t, e, alice, "")
	op := begin(t, e, of(alice, s))
	waits := make(chan error, 1)
	go func() {
		_, last, _, err := s.Next(t.Context(), 0)
		if err == nil {
			_, _, _, err = s.Next(t.Context(), last)
		}
		waits <- err
	}()
	e.Stop()
	if err := <-waits; api.CodeOf(err) != api.AgentLost {
		t.Errorf("a reader's end: %v", err)
	}
	got, _, _ := read(t, s, 0)
	if len(got) != 1 || got[0].Type != api.EventDeskClosed || got[0].Envelope.Params[api.ParamReason] != "stopping" {
		t.Errorf("last event %+v", got)
	}
	<-op.Context().Done()
	if api.CodeOf(context.Cause(op.Context())) != api.AgentLost {
		t.Errorf("cause %v", context.Cause(op.Context()))
	}
	if err := op.End(api.EventSaveResult, api.OperateSaveResult, nil, true); err != nil || op.r.ended() {
		t.Error("stopping the agent became an operation's failure")
	}
	if _, _, err := e.Attach(alice, ""); api.CodeOf(err) != api.AgentLost {
		t.Errorf("attach after stop: %v", err)
	}
	if _, err := e.Begin(alice, api.MethodSave, "", nil); api.CodeOf(err) != api.AgentLost {
		t.Errorf("begin after stop: %v", err)
	}
}

func TestDamagedLedgerDoesNotBringNumbersBack(t *testing.T) {
	for _, broken := range [][]string{{"operations.log"}, {"operations.next"}, {"operations.log", "operations.next"}} {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			dir, c := t.TempDir(), newClock()
			e := open(t, dir, c)
			var highest api.Operation
			for range 5 {
				highest = begin(t, e, alice).ID()
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range broken {
				garble(t, filepath.Join(dir, name))
			}
			again := open(t, dir, c)
			if id := begin(t, again, alice).ID(); id <= highest {
				t.Errorf("number %d was given out before (up to %d)", id, highest)
			}
		})
	}
}

func garble(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFailure(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		code   string
		detail string
	}{
		{"a refusal", fmt.Errorf("save: %w", &api.Error{Code: api.HeldByOther, Detail: "by bob"}), "-61", "by bob"},
		{"cancelled", context.Canceled, "-4", ""},
		{"too late", context.DeadlineExceeded, "-3", context.DeadlineExceeded.Error()},
		{"anything else", errors.New("odd"), "-5", "odd"},
		{"nothing", nil, "-5", "failed without a cause"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Failure("en", tt.err)
			if p[api.ParamStatus] != api.StatusFailed || p[api.ParamCode] != tt.code || p["detail"] != tt.detail {
				t.Errorf("got %v", p)
			}
		})
	}
}
