package merchant

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

var errPlanted = errors.New("planted: database secret")

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
