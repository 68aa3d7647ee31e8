package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestOthersBeginWhileTheLedgerIsRewritten: records are encoded and sealed with no
// lock held that a begin, an event or an end of another user needs, and what they
// change meanwhile is in the new ledger.
func TestOthersBeginWhileTheLedgerIsRewritten(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	var e *Events
	var before *Op
	var during atomic.Pointer[Op] // begun while a rewrite stood still
	var waited atomic.Bool
	seal := func(b []byte) ([]byte, error) {
		if e == nil || e.ledger.compacting.TryLock() {
			if e != nil {
				e.ledger.compacting.Unlock()
			}
			return b, nil
		}
		if !waited.CompareAndSwap(false, true) {
			return b, nil
		}
		done := make(chan error, 1) // the rewrite waits here, with whatever it holds
		go func() {
			e.Emit(Owner{UID: "1001"}, "X", "X", nil)
			err := before.End("X", "X", map[string]string{"detail": "while it was rewritten"}, false)
			if err == nil {
				var op *Op
				op, err = e.Begin(Owner{UID: "1001"}, api.MethodSave, "", nil)
				during.Store(op)
			}
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("another user waits for the rewrite")
		}
		return b, nil
	}
	var err error
	if e, err = Open(Config{Dir: dir, Clock: c, Seal: seal, Open: clear}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	before = begin(t, e, Owner{UID: "1001"})
	op := begin(t, e, alice)
	for n := 0; during.Load() == nil && n < 40; n++ {
		if err := op.SetData(strings.Repeat("x", 100<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if during.Load() == nil {
		t.Fatal("the ledger was not rewritten")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, c)
	bob := Owner{UID: "1001"}
	if again.Find("1001", during.Load().ID()) == nil || again.Get(bob, before.ID()).State != api.OpDone || again.Find("1000", op.ID()) == nil {
		t.Error("what changed while the ledger was rewritten is lost")
	}
}

// full makes the disk refuse the log as atomicfile does past its bound, only at a smaller one.
func full(dir string, bound int64) atomicfile.Disk {
	path := filepath.Join(dir, "operations.log")
	return atomicfile.Disk{Fault: func(step atomicfile.Step, p string) error {
		if _, err := os.Lstat(p); step != atomicfile.StepWrite || !strings.Contains(p, "operations.log") || p != path && err == nil {
			return nil // another file, or the one that will take the log's place: the log bears the name that it was written under
		}
		if st, err := os.Stat(path); err != nil || st.Size() < bound {
			return nil
		}
		return atomicfile.ErrTooLarge
	}}
}

// TestAFullLedgerIsRewritten: one that can take no record is rewritten although it
// is not mostly history; one that is needed whole says so.
func TestAFullLedgerIsRewritten(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e, err := Open(Config{Dir: dir, Clock: c, disk: full(dir, 3<<20)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	large := strings.Repeat("x", 250<<10)
	var ops []*Op
	for uid := range 7 { // 1.7 MiB that are needed
		op, err := e.Begin(Owner{UID: caller.UID(strconv.Itoa(uid))}, api.MethodSave, "", large)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	for n := range 30 { // and 7 MiB of history
		if err := ops[n%7].SetData(large[:len(large)-n]); err != nil {
			t.Fatalf("change %d: %v", n, err)
		}
	}
	if e.rewrites == 0 {
		t.Error("the ledger was never rewritten")
	}
	var refused error
	for n := 7; refused == nil && n < 30; n++ {
		_, refused = e.Begin(Owner{UID: caller.UID(strconv.Itoa(n))}, api.MethodSave, "", large)
	}
	if api.CodeOf(refused) != api.Busy {
		t.Errorf("nothing can be dropped: %v", refused)
	}
	for _, op := range ops {
		_ = op.End("X", "X", nil, false) // the disk refuses some; memory has them all
	}
	if _, err := e.Begin(alice, api.MethodSave, "", nil); err != nil {
		t.Errorf("after ends: %v", err)
	}
}

// TestARewriteThatFailsIsNotTriedAtEachCommit.
func TestARewriteThatFailsIsNotTriedAtEachCommit(t *testing.T) {
	dir, tries := t.TempDir(), 0
	refuse := false
	e, err := Open(Config{Dir: dir, Clock: newClock(), disk: atomicfile.Disk{Fault: func(step atomicfile.Step, p string) error {
		if refuse && step == atomicfile.StepCreate && strings.Contains(p, "operations.log") {
			tries++
			return errors.New("planted: no space")
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	refuse = true
	op := begin(t, e, alice)
	change := func(n int) {
		t.Helper()
		for range n {
			if err := op.SetData(strings.Repeat("x", 100<<10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(31) // 3 MiB
	if tries < 1 || tries > 3 {
		t.Errorf("%d tries over 3 MiB", tries)
	}
	refuse = false
	change(12)
	if size := e.ledger.log.Size(); size > compactAt {
		t.Errorf("the disk takes it again, and the ledger has %d bytes", size)
	}
}

// largeData is what the records of history hold.
var largeData = json.RawMessage(fmt.Sprintf("%q", strings.Repeat("x", 200<<10)))

// history writes a ledger as an agent leaves it that ended before a rewrite.
func history(t *testing.T, dir string, records ...record) {
	t.Helper()
	l, _, err := atomicfile.OpenLog(filepath.Join(dir, "operations.log"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestALedgerOfHistoryIsRewrittenAtOpen(t *testing.T) {
	dir := t.TempDir()
	history(t, dir, slices.Repeat([]record{{ID: 1, UID: "1000", State: api.OpRunning, Data: largeData}}, 10)...)
	e := open(t, dir, newClock())
	if size := e.ledger.log.Size(); size > compactAt {
		t.Errorf("%d bytes after the start", size)
	}
	if e.Find("1000", 1) == nil {
		t.Error("the operation is lost")
	}
}

// TestResultsAreBroughtWithinBoundsAtOpen: bounds may have been wider.
func TestResultsAreBroughtWithinBoundsAtOpen(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	records := []record{{ID: 1, UID: "1000", State: api.OpRunning, Data: largeData}}
	for id := api.Operation(2); id < 30; id++ {
		records = append(records, record{ID: id, UID: "1001", State: api.OpDone, Ended: c.Now(), Data: largeData, Event: &api.Event{}})
	}
	history(t, dir, append(records, record{ID: 29})...) // the last as an agent of before Gone forgot
	e := open(t, dir, c)
	if u := e.users["1001"]; u.keptBytes > maxKeptBytes {
		t.Errorf("%d bytes of results after the start", u.keptBytes)
	}
	bob := Owner{UID: "1001"}
	if e.Find("1000", 1) == nil || e.Get(bob, 28).State != api.OpDone || e.Get(bob, 2).State != api.OpUnknown || e.Get(bob, 29).State != api.OpUnknown {
		t.Error("not what was to be kept")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e = open(t, dir, c); e.Find("1000", 1) == nil || e.Get(bob, 28).State != api.OpDone {
		t.Error("a second start finds less")
	}
}
