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

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

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
