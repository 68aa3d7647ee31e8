package market_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestDelivery walks a supervised order: what each side does, who could appeal, and what the merchant is called for.
func TestDelivery(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted })
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 2, Periods: 1})
	id := o.Resource
	if o.State != meta.OrderProcessing {
		t.Errorf("order %+v", o)
	}
	h.expect("ordered", id, meta.ResourceDelivering, "newInstance")
	if _, found := h.instance(id); found {
		t.Error("there is a licence before the acceptance")
	}
	submit := func() error { _, err := h.room.Submit(ctx, "org_a", id, "twelve seats", meta.Entry{}); return err }
	confirm := func(yes bool, reason string) func() error {
		return func() error { _, err := h.room.Confirm(ctx, "mer_1", id, yes, reason, meta.Entry{}); return err }
	}
	deliver := func() error {
		_, err := h.room.Deliver(ctx, "mer_1", id, "https://isv.example.com/proof", meta.Entry{})
		h.settle()
		return err
	}
	accept := func(yes bool, reason string) func() error {
		return func() error { _, err := h.room.Accept(ctx, "org_a", id, yes, reason, meta.Entry{}); return err }
	}
	for i, tt := range []struct {
		wait            time.Duration
		do              func() error
		code            string
		delivery        string
		rejected        int
		buyer, merchant bool // may appeal, after the step
		calls           string
	}{
		{0, deliver, cloudapi.ErrConflict, meta.DeliverySubmitted, 0, false, false, ""},
		{0, accept(true, ""), cloudapi.ErrConflict, meta.DeliverySubmitted, 0, false, false, ""},
		{5 * day, confirm(true, ""), cloudapi.ErrConflict, meta.DeliverySubmitted, 0, false, false, ""},
		{time.Millisecond, confirm(true, ""), cloudapi.ErrConflict, meta.DeliverySubmitted, 0, false, true, ""},
		{0, submit, "", meta.DeliveryConfirm, 0, false, false, ""},
		{0, confirm(false, ""), cloudapi.ErrInvalid, meta.DeliveryConfirm, 0, false, false, ""},
		{6 * day, confirm(true, "no reason is wanted"), cloudapi.ErrInvalid, meta.DeliveryConfirm, 0, true, false, ""},
		{0, confirm(false, "which twelve?"), "", meta.DeliverySubmitted, 1, false, false, ""},
		{0, submit, "", meta.DeliveryConfirm, 1, false, false, ""},
		{0, confirm(true, ""), "", meta.DeliveryDeliver, 1, false, false, ""},
		{0, deliver, "", meta.DeliveryAccept, 1, false, false, "newInstance"},
		{0, deliver, cloudapi.ErrConflict, meta.DeliveryAccept, 1, false, false, ""},
		{0, accept(false, "it does not start"), "", meta.DeliveryDeliver, 2, false, false, ""},
		{0, deliver, "", meta.DeliveryAccept, 2, false, false, "newInstance"},
		{0, accept(false, "still not"), "", meta.DeliveryDeliver, 3, true, true, ""},
		{0, deliver, "", meta.DeliveryAccept, 3, true, true, "newInstance"},
		{0, accept(true, ""), "", meta.DeliveryDone, 3, false, false, ""},
		{0, accept(true, ""), cloudapi.ErrConflict, meta.DeliveryDone, 3, false, false, ""},
	} {
		h.clock.Advance(tt.wait)
		if err := tt.do(); meta.CodeOf(err) != tt.code || (err != nil) != (tt.code != "") {
			t.Fatalf("step %d: %v", i, err)
		}
		res := h.resource(id)
		buyer, merchant := market.Appeal(res, h.clock.Now())
		if res.Delivery != tt.delivery || res.Rejected != tt.rejected || buyer != tt.buyer || merchant != tt.merchant {
			t.Errorf("step %d: %+v, appeals %v, %v", i, res, buyer, merchant)
		}
		if got := h.isv.activities(); got != tt.calls {
			t.Errorf("step %d: calls %q, want %q", i, got, tt.calls)
		}
	}
	// The period counts from the acceptance: 11 February and a few milliseconds, cut to the second.
	res := h.expect("accepted", id, meta.ResourceActive, "")
	if !res.From.Equal(date(2026, 2, 11)) || !res.Until.Equal(date(2026, 3, 11)) || res.Pending != "" {
		t.Errorf("resource %+v", res)
	}
	o, err := h.store.Order(ctx, o.ID)
	if err != nil || o.State != meta.OrderDone || !o.Expire.Equal(res.Until) {
		t.Errorf("order %+v, %v", o, err)
	}
	if i, _ := h.instance(id); i.Seats != 2 || !i.Until.Equal(res.Until) || i.Status != meta.StatusActive {
		t.Errorf("instance %+v", i)
	}
	if got := h.notices(); got[meta.NoticeDelivery] != 4 {
		t.Errorf("notices %v", got)
	}
	h.advance(29 * day)
	h.expect("at its end", id, meta.ResourceFrozen, "updateInstanceStatus")
}

// TestDeliveryOfOthers: nobody else's delivery can be moved, or be seen to exist.
func TestDeliveryOfOthers(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted })
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 2, Periods: 1})
	for _, err := range []error{
		func() error { _, err := h.room.Submit(t.Context(), "org_b", o.Resource, "x", meta.Entry{}); return err }(),
		func() error {
			_, err := h.room.Confirm(t.Context(), "mer_2", o.Resource, true, "", meta.Entry{})
			return err
		}(),
		func() error {
			_, err := h.room.Deliver(t.Context(), "mer_2", o.Resource, "x", meta.Entry{})
			return err
		}(),
		func() error {
			_, err := h.room.Accept(t.Context(), "org_b", o.Resource, true, "", meta.Entry{})
			return err
		}(),
	} {
		if meta.CodeOf(err) != cloudapi.ErrNotFound {
			t.Errorf("%v", err)
		}
	}
}

// TestDeliverAgain: a newInstance that was given up is made again when the merchant delivers again, one under way is not doubled.
func TestDeliverAgain(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted })
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 2, Periods: 1})
	_, err := h.room.Submit(ctx, "org_a", o.Resource, "x", meta.Entry{})
	h.ok(err)
	_, err = h.room.Confirm(ctx, "mer_1", o.Resource, true, "", meta.Entry{})
	h.ok(err)
	h.isv.answer(func(wire.Request, int) (int, []byte) { return http.StatusInternalServerError, nil })
	deliver := func() {
		_, err := h.room.Deliver(ctx, "mer_1", o.Resource, "proof", meta.Entry{})
		h.ok(err)
		h.settle()
	}
	deliver()
	h.advance(3 * time.Hour)
	if n := len(h.isv.took()); n != 61 { // the order's own and 60 of the plan
		t.Errorf("%d calls", n)
	}
	deliver()
	deliver()
	if n := len(h.isv.took()); n != 1 {
		t.Errorf("%d calls for two clicks", n)
	}
	h.isv.answer(nil)
	h.advance(2 * time.Minute)
	if res := h.resource(o.Resource); res.Delivery != meta.DeliveryAccept {
		t.Errorf("resource %+v", res)
	}
}

// TestDeliveryThatFails: the second newInstance gives another id; the delivery stays where it is.
func TestDeliveryThatFails(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted })
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 2, Periods: 1})
	_, err := h.room.Submit(ctx, "org_a", o.Resource, "x", meta.Entry{})
	h.ok(err)
	_, err = h.room.Confirm(ctx, "mer_1", o.Resource, true, "", meta.Entry{})
	h.ok(err)
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if n < 3 {
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Success, InstanceID: "another"})
		}
		return http.StatusOK, nil
	})
	_, err = h.room.Deliver(ctx, "mer_1", o.Resource, "proof", meta.Entry{})
	h.ok(err)
	h.settle()
	if res := h.resource(o.Resource); res.Delivery != meta.DeliveryDeliver || res.MerchantID != "theirs-"+o.ID {
		t.Errorf("resource %+v", res)
	}
	h.advance(2 * time.Minute)
	if res := h.resource(o.Resource); res.Delivery != meta.DeliveryAccept {
		t.Errorf("resource %+v", res)
	}
	// A refund while it is delivered: the buyer goes away.
	h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource})
	if first, err := h.store.Order(ctx, o.ID); err != nil || first.State != meta.OrderFailed || first.Reason != "released" {
		t.Errorf("the order %+v, %v", first, err)
	}
	if res := h.resource(o.Resource); res.State != meta.ResourceReleased {
		t.Errorf("resource %+v", res)
	}
}
