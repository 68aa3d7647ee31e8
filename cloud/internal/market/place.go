package market

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Wish is an order as it is asked for.
type Wish struct {
	Org      string // of the buyer
	By       string // account that orders
	Type     string // meta.Order… constants
	Spec     string // productId; "" keeps the resource's
	Amount   int    // 0 keeps the resource's
	Periods  int    // for specifications charged by period
	Resource string // for all but NEW and TRIAL
	Undoes   string // UNSUBSCRIBE only: the renewal that is undone, instead of the whole resource
	Repeat   string // the same wish again gives the same order; "" for none, at most 64 characters
}

// Place places an order: the order, what it makes and the first call to the merchant are stored
// together. The merchant's answer is not waited for. Refusals: not_found
// (specification, resource, order), invalid_argument with param member, conflict with param reason: off_sale, trial, state,
// pending (another order on the resource is not settled), assigned (more seats are assigned than would be left), repeat (Repeat is
// that of an order which another wish has made).
func (r *Room) Place(ctx context.Context, w Wish, why meta.Entry) (meta.Order, error) {
	for range attempts {
		o, st, err := r.plan(ctx, w)
		if err != nil {
			// A wish that was fulfilled before may have made itself impossible.
			if done, found := r.placed(ctx, w); found {
				return done, same(done, w)
			}
			return meta.Order{}, err
		}
		st.Why = why
		if st.Why.Params == nil {
			st.Why.Params = map[string]string{}
		}
		st.Why.Params["order"], st.Why.Params["type"], st.Why.Params["resource"] = o.ID, o.Type, o.Resource
		id := o.ID
		o, err = r.Store.PlaceOrder(ctx, o, st)
		if changed(err) || meta.CodeOf(err) == cloudapi.ErrNameExists { // an id that was given by chance before
			if done, found := r.placed(ctx, w); found {
				return done, same(done, w)
			}
			continue
		}
		if err != nil {
			return o, err
		}
		if o.ID != id { // an earlier order of the same wish has made its own step
			return o, same(o, w)
		}
		return o, r.after(ctx, st.Resource)
	}
	return meta.Order{}, fmt.Errorf("place order: the resource changes all the time")
}

// placed finds the order that the same wish has made before.
func (r *Room) placed(ctx context.Context, w Wish) (meta.Order, bool) {
	if w.Repeat == "" {
		return meta.Order{}, false
	}
	o, err := r.Store.OrderOf(ctx, w.Org, w.Repeat)
	return o, err == nil
}

// same refuses a wish that bears the key of another one: whoever places it would take the other's order for its own.
func same(o meta.Order, w Wish) error {
	fresh := w.Type == meta.OrderNew || w.Type == meta.OrderTrial
	other := o.Type != w.Type || o.Undoes != w.Undoes || !fresh && o.Resource != w.Resource
	if w.Type != meta.OrderUnsubscribe { // which looks at nothing else
		other = other || w.Spec != "" && o.Spec != w.Spec || w.Amount != 0 && o.Amount != w.Amount
		// What is bought once or tried has no periods, whatever was wished.
		other = other || o.Periods != w.Periods && (o.Periods != 0 || !fresh)
	}
	if other {
		return meta.Refuse(cloudapi.ErrConflict, "the key of repetition is another order's", "reason", "repeat", "order", o.ID)
	}
	return nil
}

// plan makes an order of a wish, and its first step.
func (r *Room) plan(ctx context.Context, w Wish) (meta.Order, meta.Step, error) {
	now := r.now()
	o := meta.Order{ID: orderID(now), Org: w.Org, Type: w.Type, State: meta.OrderProcessing, By: w.By, Created: now, Repeat: w.Repeat}
	o.Line = o.ID + "-000001"
	if len(w.Repeat) > 64 {
		return o, meta.Step{}, meta.Refuse(cloudapi.ErrInvalid, "the key of a repetition has at most 64 characters", "member", "repeat")
	}
	switch w.Type {
	case meta.OrderNew, meta.OrderTrial:
		st, err := r.planNew(ctx, w, &o)
		return o, st, err
	case meta.OrderTrialToFormal, meta.OrderRenew, meta.OrderChange, meta.OrderUnsubscribe:
		st, err := r.planChange(ctx, w, &o)
		return o, st, err
	}
	return o, meta.Step{}, meta.Refuse(cloudapi.ErrInvalid, "there is no such type of order", "member", "type")
}

// orderID looks like the marketplace's own: CS, the minute, and letters.
func orderID(now time.Time) string { return "CS" + now.UTC().Format("0601021504") + rand.Text()[:8] }

func amountOf(n int) error {
	if n < 1 || n > MaxAmount {
		return meta.Refuse(cloudapi.ErrInvalid, fmt.Sprintf("an amount is 1 to %d", MaxAmount), "member", "amount")
	}
	return nil
}

func periodsOf(n int) error {
	if n < 1 || n > MaxPeriods {
		return meta.Refuse(cloudapi.ErrInvalid, fmt.Sprintf("a number of periods is 1 to %d", MaxPeriods), "member", "periods")
	}
	return nil
}

func (r *Room) planNew(ctx context.Context, w Wish, o *meta.Order) (st meta.Step, err error) {
	spec, err := r.Store.Spec(ctx, w.Spec)
	if err != nil {
		return st, err
	}
	listing, err := r.Store.Listing(ctx, spec.Product)
	if err != nil {
		return st, err
	}
	if err := amountOf(w.Amount); err != nil {
		return st, err
	}
	o.Spec, o.Product, o.Merchant, o.Amount, o.Resource = spec.ProductID, spec.Product, listing.Merchant, w.Amount, meta.NewID("ins")
	from := begin(o.Created)
	switch {
	case w.Type == meta.OrderTrial && (spec.TrialDays == 0 || r.Readings.TrialsSaaS && listing.Kind != meta.KindSaaS):
		return st, meta.Refuse(cloudapi.ErrInvalid, "this specification cannot be tried", "member", "spec")
	case w.Type == meta.OrderTrial:
		o.Expire = from.AddDate(0, 0, spec.TrialDays)
	case spec.Charging == meta.ChargePeriod:
		if err := periodsOf(w.Periods); err != nil {
			return st, err
		}
		o.Periods = w.Periods
		if o.Expire, err = add(from, spec.Period, w.Periods); err != nil {
			return st, err
		}
	}
	res := meta.Resource{ID: o.Resource, Org: o.Org, Product: o.Product, Merchant: o.Merchant, Kind: listing.Kind, Spec: o.Spec, Order: o.ID,
		Line: o.Line, InForce: o.ID, Charging: spec.Charging, Trial: w.Type == meta.OrderTrial, Amount: o.Amount, State: meta.ResourceOrdered,
		From: from, Until: o.Expire, Created: o.Created, Pending: o.ID, Due: o.Created.Add(r.orderLimit()), Since: o.Created}
	// Bought before it was taken off sale, or not at all.
	if !listing.OnSale {
		return st, conflict("the product is not on sale", "off_sale", res)
	}
	if res.Kind == meta.KindCode {
		// A code's time begins when it is activated, see Activated; nothing is provisioned before.
		o.State = meta.OrderDone
		res.State, res.Pending, res.Due, res.Until = meta.ResourceActive, "", time.Time{}, time.Time{}
		st.Resource = res
		return st, r.notify(&st, *o, listing)
	}
	if listing.Provision == meta.ProvisionAccepted {
		res.Delivery = meta.DeliverySubmitted
	}
	st.Resource = res
	if err := r.call(&st, o.Created, res, "new:"+o.ID, wire.NewInstance{OrderID: o.ID, OrderLineID: o.Line}); err != nil {
		return st, err
	}
	return st, r.notify(&st, *o, listing)
}

// call adds a call on the step's resource.
func (r *Room) call(st *meta.Step, now time.Time, res meta.Resource, key string, q wire.Request) error {
	c, err := r.Queue.Plans.Call(now, produce.About{Merchant: res.Merchant, Product: res.Product, Subject: res.ID, Key: key}, q)
	if err != nil {
		return err
	}
	st.Calls = append(st.Calls, c)
	return nil
}

// notify adds the order notification, where the merchant has asked for it. Its subject is the order: it
// waits for nothing else.
func (r *Room) notify(st *meta.Step, o meta.Order, listing meta.Listing) error {
	if listing.NotifyURL == "" {
		return nil
	}
	c, err := r.Queue.Plans.Call(o.Created, produce.About{Merchant: o.Merchant, Product: o.Product, Subject: o.ID, Key: "notify:" + o.ID},
		wire.OrderNotify{OrderID: o.ID, OrderLineID: o.Line, Testing: wire.Testing{TestFlag: wire.TestNo}})
	if err != nil {
		return err
	}
	st.Calls = append(st.Calls, c)
	return nil
}

// orderOf is the order that a call of this package is about: its keys end with it.
func orderOf(c meta.Call) string {
	_, rest, _ := strings.Cut(c.Key, ":")
	id, _, _ := strings.Cut(rest, ":")
	return id
}
