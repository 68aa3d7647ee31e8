package merchant

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

var errPlanted = errors.New("planted: database secret")

// instances are an ISV's own table: what was made, by id.
type instances struct {
	mu   sync.Mutex // guards made
	made map[string]int
}

func (i *instances) make(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.made == nil {
		i.made = map[string]int{}
	}
	i.made[a.InstanceID]++
	return Provisioned, nil
}

func TestNewInstanceCreatesOnce(t *testing.T) {
	isv := &instances{}
	d := newDesk(t, func(o *Options) { o.Calls.NewInstance = isv.make })
	r := order("1")
	first := d.expect(r, wire.Success)
	if first.InstanceID != r.BusinessID {
		t.Errorf("instance %q, want the first businessId %q", first.InstanceID, r.BusinessID)
	}
	for range 3 {
		if again := d.expect(order("1"), wire.Success); again.InstanceID != first.InstanceID {
			t.Errorf("a repeat has another instance")
		}
	}
	test := order("1")
	test.TestFlag = wire.TestYes
	if a := d.expect(test, wire.Success); a.InstanceID == first.InstanceID {
		t.Error("a test call and a real one share an instance")
	}
	other := order("2")
	other.BusinessID = r.BusinessID // as the saved case of a debugging page has it
	if a := d.expect(other, wire.Success); a.InstanceID == first.InstanceID {
		t.Error("two orders share an instance")
	}
	if len(isv.made) != 3 {
		t.Errorf("made %v", isv.made)
	}
}

// TestErrorsAreNotReplayed: what failed is tried again, and only a success stays.
func TestErrorsAreNotReplayed(t *testing.T) {
	var next atomic.Pointer[func() error]
	var attempts []Attempt
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
			a.Record = nil
			attempts = append(attempts, a)
			return Provisioned, (*next.Load())()
		}
	})
	for _, tt := range []struct {
		name string
		f    func() error
		code wire.Code
		says string
	}{
		{"an error", func() error { return errPlanted }, wire.Internal, "internal error"},
		{"a panic", func() error { panic(errPlanted) }, wire.Internal, "internal error"},
		{"a refusal", func() error { return Refuse(wire.SoldOut, "") }, wire.SoldOut, "sold out"},
		{"a refusal with its own words", func() error { return Refuse(wire.NoResource, strings.Repeat("满", 300)) }, wire.NoResource, "满…"},
		{"a wrapped refusal", func() error { return errors.Join(errPlanted, Refuse(wire.NotAgain, "")) }, wire.NotAgain, "again"},
		{"processing", func() error { return ErrProcessing }, wire.Processing, "being processed"},
		{"success", func() error { return nil }, wire.Success, "success"},
		{"what nobody asks for any more", func() error { return errPlanted }, wire.Success, "success"},
	} {
		next.Store(&tt.f)
		a := d.expect(order("1"), tt.code)
		if !strings.Contains(a.ResultMsg, tt.says) || strings.Contains(a.ResultMsg, "secret") {
			t.Errorf("%s: %q", tt.name, a.ResultMsg)
		}
	}
	if len(attempts) != 7 {
		t.Fatalf("%d attempts", len(attempts))
	}
	for i, a := range attempts {
		if a.Number != i+1 || a.ID != attempts[0].ID || a.InstanceID != attempts[0].InstanceID || len(a.ID) != 64 {
			t.Errorf("attempt %d: %+v", i, a)
		}
	}
	if !strings.Contains(d.log.String(), "planted: database secret") {
		t.Error("the log does not say why")
	}
}

// TestProcessingNamesTheInstance: whatever the reason of 000004, newInstance's carries the id.
func TestProcessingNamesTheInstance(t *testing.T) {
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) { return 0, ErrProcessing }
	})
	if a := d.expect(order("1"), wire.Processing); a.InstanceID == "" {
		t.Error("no instanceId")
	}
}

// TestSlowWorkBecomesAsynchronous: 000004 with the id at once, 000000 with the same id when it is done; and
// queryInstance says the same.
func TestSlowWorkBecomesAsynchronous(t *testing.T) {
	need.NoLeak(t)
	release, ran := make(chan struct{}), make(chan struct{}, 8)
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.Calls.NewInstance = func(ctx context.Context, _ wire.NewInstance, _ Attempt) (Provision, error) {
			ran <- struct{}{}
			<-release
			return Provisioned, ctx.Err()
		}
	})
	first := d.expect(order("1"), wire.Processing)
	again := d.expect(order("1"), wire.Processing)
	if first.InstanceID == "" || again.InstanceID != first.InstanceID {
		t.Errorf("%+v, %+v", first, again)
	}
	d.expect(wire.QueryInstance{InstanceID: first.InstanceID}, wire.Processing)
	close(release)
	d.h.options.AnswerWithin = time.Minute // nothing else reads it now
	if done := d.expect(order("1"), wire.Success); done.InstanceID != first.InstanceID {
		t.Errorf("done %+v", done)
	}
	if a := d.expect(wire.QueryInstance{InstanceID: first.InstanceID}, wire.Success); len(a.Info) != 1 || a.Info[0].InstanceID != first.InstanceID {
		t.Errorf("query: %+v", a)
	}
	if len(ran) != 1 {
		t.Errorf("ran %d times", len(ran))
	}
}

func TestTwoAtOnceRunOnce(t *testing.T) {
	var ran atomic.Int32
	inside, release := make(chan struct{}), make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
			if ran.Add(1) == 1 {
				close(inside)
			}
			<-release
			return Provisioned, nil
		}
	})
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() { ids[i] = d.expect(order("1"), wire.Success).InstanceID })
	}
	<-inside
	close(release)
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("ids %q", ids)
		}
	}
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

// TestTwoHandlersOverOneStore: the turn is the store's, not the handler's.
func TestTwoHandlersOverOneStore(t *testing.T) {
	var ran atomic.Int32
	inside, release := make(chan struct{}), make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
			if ran.Add(1) == 1 {
				close(inside)
			}
			<-release
			return Provisioned, nil
		}
	})
	quick := d.options
	quick.AnswerWithin = 20 * time.Millisecond
	h, err := New(quick)
	if err != nil {
		t.Fatal(err)
	}
	other := &desk{t: t, clock: d.clock, options: quick, store: d.store, log: d.log, h: h}
	var wg sync.WaitGroup
	var first wire.Answer
	wg.Go(func() { first = d.expect(order("1"), wire.Success) })
	<-inside
	waiting := other.expect(order("1"), wire.Processing)
	close(release)
	wg.Wait()
	done := other.expect(order("1"), wire.Success)
	if waiting.InstanceID != first.InstanceID || done.InstanceID != first.InstanceID || ran.Load() != 1 {
		t.Errorf("%+v, %+v, %+v, ran %d times", first, waiting, done, ran.Load())
	}
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestACrashBetweenWorkAndAnswer: the callback runs again, with the same id and a greater number.
func TestACrashBetweenWorkAndAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "merchant.db")
	var attempts []Attempt
	for round := range 3 {
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		inside := make(chan struct{})
		h, err := New(Options{Keys: Keys{Base: []string{baseKey}}, Store: s, AnswerWithin: time.Minute, Calls: Callbacks{
			NewInstance: func(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
				a.Record = nil
				attempts = append(attempts, a)
				if round < 2 { // the file closes under the work: nothing of its end gets onto the disk
					if err := s.Close(); err != nil {
						return 0, err
					}
				}
				close(inside)
				return Provisioned, nil
			}}})
		if err != nil {
			t.Fatal(err)
		}
		body, err := wire.Encode(order("1"))
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, h: h}
		w := d.send(sign.SignProduction(baseKey, sign.NewNonce(), h.options.Now(), body).Encode(), body)
		<-inside
		want := wire.Internal
		if round == 2 {
			want = wire.Success
		}
		if a := d.check(w, baseKey); a.ResultCode != want {
			t.Errorf("round %d: %s", round, w.Body)
		}
		if err := errors.Join(h.Close(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range attempts {
		if a.Number != i+1 || a.InstanceID != attempts[0].InstanceID || a.ID != attempts[0].ID {
			t.Errorf("attempt %d: %+v", i, a)
		}
	}
	if len(attempts) != 3 {
		t.Errorf("%d attempts", len(attempts))
	}
}

// TestSupervised: newInstance of an ordered line runs again and provisions under the same id.
func TestSupervised(t *testing.T) {
	var delivered atomic.Bool
	var orderedBefore []bool
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
			orderedBefore = append(orderedBefore, a.Ordered)
			if !delivered.Load() {
				return Ordered, nil
			}
			return Provisioned, nil
		}
	})
	first := d.expect(order("1"), wire.Success)
	d.expect(order("1"), wire.Success)
	d.expect(wire.QueryInstance{InstanceID: first.InstanceID}, wire.Success)
	delivered.Store(true)
	for range 2 {
		if a := d.expect(order("1"), wire.Success); a.InstanceID != first.InstanceID {
			t.Error("delivered under another id")
		}
	}
	if len(orderedBefore) != 3 || orderedBefore[0] || !orderedBefore[1] || !orderedBefore[2] {
		t.Errorf("ran with ordered %v", orderedBefore)
	}
}

func TestPayPerUseIsKeptByOrderAndProduct(t *testing.T) {
	isv := &instances{}
	fail := true
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = isv.make
		o.PayPerUse = func(_ context.Context, orderID, line string) (string, error) {
			if fail {
				return "", errPlanted
			}
			if orderID == "CS1" {
				return "product of " + line[len(line)-1:], nil
			}
			return "", nil
		}
	})
	line := func(order, line string) wire.NewInstance {
		return wire.NewInstance{OrderID: order, OrderLineID: line, BusinessID: sign.NewNonce()}
	}
	d.expect(line("CS1", "a-1"), wire.Internal) // nothing is known of the line: nothing is made
	fail = false
	one := d.expect(line("CS1", "a-1"), wire.Success)
	if d.expect(line("CS1", "b-1"), wire.Success).InstanceID != one.InstanceID {
		t.Error("one product of one order has two instances")
	}
	if d.expect(line("CS1", "a-2"), wire.Success).InstanceID == one.InstanceID {
		t.Error("two products of one order share an instance")
	}
	if d.expect(line("CS2", "a"), wire.Success).InstanceID == d.expect(line("CS2", "b"), wire.Success).InstanceID {
		t.Error("two lines that are not pay-per-use share an instance")
	}
	if len(isv.made) != 4 {
		t.Errorf("made %v", isv.made)
	}
}

// TestRefreshDoesNotExtendTwice: the key has the scene, since an undone renewal bears the renewal's order.
func TestRefreshDoesNotExtendTwice(t *testing.T) {
	var scenes []string
	d := newDesk(t, func(o *Options) {
		o.Calls.RefreshInstance = func(_ context.Context, r wire.RefreshInstance, _ Attempt) error {
			if r.InstanceID == "unknown" {
				return Refuse(wire.NoInstance, "")
			}
			scenes = append(scenes, r.Scene+" "+r.OrderID+" "+r.Expires().Format(time.DateOnly))
			return nil
		}
	})
	call := func(scene, order, expire string) wire.RefreshInstance {
		return wire.RefreshInstance{InstanceID: "i", Scene: scene, OrderID: order, OrderLineID: order + "-1", ExpireTime: expire}
	}
	for _, r := range []wire.RefreshInstance{
		call(wire.SceneRenewal, "A", "20270101000000"), call(wire.SceneRenewal, "A", "20270101000000"),
		call(wire.SceneRenewal, "A", "20280101000000"), // the key decides: the first result, and a warning
		call(wire.SceneUndoRenewal, "A", "20260101000000"), call(wire.SceneUndoRenewal, "A", "20260101000000"),
		call(wire.SceneRenewal, "B", "20290101000000"), call(wire.SceneRenewal, "A", "20270101000000"),
	} {
		d.expect(r, wire.Success)
	}
	unknown := call(wire.SceneRenewal, "A", "20270101000000")
	unknown.InstanceID = "unknown"
	d.expect(unknown, wire.NoInstance)
	if got := strings.Join(scenes, ", "); got != "RENEWAL A 2027-01-01, UNSUBSCRIBE_RENEWAL_PERIOD A 2026-01-01, RENEWAL B 2029-01-01" {
		t.Errorf("ran %s", got)
	}
	if !strings.Contains(d.log.String(), "fields=[expireTime]") {
		t.Error("no warning of the changed end")
	}
}

// TestStatusIsAState: the callback runs for each, a late success is told once, and two statuses of
// one instance never run at the same time.
func TestStatusIsAState(t *testing.T) {
	var seen []string
	var inside atomic.Int32
	release := make(chan struct{}, 8)
	d := newDesk(t, func(o *Options) {
		o.Calls.UpdateInstanceStatus = func(_ context.Context, r wire.UpdateInstanceStatus, _ Attempt) error {
			if inside.Add(1) != 1 {
				t.Error("two at once")
			}
			defer inside.Add(-1)
			seen = append(seen, r.Status)
			<-release
			return nil
		}
	})
	set := func(status string) wire.UpdateInstanceStatus {
		return wire.UpdateInstanceStatus{InstanceID: "i", Status: status}
	}
	for _, status := range []string{wire.StatusFreeze, wire.StatusFreeze, wire.StatusUnfreeze, wire.StatusFreeze} {
		release <- struct{}{}
		d.expect(set(status), wire.Success)
	}
	if len(seen) != 4 {
		t.Errorf("ran %v", seen)
	}

	d.h.options.AnswerWithin = 20 * time.Millisecond
	d.expect(set(wire.StatusFreeze), wire.Processing)
	d.expect(set(wire.StatusUnfreeze), wire.Processing) // waits for the freeze, and is not begun
	d.h.options.AnswerWithin = time.Minute
	release <- struct{}{}
	d.h.running.Wait()
	d.expect(set(wire.StatusFreeze), wire.Success) // the late one
	if len(seen) != 5 {
		t.Errorf("ran %v", seen)
	}
	release <- struct{}{}
	d.expect(set(wire.StatusFreeze), wire.Success) // told once: this one ran
	if len(seen) != 6 {
		t.Errorf("ran %v", seen)
	}
}

// TestCallsOfOneInstanceRunOneAfterTheOther, whatever they ask.
func TestCallsOfOneInstanceRunOneAfterTheOther(t *testing.T) {
	var inside, ran atomic.Int32
	alone := func(r wire.Request) error {
		if inside.Add(1) != 1 {
			t.Errorf("%s is not alone", r.Activity())
		}
		time.Sleep(time.Millisecond)
		ran.Add(1)
		inside.Add(-1)
		return nil
	}
	d := newDesk(t, func(o *Options) {
		o.Calls = everything(alone)
		o.Upload = func(context.Context, string, License) error { return nil }
	})
	var wg sync.WaitGroup
	for _, r := range []wire.Request{
		wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze}, wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusUnfreeze},
		wire.RefreshInstance{InstanceID: "i", Scene: wire.SceneRenewal, OrderID: "o", OrderLineID: "l", ExpireTime: "20270101000000"},
		wire.UpgradeInstance{InstanceID: "i", OrderID: "o", OrderLineID: "l"}, wire.ReleaseInstance{InstanceID: "i"},
	} {
		wg.Go(func() { d.expect(r, wire.Success) })
	}
	wg.Wait()
	if ran.Load() != 5 {
		t.Errorf("ran %d", ran.Load())
	}
}

// TestALateStateIsForgottenWhenAnotherComesBetween: it would be told of what is no longer so.
func TestALateStateIsForgottenWhenAnotherComesBetween(t *testing.T) {
	var ran atomic.Int32
	release := make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.Calls.UpdateInstanceStatus = func(_ context.Context, r wire.UpdateInstanceStatus, _ Attempt) error {
			if ran.Add(1) == 1 {
				<-release
			}
			return nil
		}
	})
	freeze := wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze}
	d.expect(freeze, wire.Processing)
	close(release)
	d.h.running.Wait()
	d.h.options.AnswerWithin = time.Minute
	d.expect(wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusUnfreeze}, wire.Success)
	d.expect(freeze, wire.Success)
	if ran.Load() != 3 {
		t.Errorf("ran %d times, want 3", ran.Load())
	}
}

func TestReleaseOnce(t *testing.T) {
	var ran atomic.Int32
	d := newDesk(t, func(o *Options) {
		o.Calls.ReleaseInstance = func(context.Context, wire.ReleaseInstance, Attempt) error { ran.Add(1); return nil }
	})
	for _, orderID := range []string{"", "CS9", ""} {
		d.expect(wire.ReleaseInstance{InstanceID: "i", OrderID: orderID}, wire.Success)
	}
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

// TestWorkersAreBounded: when all are busy, a call is told 000004 with its id and does not run.
func TestWorkersAreBounded(t *testing.T) {
	release := make(chan struct{})
	var ran atomic.Int32
	d := newDesk(t, func(o *Options) {
		o.Workers, o.AnswerWithin = 1, 20*time.Millisecond
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
			ran.Add(1)
			<-release
			return Provisioned, nil
		}
		o.Calls.ChangeInstanceCheck = func(context.Context, wire.ChangeInstanceCheck) error { ran.Add(1); return nil }
	})
	check := wire.ChangeInstanceCheck{InstanceID: "i", ProductInfo: wire.Products{{ProductID: "p"}}}
	d.expect(order("1"), wire.Processing)
	second := d.expect(order("2"), wire.Processing)
	d.expect(check, wire.Processing)
	if ran.Load() != 1 || second.InstanceID == "" {
		t.Errorf("ran %d times, %+v", ran.Load(), second)
	}
	close(release)
	d.h.running.Wait()
	d.h.options.AnswerWithin = time.Minute
	if a := d.expect(order("2"), wire.Success); a.InstanceID != second.InstanceID {
		t.Error("another id after the wait")
	}
	d.expect(check, wire.Success)
}

// TestCloseWaits: work that goes on is finished and stored; work that does not end is told to.
func TestCloseWaits(t *testing.T) {
	need.NoLeak(t)
	for _, patient := range []bool{true, false} {
		release, ended := make(chan struct{}), make(chan error, 1)
		d := newDesk(t, func(o *Options) {
			o.AnswerWithin = 20 * time.Millisecond
			o.Calls.NewInstance = func(ctx context.Context, _ wire.NewInstance, _ Attempt) (Provision, error) {
				select {
				case <-release:
				case <-ctx.Done():
				}
				ended <- ctx.Err()
				return Provisioned, ctx.Err()
			}
		})
		d.expect(order("1"), wire.Processing)
		ctx, end := context.WithCancel(t.Context())
		if patient {
			time.AfterFunc(10*time.Millisecond, func() { close(release) })
		} else {
			end()
		}
		err := d.h.Close(ctx)
		end()
		if work := <-ended; patient != (err == nil) || patient != (work == nil) {
			t.Errorf("patient %v: Close %v, work %v", patient, err, work)
		}
		d.expect(order("2"), wire.Internal)
	}
}

// TestRecordInTheISVsTransaction: what is committed with the instance is replayed, whatever
// happens to the callback after that; what is rolled back is not.
func TestRecordInTheISVsTransaction(t *testing.T) {
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(t.TempDir(), "isv.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE instances (n INTEGER PRIMARY KEY, id TEXT)`); err != nil { // no unique key
		t.Fatal(err)
	}
	s, err := sqlite.Use(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var commit atomic.Bool
	d := newDesk(t, func(o *Options) {
		o.Store = s
		o.Calls.NewInstance = func(ctx context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return 0, err
			}
			defer tx.Rollback()
			if _, err := tx.Exec(`INSERT INTO instances (id) VALUES (?)`, a.InstanceID); err != nil {
				return 0, err
			}
			if err := a.Record(ctx, tx); err != nil {
				return 0, err
			}
			if commit.Load() {
				if err := tx.Commit(); err != nil {
					return 0, err
				}
			}
			panic("planted, behind the commit")
		}
	})
	d.expect(order("1"), wire.Internal)
	commit.Store(true)
	d.expect(order("1"), wire.Internal)
	a := d.expect(order("1"), wire.Success)
	var rows int
	var id string
	if err := db.QueryRow(`SELECT count(*), max(id) FROM instances`).Scan(&rows, &id); err != nil || rows != 1 || id != a.InstanceID {
		t.Errorf("%d rows, id %q, answer %+v, %v", rows, id, a, err)
	}
}

// bare is a store that shares no transaction.
type bare struct{ store.Store }

func TestRecordNeedsTheISVsDatabase(t *testing.T) {
	var err error
	d := newDesk(t, func(o *Options) {
		o.Store = bare{o.Store}
		o.Calls.NewInstance = func(ctx context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
			err = a.Record(ctx, nil)
			return Provisioned, nil
		}
	})
	d.expect(order("1"), wire.Success)
	if !errors.Is(err, ErrNotTransactional) {
		t.Errorf("got %v", err)
	}
}
