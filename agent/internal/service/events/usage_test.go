package events

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// The largest that a user can bring: a comeBack and a path of characters that
// JSON for browsers makes six times as large.
var (
	largeNote = `{"a":"` + strings.Repeat("<", api.MaxComeBack-8) + `"}`
	largePath = "/" + strings.Repeat("<", api.MaxPath-1)
)

// unreadResult makes an operation whose result nobody reads, of some 50 KB.
func unreadResult(t *testing.T, e *Events, o Owner) *Op {
	t.Helper()
	op, err := e.Begin(o, api.MethodSave, largeNote, map[string]string{"path": largePath})
	if err != nil {
		t.Fatal(err)
	}
	if err := op.End(api.EventSaveResult, api.OperateSaveResult, map[string]string{
		"path": largePath, "detail": largePath + largePath, "reason": largePath + largePath, "skipped": largePath + largePath, "hint": largePath + largePath,
	}, true); err != nil {
		t.Fatal(err)
	}
	return op
}

// measured counts what passes Seal: everything that is encoded for the disk.
type measured struct {
	lines, bytes, largest int
	log                   bytes.Buffer
}

func (m *measured) open(t *testing.T, dir string, c *clocktest.Clock) *Events {
	t.Helper()
	e, err := Open(Config{Dir: dir, Clock: c, Log: slog.New(slog.NewTextHandler(&m.log, nil)), Open: clear,
		Seal: func(b []byte) ([]byte, error) {
			m.lines, m.bytes, m.largest = m.lines+1, m.bytes+len(b), max(m.largest, len(b))
			return b, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func clear(b []byte) ([]byte, error) { return b, nil }

// TestUnreadResultsCostTheirShare: a commit encodes its own record; the others are
// encoded again only when as many bytes of history have come.
func TestUnreadResultsCostTheirShare(t *testing.T) {
	var m measured
	e := m.open(t, t.TempDir(), newClock())
	const n = 200
	for range n {
		unreadResult(t, e, alice)
	}
	e.mu.Lock()
	rewrites, kept := e.rewrites, e.users[alice.UID].kept
	e.mu.Unlock()
	if rewrites == 0 || kept < 40 {
		t.Fatalf("%d rewrites and %d results kept: this test tells nothing", rewrites, kept)
	}
	if m.lines > 5*n { // two of each, a few of Gone, and one more for each that a rewrite keeps
		t.Errorf("%d operations took %d records to be encoded, %d bytes", n, m.lines, m.bytes)
	}
}

func TestResultsOfAUserAreBoundedInBytes(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	var m measured
	e := m.open(t, dir, c)
	bob := Owner{UID: "1001", Product: "cad"}
	others := unreadResult(t, e, bob)
	long := begin(t, e, alice) // begun before all, ended after most
	running := begin(t, e, alice)
	first := unreadResult(t, e, alice)
	var last *Op
	for n := range 120 {
		if n == 90 {
			end(t, long, map[string]string{api.ParamStatus: api.StatusSuccess})
		}
		c.Advance(time.Second)
		last = unreadResult(t, e, alice)
	}
	check := func(e *Events) {
		t.Helper()
		e.mu.Lock()
		u := *e.users[alice.UID]
		e.mu.Unlock()
		if u.keptBytes > maxKeptBytes || u.keptBytes < maxKeptBytes/2 {
			t.Errorf("%d bytes of results are kept, bound %d", u.keptBytes, maxKeptBytes)
		}
		for op, want := range map[*Op]string{first: api.OpUnknown, last: api.OpFailed, long: api.OpDone, running: api.OpRunning} {
			if got := e.Get(alice, op.ID()).State; got != want {
				t.Errorf("operation %d is %s, want %s", op.ID(), got, want)
			}
		}
		if got := e.Get(bob, others.ID()).State; got != api.OpFailed {
			t.Errorf("another user's result is %s", got)
		}
	}
	check(e)
	if !strings.Contains(m.log.String(), "oldest results dropped") {
		t.Error("nothing of it is in the log")
	}
	if size := e.ledger.log.Size(); size > 3*maxKeptBytes {
		t.Errorf("the ledger has grown to %d bytes", size)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, dir, c))
}

// TestCountsAreThoseOfTheOperations compares what put and drop keep with a count.
func TestCountsAreThoseOfTheOperations(t *testing.T) {
	c := newClock()
	e := open(t, t.TempDir(), c)
	s := attach(t, e, alice, "")
	for n := range 30 {
		o := of(alice, s)
		if n%3 == 0 {
			o = Owner{UID: caller.UID(strconv.Itoa(1001 + n%2))}
		}
		op := begin(t, e, o)
		if n%2 == 0 {
			if err := op.Queue(api.EventSaveResult, api.OperateSaveResult, nil); err != nil {
				t.Fatal(err)
			}
		}
		if n%5 != 0 {
			end(t, op, nil)
		}
	}
	s.Subscribe(s.Epoch(), 7)
	c.Advance(api.OperationKeep)
	unreadResult(t, e, Owner{UID: "1002"})
	e.tick(c.Now())
	e.mu.Lock()
	defer e.mu.Unlock()
	var live int64
	users := make(map[caller.UID]usage)
	for _, op := range e.ops {
		u := users[op.r.UID]
		live += int64(op.r.size)
		if op.r.ended() {
			u.kept, u.keptBytes = u.kept+1, u.keptBytes+int64(op.r.size)
		} else {
			u.unfinished, u.unfinishedBytes = u.unfinished+1, u.unfinishedBytes+int64(op.r.size)
		}
		users[op.r.UID] = u
	}
	if live != e.live || len(users) != len(e.users) || len(users) < 2 {
		t.Errorf("%d bytes of %d users, counted %d of %d", e.live, len(e.users), live, len(users))
	}
	for uid, want := range users {
		got := *e.users[uid]
		inSessions := 0
		for _, n := range got.sessions {
			inSessions += n
		}
		got.sessions = nil
		if inSessions != want.unfinished || got.kept != want.kept || got.keptBytes != want.keptBytes ||
			got.unfinished != want.unfinished || got.unfinishedBytes != want.unfinishedBytes {
			t.Errorf("user %s: kept as %+v, %d in sessions; counted %+v", uid, got, inSessions, want)
		}
	}
}

func TestUnfinishedBytesOfAUserAreBounded(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	large := strings.Repeat("<", 100<<10)
	var ops []*Op
	var err error
	for n := 0; err == nil && n < maxUnfinished; n++ {
		var op *Op
		op, err = e.Begin(Owner{UID: "1000", Session: string(rune('a' + n/60))}, api.MethodSave, largeNote, large)
		ops = append(ops, op)
	}
	if api.CodeOf(err) != api.Busy || !strings.Contains(err.Error(), "bytes") {
		t.Fatalf("%d operations, the last: %v", len(ops), err)
	}
	if n := (len(ops) - 1) * (len(largeNote) + len(large)); n > maxUnfinishedBytes || n < maxUnfinishedBytes/2 {
		t.Errorf("refused after %d bytes, bound %d", n, maxUnfinishedBytes)
	}
	if _, err := e.Begin(Owner{UID: "1001"}, api.MethodSave, largeNote, large); err != nil {
		t.Errorf("another user: %v", err)
	}
	for _, op := range ops[:2] {
		end(t, op, nil)
	}
	if got := len(e.Unfinished()); got != len(ops)-2 { // the last of ops is none, the other user's is one
		t.Errorf("%d unfinished, want %d", got, len(ops)-2)
	}
	if _, err := e.Begin(Owner{UID: "1000"}, api.MethodSave, largeNote, large); err != nil {
		t.Errorf("after ends: %v", err)
	}
}

// TestANoteLiesOnDiskOnce, as long as it came, and comes back whole after a restart.
func TestANoteLiesOnDiskOnce(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	var m measured
	e := m.open(t, dir, c)
	done := unreadResult(t, e, alice)
	if limit := len(largeNote) + 10*len(largePath); m.largest > limit {
		t.Errorf("a record of %d bytes, want at most %d", m.largest, limit)
	}
	queued, err := e.Begin(alice, api.MethodSave, largeNote, nil)
	if err != nil {
		t.Fatal(err)
	}
	bare := begin(t, e, alice)
	m.largest = 0
	for _, op := range []*Op{queued, bare} {
		if err := op.Queue(api.EventSaveResult, api.OperateSaveResult, map[string]string{"queued": "true"}); err != nil {
			t.Fatal(err)
		}
	}
	if limit := len(largeNote) + 1024; m.largest > limit {
		t.Errorf("the record of what is queued has %d bytes, want at most %d", m.largest, limit)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "operations.log"))
	if err != nil || bytes.Contains(raw, []byte(`\u003c`)) {
		t.Errorf("escaped for browsers: %v", err)
	}
	s := attach(t, open(t, dir, c), alice, "")
	for _, op := range []*Op{done, queued, bare} {
		want := largeNote
		if op == bare {
			want = "{}"
		}
		s.e.mu.Lock()
		r := s.e.ops[op.ID()].r
		s.e.mu.Unlock()
		ev := r.Event
		if r.State == api.OpQueued {
			ev = r.Waits
		}
		if ev == nil || string(ev.Envelope.ComeBack) != want {
			t.Errorf("operation %d comes back with %+v", op.ID(), ev)
		}
	}
}
