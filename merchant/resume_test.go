package merchant

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// turns notes the attempts of a callback and lets it fail as planned.
type turns struct {
	mu    sync.Mutex // guards what is below
	seen  []Attempt
	lines []string
	fails []error // of the first attempts, in order
}

func (n *turns) run(line string, a Attempt) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen, n.lines = append(n.seen, a), append(n.lines, line)
	if len(n.seen) <= len(n.fails) {
		return n.fails[len(n.seen)-1]
	}
	return nil
}

func (n *turns) newInstance(_ context.Context, r wire.NewInstance, a Attempt) (Provision, error) {
	return Provisioned, n.run(r.OrderID+" "+r.OrderLineID+" "+r.BusinessID, a)
}

// same holds what all attempts have in common, and their numbers.
func (n *turns) same(t *testing.T, attempts int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.seen) != attempts {
		t.Errorf("%d attempts, want %d", len(n.seen), attempts)
	}
	for i, a := range n.seen {
		if a.ID != n.seen[0].ID || a.InstanceID != n.seen[0].InstanceID || a.Number != i+1 || n.lines[i] != n.lines[0] {
			t.Errorf("attempt %d: %+v for %q, the first %+v for %q", i+1, a, n.lines[i], n.seen[0], n.lines[0])
		}
	}
}

// TestAPollFinishesWhatFailedAfterItsAnswer: newInstance is called once, is answered 000004 and fails; nothing but
// queries follows.
func TestAPollFinishesWhatFailedAfterItsAnswer(t *testing.T) {
	n := &turns{fails: []error{ErrProcessing, errPlanted, Refuse(wire.Internal, "not now")}}
	d := newDesk(t, func(o *Options) { o.Calls.NewInstance = n.newInstance; o.Workers = 1 })
	r := order("1")
	d.expect(r, wire.Processing)
	query := wire.QueryInstance{InstanceID: r.BusinessID}
	for range 3 {
		d.expect(query, wire.Processing)
		d.h.running.Wait()
	}
	if a := d.expect(query, wire.Success); len(a.Info) != 1 || a.Info[0].InstanceID != r.BusinessID {
		t.Errorf("got %+v", a)
	}
	n.same(t, 4)
	d.expect(r, wire.Success)
	d.expect(wire.QueryInstance{InstanceID: r.BusinessID + ",other"}, wire.NoInstance)
	n.same(t, 4)
}

// TestAPollWhileItRuns begins nothing twice.
func TestAPollWhileItRuns(t *testing.T) {
	release := make(chan struct{})
	var ran atomic.Int32
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
			ran.Add(1)
			<-release
			return Provisioned, nil
		}
	})
	r := order("1")
	query := wire.QueryInstance{InstanceID: r.BusinessID}
	d.expect(r, wire.Processing)
	for range 3 {
		d.expect(query, wire.Processing)
	}
	close(release)
	d.h.running.Wait()
	d.expect(query, wire.Success)
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

// TestAPollIsToldTheRefusal that came after 000004, and nothing runs again until newInstance is called.
func TestAPollIsToldTheRefusal(t *testing.T) {
	n := &turns{fails: []error{errPlanted, Refuse(wire.SoldOut, "")}}
	d := newDesk(t, func(o *Options) { o.Calls.NewInstance = n.newInstance })
	r := order("1")
	query := wire.QueryInstance{InstanceID: r.BusinessID}
	d.expect(r, wire.Internal)
	d.expect(query, wire.Processing)
	d.h.running.Wait()
	d.expect(query, wire.SoldOut)
	d.expect(wire.QueryInstance{InstanceID: "other," + r.BusinessID}, wire.SoldOut)
	n.same(t, 2)
	d.expect(r, wire.Success)
	d.expect(query, wire.Success)
	n.same(t, 3)
}

// TestAPollAfterACrash finishes an order whose process has died, also one of V1.0 and one that is paid per use.
func TestAPollAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "merchant.db")
	n, old := &turns{}, &turns{}
	hang := make(chan struct{})
	defer close(hang)
	run := func(first bool, f func(d *desk)) {
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() // and not the handler: as after a kill
		wait := func(n *turns, line string, a Attempt) error {
			err := n.run(line, a)
			if first {
				<-hang
			}
			return err
		}
		o := Options{Keys: Keys{Base: []string{baseKey}}, Store: s, Now: clocktest.New(start).Now, AnswerWithin: 30 * time.Millisecond}
		o.PayPerUse = func(_ context.Context, order, _ string) (string, error) {
			if !first {
				t.Error("the product is asked for again")
			}
			return map[string]string{"CS2": "product"}[order], nil
		}
		o.Calls.NewInstance = func(_ context.Context, r wire.NewInstance, a Attempt) (Provision, error) {
			return Provisioned, wait(n, r.OrderID+r.OrderLineID+r.BusinessID, a)
		}
		o.V1.NewInstance = func(_ context.Context, r wire.V1Purchase, a Attempt) (V1Instance, error) {
			return V1Instance{App: &wire.AppInfo{FrontEndURL: "u", UserName: "who"}}, wait(old, r.OrderID+r.Email+r.MobilePhone, a)
		}
		d := &desk{t: t, clock: clocktest.New(start), log: &journal{}, options: o}
		if d.h, err = New(o); err != nil {
			t.Fatal(err)
		}
		f(d)
		if !first {
			d.h.running.Wait()
		}
	}
	r := order("2")
	r.OrderID = "CS2"
	run(true, func(d *desk) {
		d.expect(r, wire.Processing)
		d.v1(purchase, wire.Processing)
	})
	run(false, func(d *desk) {
		d.expect(wire.QueryInstance{InstanceID: r.BusinessID}, wire.Processing)
		d.v1("activity=queryInstance&instanceId=b1", wire.Processing)
		d.h.running.Wait()
		d.expect(wire.QueryInstance{InstanceID: r.BusinessID}, wire.Success)
		if a := d.v1("activity=queryInstance&instanceId=b1", wire.Success); a.Info[0].AppInfo.FrontEndURL != "u" {
			t.Errorf("got %+v", a)
		}
	})
	n.same(t, 2)
	old.same(t, 2)
}

// TestADeliveryThatWasCut goes on by a poll too; an order that is only noted does not.
func TestADeliveryThatWasCut(t *testing.T) {
	var seen []Attempt
	d := newDesk(t, func(o *Options) {
		o.Calls.NewInstance = func(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
			seen = append(seen, a)
			switch len(seen) {
			case 1:
				return Ordered, nil
			case 2:
				return 0, ErrProcessing
			}
			return Provisioned, nil
		}
	})
	r := order("1")
	query := wire.QueryInstance{InstanceID: r.BusinessID}
	d.expect(r, wire.Success)
	d.expect(query, wire.Success)
	d.expect(r, wire.Processing)
	d.expect(query, wire.Processing)
	d.h.running.Wait()
	d.expect(query, wire.Success)
	if len(seen) != 3 || !seen[2].Ordered || seen[2].InstanceID != seen[0].InstanceID {
		t.Errorf("seen %+v", seen)
	}
}

// TestCloseLeavesTheDeafBehind and names them.
func TestCloseLeavesTheDeafBehind(t *testing.T) {
	release := make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		deaf := func() { <-release }
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) { deaf(); return Provisioned, nil }
		o.Calls.QueryInstance = func(context.Context, wire.QueryInstance) ([]wire.InstanceInfo, error) { deaf(); return nil, nil }
	})
	d.h.grace = 20 * time.Millisecond
	d.expect(order("1"), wire.Processing)
	d.expect(order("2"), wire.Processing)
	d.expect(wire.QueryInstance{InstanceID: "other"}, wire.Processing)
	ctx, end := context.WithCancel(t.Context())
	end()
	want := "close merchant handler: callbacks left behind, deaf to their context: newInstance (2), queryInstance (1): context canceled"
	if err := d.h.Close(ctx); err == nil || err.Error() != want {
		t.Errorf("Close: %v", err)
	}
	close(release)
	if err := d.h.Close(t.Context()); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if w := d.send("", []byte("{}")); w.Code != http.StatusOK {
		t.Errorf("after Close: %d", w.Code)
	}
}
