package market_test

import (
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestService: software as a service is usable when queryInstance shows it, has no licence instance, and
// its renewals are undone under the unsubscription's own id.
func TestService(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Kind = meta.KindSaaS })
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.expect("new", o.Resource, meta.ResourceActive, "newInstance queryInstance")
	if _, found := h.instance(o.Resource); found {
		t.Error("there is a licence")
	}
	renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
	h.isv.took()
	undo := h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource, Undoes: renewal.ID})
	calls := h.isv.took()
	if len(calls) != 1 || calls[0].q.(wire.RefreshInstance).OrderID != undo.ID {
		t.Errorf("calls %+v", calls)
	}
}

// TestServiceDelivered: while a purchase is only noted there is nothing to query.
func TestServiceDelivered(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Kind, l.Provision = meta.KindSaaS, meta.ProvisionAccepted })
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	h.expect("ordered", o.Resource, meta.ResourceDelivering, "newInstance")
	_, err := h.room.Submit(t.Context(), "org_a", o.Resource, "x", meta.Entry{})
	h.ok(err)
	_, err = h.room.Confirm(t.Context(), "mer_1", o.Resource, true, "", meta.Entry{})
	h.ok(err)
	_, err = h.room.Deliver(t.Context(), "mer_1", o.Resource, "proof", meta.Entry{})
	h.ok(err)
	h.settle()
	if res := h.expect("delivered", o.Resource, meta.ResourceDelivering, "newInstance queryInstance"); res.Delivery != meta.DeliveryAccept {
		t.Errorf("resource %+v", res)
	}
}

// TestCodeLife: an authorization code's resource lives by the calls for codes, from its activation on, and its
// code with it.
func TestCodeLife(t *testing.T) {
	h := open(t, func(l *meta.Listing) { l.Kind, l.Key = meta.KindCode, "key_code" })
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 3, Periods: 1})
	res := h.expect("new", o.Resource, meta.ResourceActive, "")
	if o.State != meta.OrderDone || !res.Until.IsZero() || !res.Due.IsZero() {
		t.Errorf("order %+v, resource %+v", o, res)
	}
	code := func() meta.Code {
		t.Helper()
		c, err := h.store.CodeOfResource(ctx, o.Resource)
		h.ok(err)
		return c
	}
	if c := code(); c.State != meta.CodeDelivered || c.Amount != 3 {
		t.Errorf("code %+v", c)
	}
	h.advance(100 * day)
	h.expect("not activated yet", o.Resource, meta.ResourceActive, "")
	if _, err := h.place(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("renew what has not begun: %v", err)
	}

	from := h.clock.Now()
	until := from.AddDate(0, 1, 0)
	_, err := h.store.ChangeCode(ctx, meta.CodeChange{Code: code().Code, From: []string{meta.CodeDelivered}, To: meta.CodeCollected})
	h.ok(err)
	h.ok(h.store.ActivateCodes(ctx, "mer_1", []string{code().Code}, from, from, map[string]time.Time{code().Code: until}))
	for range 2 {
		h.ok(h.room.Activated(ctx, o.Resource, from, until))
	}
	h.advance(until.Sub(from))
	h.expect("at its end", o.Resource, meta.ResourceFrozen, "updateLicenseCodeStatus")
	if c := code(); c.State != meta.CodeFrozen {
		t.Errorf("code %+v", c)
	}
	h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
	res = h.expect("renewed", o.Resource, meta.ResourceActive, "refreshLicenseCode updateLicenseCodeStatus")
	if c := code(); c.State != meta.CodeAlive || !c.Expire.Equal(res.Until) || !res.Until.Equal(until.AddDate(0, 1, 0)) {
		t.Errorf("code %+v, resource %+v", c, res)
	}
	if _, err := h.place(market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 9}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("change a code: %v", err)
	}
	h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource})
	h.expect("unsubscribed", o.Resource, meta.ResourceReleased, "releaseLicenseCode")
	if c := code(); c.State != meta.CodeReleased {
		t.Errorf("code %+v", c)
	}
}
