package market_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

func fails(wire.Request, int) (int, []byte) { return http.StatusOK, result(wire.Internal) }

// TestOrderThatFails: two hours of calls every two minutes, an hour more in which somebody may send again, then the order
// has failed and is refunded.
func TestOrderThatFails(t *testing.T) {
	h := open(t, nil)
	h.isv.answer(fails)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.advance(3*time.Hour - time.Millisecond)
	calls := h.isv.took()
	if len(calls) != 60 || calls[59].at.Sub(begin) != 118*time.Minute {
		t.Errorf("%d calls", len(calls))
	}
	ids := map[string]bool{}
	for i, c := range calls {
		if c.at.Sub(begin) != time.Duration(i)*2*time.Minute {
			t.Errorf("call %d at %v", i, c.at)
		}
		ids[c.q.(wire.NewInstance).BusinessID] = true
	}
	if len(ids) != 60 {
		t.Errorf("%d different businessIds", len(ids))
	}
	if got := h.notices(); got[meta.NoticeFailing] != 59 || got[meta.NoticeGivenUp] != 1 || len(got) != 2 {
		t.Errorf("notices %v", got)
	}
	if list, err := h.store.Notices(t.Context(), "mer_1", meta.Page{Limit: 100}); err != nil || len(list) != 2 || list[0].Category != meta.NoticeProvision {
		t.Errorf("notices %+v, %v", list, err)
	}
	if res := h.resource(o.Resource); res.State != meta.ResourceOrdered {
		t.Errorf("resource %+v", res)
	}
	h.advance(time.Millisecond)
	h.expect("after three hours", o.Resource, meta.ResourceUnobtainable, "")
	o, err := h.store.Order(t.Context(), o.ID)
	if err != nil || o.State != meta.OrderFailed || o.Reason != "time" {
		t.Errorf("order %+v, %v", o, err)
	}
	if _, found := h.instance(o.Resource); found {
		t.Error("there is a licence of an order that has failed")
	}
	list, err := h.store.Calls(t.Context(), meta.CallFilter{Subject: o.Resource, Page: meta.Page{Limit: 10}})
	if err != nil || len(list) != 1 || list[0].State != meta.CallStopped || list[0].Attempts != 60 {
		t.Fatalf("calls %+v, %v", list, err)
	}
	if _, err := h.queue.Restart(t.Context(), "mer_1", list[0].ID, meta.Entry{}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("send again after the refund: %v", err)
	}
	h.advance(day)
	h.expect("a day later", o.Resource, meta.ResourceUnobtainable, "")
}

// TestSendAgain: within the hour after the calls have ended, the merchant repairs its server and sends again.
func TestSendAgain(t *testing.T) {
	h := open(t, nil)
	h.isv.answer(fails)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.advance(150 * time.Minute)
	h.isv.took()
	list, err := h.store.Calls(t.Context(), meta.CallFilter{Merchant: "mer_1", State: meta.CallFailed, Page: meta.Page{Limit: 10}})
	if err != nil || len(list) != 1 {
		t.Fatalf("calls %+v, %v", list, err)
	}
	if _, err := h.queue.Restart(t.Context(), "mer_1", list[0].ID, meta.Entry{}); err != nil {
		t.Fatal(err)
	}
	h.settle()
	h.advance(5 * time.Minute)
	h.expect("sent again too early: the plan begins anew", o.Resource, meta.ResourceOrdered, "newInstance newInstance newInstance")
	h.isv.answer(nil)
	h.advance(time.Minute)
	h.expect("sent again", o.Resource, meta.ResourceActive, "newInstance")
}

// TestStillAtWork: 000004 is no failure; queryInstance is asked, quickly at first, until it shows the instance.
func TestStillAtWork(t *testing.T) {
	h := open(t, nil)
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		switch q := q.(type) {
		case wire.NewInstance:
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Processing, InstanceID: "slow"})
		case wire.QueryInstance:
			if n < 4 {
				return http.StatusOK, result(wire.Processing)
			}
			return http.StatusOK, success(q)
		}
		return http.StatusOK, nil
	})
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	if res := h.resource(o.Resource); res.State != meta.ResourceOrdered || res.MerchantID != "slow" {
		t.Errorf("resource %+v", res)
	}
	h.advance(time.Minute)
	calls := h.isv.took()
	var gaps []time.Duration
	for _, c := range calls {
		gaps = append(gaps, c.at.Sub(begin))
	}
	if len(calls) != 5 || gaps[2] != time.Second || gaps[3] != 3*time.Second || gaps[4] != 8*time.Second {
		t.Errorf("calls at %v", gaps)
	}
	h.expect("at last", o.Resource, meta.ResourceActive, "")
	if got := h.notices(); len(got) != 0 {
		t.Errorf("notices %v", got)
	}
}

// TestNeverReady: a merchant that begins and never ends loses the order, and is told to release what it began.
func TestNeverReady(t *testing.T) {
	h := open(t, nil)
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		switch q.(type) {
		case wire.NewInstance:
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Processing, InstanceID: "slow"})
		case wire.QueryInstance:
			return http.StatusOK, result(wire.Processing)
		}
		return http.StatusOK, nil
	})
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.advance(3 * time.Hour)
	calls := h.isv.took()
	if n := len(calls); calls[n-1].q != (wire.ReleaseInstance{InstanceID: "slow"}) {
		t.Errorf("the last call is %+v", calls[n-1])
	}
	h.expect("after three hours", o.Resource, meta.ResourceUnobtainable, "")
}

// TestLateSuccess: the order has failed while the call was under way; what the merchant made is given back.
func TestLateSuccess(t *testing.T) {
	h := open(t, nil)
	release, under := make(chan struct{}), make(chan struct{})
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if q.Activity() == wire.ActivityNewInstance {
			close(under)
			<-release
		}
		return http.StatusOK, nil
	})
	o, err := h.place(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.ok(err)
	<-under
	h.clock.Advance(3 * time.Hour)
	h.ok(h.room.Sweep(t.Context()))
	close(release)
	deadline := 0
	for h.resource(o.Resource).MerchantID == "" {
		if deadline++; deadline > 5000 {
			t.Fatal("the late answer is lost")
		}
		time.Sleep(time.Millisecond)
	}
	h.settle()
	h.expect("late", o.Resource, meta.ResourceUnobtainable, "newInstance releaseInstance")
}

// TestInstanceIDs: a merchant that gives an id twice, or another one than before, is not believed.
func TestInstanceIDs(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted })
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if q.Activity() == wire.ActivityNewInstance {
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Success, InstanceID: "always the same"})
		}
		return http.StatusOK, nil
	})
	h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	second := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.expect("the id of another order", second.Resource, meta.ResourceOrdered, "newInstance newInstance")
	list, err := h.store.Calls(t.Context(), meta.CallFilter{Subject: second.Resource, Page: meta.Page{Limit: 10}})
	if err != nil || len(list) != 1 || list[0].LastError != "the instanceId is that of another order" || list[0].State != meta.CallWaiting {
		t.Errorf("calls %+v, %v", list, err)
	}
}

// TestCrash: the process ends after the merchant has answered and the effect is stored, before the answer is
// recorded. The call is made again and changes nothing.
func TestCrash(t *testing.T) {
	h := open(t, nil)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
	before := h.resource(o.Resource)
	list, err := h.store.Calls(t.Context(), meta.CallFilter{Subject: o.Resource, Page: meta.Page{Limit: 10}})
	if err != nil || len(list) != 2 {
		t.Fatalf("calls %+v, %v", list, err)
	}
	h.queue.Close()
	h.isv.took()
	for _, c := range list { // as if their answers had never been recorded
		again := c
		again.ID, again.Key, again.Next, again.End = meta.NewID("cal"), c.Key, h.clock.Now(), h.clock.Now().Add(time.Hour)
		_, err := h.store.Call(t.Context(), c.ID)
		h.ok(err)
		again.Key = c.Key + ":again" // orderOf reads the order from its middle
		h.ok(h.store.AddCall(t.Context(), again))
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.settle()
	res := h.expect("after the crash", o.Resource, meta.ResourceActive, "refreshInstance newInstance")
	if res != before || res.InForce != renewal.ID {
		t.Errorf("resource %+v, was %+v", res, before)
	}
}

// TestRefreshThatFails: the order waits for "send again"; a resource that ended meanwhile stays frozen, there and here.
func TestRefreshThatFails(t *testing.T) {
	h := open(t, nil)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 1, Periods: 1})
	h.advance(28 * day)
	h.isv.took()
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if q.Activity() == wire.ActivityRefreshInstance {
			return fails(q, n)
		}
		return http.StatusOK, nil
	})
	renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
	h.advance(4 * time.Hour)
	calls := h.isv.activities()
	if n := strings.Count(calls, "refreshInstance"); n != 60 || !strings.HasSuffix(calls, " updateInstanceStatus") {
		t.Errorf("%d calls, in the end %q", n, calls[len(calls)-60:])
	}
	if o, err := h.store.Order(t.Context(), renewal.ID); err != nil || o.State != meta.OrderProcessing {
		t.Errorf("renewal %+v, %v", o, err)
	}
	h.isv.answer(nil)
	list, err := h.store.Calls(t.Context(), meta.CallFilter{State: meta.CallFailed, Page: meta.Page{Limit: 10}})
	if err != nil || len(list) != 1 {
		t.Fatalf("calls %+v, %v", list, err)
	}
	_, err = h.queue.Restart(t.Context(), "mer_1", list[0].ID, meta.Entry{})
	h.ok(err)
	h.settle()
	h.expect("sent again", o.Resource, meta.ResourceActive, "refreshInstance updateInstanceStatus")
}

// TestNotify: the notification goes its own way, three hours long, and holds up nothing.
func TestNotify(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.NotifyURL, l.NotifyKey = l.URL+"/notify", "key_notify" })
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if q.Activity() == wire.ActivityOrderNotify {
			return fails(q, n)
		}
		return http.StatusOK, nil
	})
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	if res := h.resource(o.Resource); res.State != meta.ResourceActive {
		t.Errorf("resource %+v", res)
	}
	h.advance(5 * time.Hour)
	if n := strings.Count(h.isv.activities(), "orderNotify"); n != 90 {
		t.Errorf("%d notifications", n)
	}
}
