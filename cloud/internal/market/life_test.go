package market_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const day = 24 * time.Hour

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 10, 0, 0, 0, time.UTC) }

// TestLife walks one licence from its order to its release, and looks at what the merchant and the
// licence instance see at each step.
func TestLife(t *testing.T) {
	h := open(t, nil)
	ctx := t.Context()
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 3, Periods: 1})
	if o.State != meta.OrderDone || !o.Expire.Equal(date(2026, 2, 28)) || !strings.HasPrefix(o.ID, "CS2601311000") || o.Line != o.ID+"-000001" {
		t.Errorf("order %+v", o)
	}
	id := o.Resource
	res := h.expect("new", id, meta.ResourceActive, "newInstance")
	if res.MerchantID != "theirs-"+o.ID || res.Term != 1 || res.Pending != "" || !res.Due.Equal(o.Expire) || res.BusinessID == "" {
		t.Errorf("resource %+v", res)
	}
	h.ok(h.store.Assign(ctx, "org_a", id, "boss", meta.Entry{}))
	want := meta.Instance{ID: id, Org: "org_a", Product: "cad", Features: []string{"draw", "export"}, Seats: 3, From: begin, Until: date(2026, 2, 28),
		Status: meta.StatusActive, Assigned: []string{"boss"}}
	look := func(what string) {
		t.Helper()
		if i, _ := h.instance(id); !reflect.DeepEqual(i, want) {
			t.Errorf("%s: instance %+v, want %+v", what, i, want)
		}
	}
	look("new")

	h.advance(27 * day)
	h.expect("before the end", id, meta.ResourceActive, "")
	h.advance(day)
	res = h.expect("at the end", id, meta.ResourceFrozen, "updateInstanceStatus")
	want.Status = meta.StatusFrozen
	look("frozen")
	if err := h.room.Sweep(ctx); err != nil {
		t.Error(err)
	}
	h.settle()
	h.expect("swept again", id, meta.ResourceFrozen, "")

	h.advance(14 * day)
	renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: id, Periods: 2})
	if !renewal.Expire.Equal(date(2026, 4, 28)) || renewal.State != meta.OrderDone || !renewal.Before.Equal(date(2026, 2, 28)) || renewal.Replaces != o.ID {
		t.Errorf("renewal %+v", renewal)
	}
	calls := h.isv.took()
	if len(calls) != 2 || calls[0].q != (wire.RefreshInstance{ExpireTime: "20260428100000", InstanceID: res.MerchantID, OrderID: renewal.ID,
		OrderLineID: renewal.Line, Scene: wire.SceneRenewal}) || calls[1].q != (wire.UpdateInstanceStatus{InstanceID: res.MerchantID, Status: wire.StatusUnfreeze}) {
		t.Errorf("calls %+v", calls)
	}
	want.Status, want.Until = meta.StatusActive, date(2026, 4, 28)
	look("renewed")
	if res = h.resource(id); res.Term != 2 || res.InForce != renewal.ID || !res.FrozenAt.IsZero() {
		t.Errorf("resource %+v", res)
	}

	h.advance(46 * day) // 28 April 10:00 is 45 days from 14 March
	h.expect("at the second end", id, meta.ResourceFrozen, "updateInstanceStatus")
	h.advance(15*day - time.Millisecond)
	h.expect("just before the release", id, meta.ResourceFrozen, "")
	h.advance(time.Millisecond)
	res = h.expect("after 15 days", id, meta.ResourceReleased, "releaseInstance")
	if i, _ := h.instance(id); i.Status != meta.StatusFrozen || len(i.Assigned) != 1 {
		t.Errorf("released: instance %+v", i)
	}
	if _, err := h.place(market.Wish{Type: meta.OrderRenew, Resource: id, Periods: 1}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("renew what is released: %v", err)
	}
	if !res.Due.IsZero() {
		t.Errorf("a released resource is due at %v", res.Due)
	}
}

// TestOrders: each type of order with what it changes, each on a licence of its own.
func TestOrders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first market.Wish
		wait  time.Duration
		then  func(h *house, first meta.Order) market.Wish
		order string // state of the second order
		calls string
		check func(t *testing.T, h *house, res meta.Resource, o meta.Order)
	}{
		{"trial to formal", market.Wish{Type: meta.OrderTrial, Spec: "OFFI-YEAR", Amount: 2}, 10 * day,
			func(h *house, o meta.Order) market.Wish {
				if res := h.resource(o.Resource); !res.Trial || !res.Until.Equal(begin.Add(30*day)) {
					h.t.Errorf("trial %+v", res)
				}
				return market.Wish{Type: meta.OrderTrialToFormal, Resource: o.Resource, Periods: 1}
			}, meta.OrderDone, "refreshInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				if res.Trial || !res.Until.Equal(date(2027, 2, 10)) || res.State != meta.ResourceActive {
					t.Errorf("resource %+v", res)
				}
			}},
		{"renewal with another period type", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				return market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Spec: "OFFI-MONTH", Periods: 1}
			}, meta.OrderDone, "refreshInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				i, _ := h.instance(res.ID)
				if res.Spec != "OFFI-MONTH" || !res.Until.Equal(date(2027, 2, 28)) || len(i.Features) != 2 {
					t.Errorf("resource %+v, instance %+v", res, i)
				}
			}},
		{"change", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				return market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 5}
			}, meta.OrderDone, "changeInstanceCheck upgradeInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				i, _ := h.instance(res.ID)
				if res.Amount != 5 || i.Seats != 5 || !res.Until.Equal(date(2027, 1, 31)) || res.Term != 2 {
					t.Errorf("resource %+v, instance %+v", res, i)
				}
			}},
		{"change with renewal", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				return market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 1, Periods: 1}
			}, meta.OrderDone, "changeInstanceCheck refreshInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				if res.Amount != 1 || !res.Until.Equal(date(2028, 1, 31)) {
					t.Errorf("resource %+v", res)
				}
			}},
		{"change that the merchant refuses", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				h.isv.answer(func(q wire.Request, n int) (int, []byte) { return http.StatusOK, result(wire.BadParameter) })
				return market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 1}
			}, meta.OrderFailed, "changeInstanceCheck",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				if res.Amount != 2 || res.Pending != "" || o.Reason != "000002" {
					t.Errorf("resource %+v, order %+v", res, o)
				}
			}},
		{"unsubscription", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				return market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource}
			}, meta.OrderDone, "releaseInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				i, _ := h.instance(res.ID)
				if res.State != meta.ResourceReleased || i.Status != meta.StatusFrozen || i.Until.After(h.clock.Now()) {
					t.Errorf("resource %+v, instance %+v", res, i)
				}
			}},
		{"renewal undone", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}, day,
			func(h *house, o meta.Order) market.Wish {
				renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 3})
				if res := h.resource(o.Resource); !res.Until.Equal(date(2030, 1, 31)) {
					h.t.Errorf("renewed: %+v", res)
				}
				if calls := h.isv.activities(); calls != "refreshInstance" {
					h.t.Errorf("renewed by %s", calls)
				}
				return market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource, Undoes: renewal.ID}
			}, meta.OrderDone, "refreshInstance",
			func(t *testing.T, h *house, res meta.Resource, o meta.Order) {
				if !res.Until.Equal(date(2027, 1, 31)) || res.State != meta.ResourceActive || res.InForce != res.Order || res.Term != 3 {
					t.Errorf("resource %+v", res)
				}
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, nil)
			first := h.order(tt.first)
			h.advance(tt.wait)
			h.isv.took()
			o := h.order(tt.then(h, first))
			if o.State != tt.order {
				t.Errorf("order %+v", o)
			}
			if got := h.isv.activities(); got != tt.calls {
				t.Errorf("calls %q, want %q", got, tt.calls)
			}
			tt.check(t, h, h.resource(first.Resource), o)
		})
	}
}

// TestForGood: what is bought once never ends by the clock.
func TestForGood(t *testing.T) {
	h := open(t, nil)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-ONCE", Amount: 1})
	h.advance(20 * 365 * day)
	res := h.expect("twenty years later", o.Resource, meta.ResourceActive, "newInstance")
	i, _ := h.instance(res.ID)
	if !res.Until.IsZero() || !o.Expire.IsZero() || i.Usable(h.clock.Now()) != nil {
		t.Errorf("resource %+v, instance %+v", res, i)
	}
	if _, err := h.place(market.Wish{Type: meta.OrderRenew, Resource: res.ID, Periods: 1}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("renew what has no period: %v", err)
	}
}

// TestRefused: wishes that cannot be fulfilled, with what is said of them; none leaves anything behind.
func TestRefused(t *testing.T) {
	h := open(t, nil)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1})
	trial := h.order(market.Wish{Type: meta.OrderTrial, Spec: "OFFI-YEAR", Amount: 1})
	for _, tt := range []struct {
		name   string
		w      market.Wish
		code   string
		detail string // of member or reason
	}{
		{"no such type", market.Wish{Type: "GIFT", Spec: "OFFI-YEAR"}, cloudapi.ErrInvalid, "type"},
		{"no such specification", market.Wish{Type: meta.OrderNew, Spec: "none", Amount: 1}, cloudapi.ErrNotFound, ""},
		{"nothing", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Periods: 1}, cloudapi.ErrInvalid, "amount"},
		{"too much", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: market.MaxAmount + 1, Periods: 1}, cloudapi.ErrInvalid, "amount"},
		{"no period", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1}, cloudapi.ErrInvalid, "periods"},
		{"a hundred periods", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 100}, cloudapi.ErrInvalid, "periods"},
		{"cannot be tried", market.Wish{Type: meta.OrderTrial, Spec: "OFFI-MONTH", Amount: 1}, cloudapi.ErrInvalid, "spec"},
		{"a second trial", market.Wish{Type: meta.OrderTrial, Spec: "OFFI-YEAR", Amount: 1}, cloudapi.ErrConflict, "trial"},
		{"a trial is not renewed", market.Wish{Type: meta.OrderRenew, Resource: trial.Resource, Periods: 1}, cloudapi.ErrConflict, "trial"},
		{"what is paid is not converted", market.Wish{Type: meta.OrderTrialToFormal, Resource: o.Resource, Periods: 1}, cloudapi.ErrConflict, "trial"},
		{"no such resource", market.Wish{Type: meta.OrderRenew, Resource: "none", Periods: 1}, cloudapi.ErrNotFound, ""},
		{"renewal with another amount", market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Amount: 3, Periods: 1}, cloudapi.ErrInvalid, "amount"},
		{"a change of nothing", market.Wish{Type: meta.OrderChange, Resource: o.Resource}, cloudapi.ErrInvalid, "amount"},
		{"charged in another way", market.Wish{Type: meta.OrderChange, Resource: o.Resource, Spec: "OFFI-ONCE"}, cloudapi.ErrInvalid, "spec"},
		{"undo what is no renewal", market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource, Undoes: o.ID}, cloudapi.ErrConflict, "state"},
		{"a long key", market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 1, Periods: 1, Repeat: strings.Repeat("x", 65)}, cloudapi.ErrInvalid, "repeat"},
	} {
		_, err := h.place(tt.w)
		var no *meta.Refusal
		if meta.CodeOf(err) != tt.code || errors.As(err, &no) && tt.detail != "" && no.Params["member"] != tt.detail && no.Params["reason"] != tt.detail {
			t.Errorf("%s: %v (%+v)", tt.name, err, no)
		}
	}
	if list, err := h.store.Orders(t.Context(), meta.OrderFilter{Org: "org_a", Page: meta.Page{Limit: 100}}); err != nil || len(list) != 2 {
		t.Errorf("%d orders, %v", len(list), err)
	}
	h.ok(h.store.Assign(t.Context(), "org_a", o.Resource, "boss", meta.Entry{}))
	h.ok(h.store.AddMember(t.Context(), meta.Account{Account: "ann", Role: meta.RoleMember, Org: "org_a", Created: begin}, meta.Entry{}))
	h.ok(h.store.Assign(t.Context(), "org_a", o.Resource, "ann", meta.Entry{}))
	if _, err := h.place(market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 1}); meta.CodeOf(err) != cloudapi.ErrConflict {
		t.Errorf("fewer seats than people: %v", err)
	}
}

// TestAgain: the same wish gives the same order, whatever has happened since; two orders at once on one resource end as
// one and a refusal.
func TestAgain(t *testing.T) {
	h := open(t, nil)
	w := market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1, Repeat: "r1"}
	o := h.order(w)
	if again := h.order(w); again.ID != o.ID {
		t.Errorf("placed again: %+v", again)
	}
	renew := market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1, Repeat: "r2"}
	first := h.order(renew)
	for range 3 {
		if again := h.order(renew); again.ID != first.ID {
			t.Errorf("renewed again: %+v", again)
		}
	}
	h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: o.Resource})
	if again := h.order(renew); again.ID != first.ID { // impossible by now, and done long ago
		t.Errorf("renewed again after the end: %+v", again)
	}
	if res := h.resource(o.Resource); !res.Until.Equal(date(2028, 1, 31)) {
		t.Errorf("resource %+v", res)
	}

	for name, other := range map[string]market.Wish{
		"amount":     {Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 3, Periods: 1, Repeat: "r1"},
		"periods":    {Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 2, Repeat: "r1"},
		"spec":       {Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 2, Periods: 1, Repeat: "r1"},
		"type":       {Type: meta.OrderUnsubscribe, Resource: o.Resource, Repeat: "r1"},
		"impossible": {Type: meta.OrderNew, Spec: "OFFI-NONE", Amount: 2, Periods: 1, Repeat: "r1"},
		"renewal":    {Type: meta.OrderRenew, Resource: o.Resource, Periods: 2, Repeat: "r2"},
		"resource":   {Type: meta.OrderRenew, Resource: "ins_other", Periods: 1, Repeat: "r2"},
	} {
		_, err := h.place(other)
		var no *meta.Refusal
		if !errors.As(err, &no) || no.Code != cloudapi.ErrConflict || no.Params["reason"] != "repeat" {
			t.Errorf("another %s under the same key: %v", name, err)
		}
	}

	// The merchant does not answer: the first order stays pending, all others are refused.
	o = h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1})
	h.isv.answer(func(wire.Request, int) (int, []byte) { return http.StatusServiceUnavailable, []byte("down") })
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			_, err := h.place(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
			errs <- err
		}()
	}
	codes := map[string]int{}
	for range cap(errs) {
		codes[meta.CodeOf(<-errs)]++
	}
	if codes[""] != 1 || codes[cloudapi.ErrConflict] != 7 {
		t.Errorf("eight at once: %v", codes)
	}
	h.settle()
	h.isv.answer(nil)
	h.advance(2 * time.Minute)
	if res := h.resource(o.Resource); !res.Until.Equal(date(2028, 1, 31)) || res.Pending != "" {
		t.Errorf("resource %+v", res)
	}
}

// TestFreezeThatWaits: the merchant could not be told of the end; the renewal makes that pointless, and
// the thaw is the last word.
func TestFreezeThatWaits(t *testing.T) {
	h := open(t, nil)
	o := h.order(market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 1, Periods: 1})
	h.isv.answer(func(q wire.Request, n int) (int, []byte) {
		if u, is := q.(wire.UpdateInstanceStatus); is && u.Status == wire.StatusFreeze {
			return http.StatusInternalServerError, []byte("{}")
		}
		return http.StatusOK, nil
	})
	h.advance(28 * day)
	h.isv.took()
	if _, err := h.place(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1}); err != nil {
		t.Fatal(err)
	}
	h.settle()
	var calls []string
	for _, g := range h.isv.took() {
		calls = append(calls, fmt.Sprintf("%s %+v", g.activity, g.q))
	}
	if len(calls) != 2 || !strings.HasPrefix(calls[0], wire.ActivityRefreshInstance) || !strings.Contains(calls[1], wire.StatusUnfreeze) {
		t.Errorf("the calls are %s", calls)
	}
	h.advance(3 * time.Hour)
	h.expect("later", o.Resource, meta.ResourceActive, "")
	if res := h.resource(o.Resource); res.State != meta.ResourceActive {
		t.Errorf("resource %+v", res)
	}
}
