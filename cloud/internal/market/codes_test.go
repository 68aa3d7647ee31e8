package market_test

import (
	"context"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// openCodes is a house that sells authorization codes.
func openCodes(t *testing.T, provision int) (*house, *market.Codes) {
	t.Helper()
	h := open(t, func(l *meta.Listing) { l.Kind, l.Key, l.Provision = meta.KindCode, "key_code", provision })
	codes := market.NewCodes(h.store, h.room.Activated)
	h.room.Follow = codes.Follow
	return h, codes
}

func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if meta.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// TestLifeOfACode walks a code from its order over delivery, collection, activation, the end of its
// period and its renewal to its release.
func TestLifeOfACode(t *testing.T) {
	h, codes := openCodes(t, meta.ProvisionAccepted)
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 3, Periods: 1})
	state := func(what, want string) meta.Code {
		t.Helper()
		c, err := h.store.CodeOfResource(ctx, o.Resource)
		h.ok(err)
		if c.State != want {
			t.Errorf("%s: the code is %s, want %s", what, c.State, want)
		}
		return c
	}
	code := state("ordered", meta.CodeMade)
	if shown, err := codes.OfBuyer(ctx, "org_a", o.Resource); err != nil || shown.Code != "" {
		t.Errorf("before it is collected the buyer is shown %q, %v", shown.Code, err)
	}
	_, err := codes.Collect(ctx, "org_a", o.Resource, meta.Entry{})
	refused(t, "collected before it is delivered", err, cloudapi.ErrConflict)
	refused(t, "activated before it is delivered", codes.Activate(ctx, "mer_1", []string{code.Code}, time.Time{}, h.clock.Now()), cloudapi.ErrConflict)
	_, err = codes.Delivered(ctx, "mer_2", code.Code, meta.Entry{})
	refused(t, "delivered by another merchant", err, cloudapi.ErrNotFound)
	_, err = codes.Delivered(ctx, "mer_1", code.Code, meta.Entry{})
	h.ok(err)
	_, err = codes.Collect(ctx, "org_b", o.Resource, meta.Entry{})
	refused(t, "collected by another organisation", err, cloudapi.ErrNotFound)
	for range 2 {
		if got, err := codes.Collect(ctx, "org_a", o.Resource, meta.Entry{}); err != nil || got.Code != code.Code {
			t.Errorf("collected: %+v, %v", got, err)
		}
	}

	// Ten days after the order the service begins: its month counts from there.
	h.advance(10 * day)
	effect := h.clock.Now()
	refused(t, "before the order", codes.Activate(ctx, "mer_1", []string{code.Code}, begin.Add(-time.Hour), effect), cloudapi.ErrInvalid)
	refused(t, "twice in one call", codes.Activate(ctx, "mer_1", []string{code.Code, code.Code}, effect, effect), cloudapi.ErrInvalid)
	h.ok(codes.Activate(ctx, "mer_1", []string{code.Code}, effect, effect))
	refused(t, "activated again", codes.Activate(ctx, "mer_1", []string{code.Code}, effect, effect), cloudapi.ErrConflict)
	c := state("activated", meta.CodeAlive)
	if want := date(2026, 3, 10); !c.Expire.Equal(want) || !h.resource(o.Resource).Until.Equal(want) {
		t.Errorf("the code ends at %s, its resource at %s, want %s", c.Expire, h.resource(o.Resource).Until, want)
	}

	h.advance(28 * day)
	h.expect("at the end", o.Resource, meta.ResourceFrozen, "updateLicenseCodeStatus")
	state("frozen", meta.CodeFrozen)
	renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
	if res := h.resource(o.Resource); res.State != meta.ResourceActive {
		t.Fatalf("renewed: %s", res.State)
	}
	if c = state("renewed", meta.CodeAlive); !c.Expire.Equal(renewal.Expire) {
		t.Errorf("renewed until %s, the code says %s", renewal.Expire, c.Expire)
	}
	h.isv.took()
	h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource})
	h.expect("unsubscribed", o.Resource, meta.ResourceReleased, "releaseLicenseCode")
	state("unsubscribed", meta.CodeReleased)
}

// A crash may come between the activation and the resource's term, and between the order and its code.
func TestCodesAreMendedAfterACrash(t *testing.T) {
	h, codes := openCodes(t, meta.ProvisionAtOnce)
	ctx := t.Context()
	h.room.Follow = nil // the process ends before it
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1})
	if _, err := codes.OfBuyer(ctx, "org_a", o.Resource); err != nil {
		t.Fatal(err)
	}
	code, err := codes.Collect(ctx, "org_a", o.Resource, meta.Entry{})
	h.ok(err)
	lost := market.NewCodes(h.store, func(_ context.Context, _ string, _, _ time.Time) error { return nil })
	h.ok(lost.Activate(ctx, "mer_1", []string{code.Code}, time.Time{}, h.clock.Now()))
	if res := h.resource(o.Resource); res.Term != 0 {
		t.Fatal("the planted crash did not happen")
	}
	list, err := codes.Query(ctx, "mer_1", []string{code.Code}, h.clock.Now())
	h.ok(err)
	if res := h.resource(o.Resource); res.Term != 1 || !res.Until.Equal(list[0].Expire) || res.Until.IsZero() {
		t.Errorf("after the first query the resource is %+v", res)
	}
}

func TestTestCodes(t *testing.T) {
	h, codes := openCodes(t, meta.ProvisionAtOnce)
	ctx, now := t.Context(), h.clock.Now()
	for _, c := range []struct {
		what, merchant, product string
		n                       int
		until                   time.Time
		code                    string
	}{
		{"none", "mer_1", "cad", 0, now.Add(day), cloudapi.ErrInvalid},
		{"too many", "mer_1", "cad", 21, now.Add(day), cloudapi.ErrInvalid},
		{"ended", "mer_1", "cad", 1, now, cloudapi.ErrInvalid},
		{"for too long", "mer_1", "cad", 1, now.Add(400 * day), cloudapi.ErrInvalid},
		{"another merchant's product", "mer_2", "cad", 1, now.Add(day), cloudapi.ErrNotFound},
		{"unknown product", "mer_1", "none", 1, now.Add(day), cloudapi.ErrNotFound},
		{"two", "mer_1", "cad", 2, now.Add(day), ""},
	} {
		_, err := codes.AddTests(ctx, c.merchant, c.product, c.n, c.until, now, meta.Entry{})
		refused(t, c.what, err, c.code)
	}
	list, err := h.store.MerchantCodes(ctx, "mer_1", true, "", 10)
	h.ok(err)
	if len(list) != 2 {
		t.Fatalf("test codes %+v", list)
	}
	_, err = codes.SetTestEnd(ctx, "mer_1", list[0].Code, now.Add(2*day), now, meta.Entry{})
	h.ok(err)
	h.ok(codes.Activate(ctx, "mer_1", []string{list[0].Code, list[1].Code}, time.Time{}, now))
	got, err := codes.Query(ctx, "mer_1", []string{list[0].Code, list[1].Code}, now)
	h.ok(err)
	if !got[0].Expire.Equal(now.Add(2*day)) || !got[1].Expire.Equal(now.Add(day)) {
		t.Errorf("ends %s, %s", got[0].Expire, got[1].Expire)
	}
}
