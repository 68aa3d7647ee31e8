package market

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Bounds of what the sides of a delivery write to each other, in characters.
const (
	MaxText   = 4096 // requirement, proof
	MaxReason = 1024
)

func textOf(member, s string, least, most int) error {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return meta.Refuse(cloudapi.ErrInvalid, fmt.Sprintf("%s has %d to %d characters", member, least, most), "member", member)
	}
	return nil
}

// delivery moves a delivery from one state by rule, for the side that mine recognises; others see no
// such resource. Refusal conflict with param delivery: it is in another state.
func (r *Room) delivery(ctx context.Context, id, from string, mine func(meta.Resource) bool, why meta.Entry,
	rule func(res meta.Resource, now time.Time) (*meta.Step, error)) (meta.Resource, error) {
	return r.step(ctx, id, func(res meta.Resource) (*meta.Step, error) {
		if !mine(res) {
			return nil, meta.Refuse(cloudapi.ErrNotFound, "there is no such resource")
		}
		if res.State != meta.ResourceDelivering || res.Delivery != from {
			return nil, meta.Refuse(cloudapi.ErrConflict, "the delivery is not at this step", "reason", "delivery", "state", res.State, "delivery", res.Delivery)
		}
		st, err := rule(res, r.now())
		if st != nil {
			st.Why = why
		}
		return st, err
	})
}

func ofOrg(org string) func(meta.Resource) bool {
	return func(res meta.Resource) bool { return res.Org == org }
}

func ofMerchant(merchant string) func(meta.Resource) bool {
	return func(res meta.Resource) bool { return res.Merchant == merchant }
}

// Submit is the buyer's requirement.
func (r *Room) Submit(ctx context.Context, org, resource, requirement string, why meta.Entry) (meta.Resource, error) {
	if err := textOf("requirement", requirement, 1, MaxText); err != nil {
		return meta.Resource{}, err
	}
	return r.delivery(ctx, resource, meta.DeliverySubmitted, ofOrg(org), why, func(res meta.Resource, now time.Time) (*meta.Step, error) {
		res.Delivery, res.Since, res.Requirement, res.Reason = meta.DeliveryConfirm, now, requirement, ""
		return &meta.Step{Resource: res, Notices: []meta.Notice{deliveryNotice(res, now)}}, nil
	})
}

// Confirm is the merchant's yes to the requirement, or its no with a reason.
func (r *Room) Confirm(ctx context.Context, merchant, resource string, yes bool, reason string, why meta.Entry) (meta.Resource, error) {
	if err := reasonOf(yes, reason); err != nil {
		return meta.Resource{}, err
	}
	return r.delivery(ctx, resource, meta.DeliveryConfirm, ofMerchant(merchant), why, func(res meta.Resource, now time.Time) (*meta.Step, error) {
		res.Delivery, res.Since, res.Reason = meta.DeliveryDeliver, now, ""
		if !yes {
			res.Delivery, res.Reason = meta.DeliverySubmitted, reason
			res.Rejected++
		}
		return &meta.Step{Resource: res}, nil
	})
}

func reasonOf(yes bool, reason string) error {
	if yes {
		return textOf("reason", reason, 0, 0)
	}
	return textOf("reason", reason, 1, MaxReason)
}

// Deliver is the merchant's word that the service is complete, with a proof: newInstance is called
// again with the same order, and provisions now. The buyer is asked when that has succeeded. Deliver again, before it
// has, replaces the proof; a call that is still under way is not made a second time, one that was given up begins anew.
func (r *Room) Deliver(ctx context.Context, merchant, resource, proof string, why meta.Entry) (meta.Resource, error) {
	if err := textOf("proof", proof, 1, MaxText); err != nil {
		return meta.Resource{}, err
	}
	return r.delivery(ctx, resource, meta.DeliveryDeliver, ofMerchant(merchant), why, func(res meta.Resource, now time.Time) (*meta.Step, error) {
		res.Proof = proof
		st := &meta.Step{Resource: res}
		return st, r.call(st, now, res, fmt.Sprintf("new:%s:%d", res.Order, res.Rejected), wire.NewInstance{OrderID: res.Order, OrderLineID: res.Line})
	})
}

// Accept is the buyer's yes to the delivery, from which the period counts, or its no with a reason.
func (r *Room) Accept(ctx context.Context, org, resource string, yes bool, reason string, why meta.Entry) (meta.Resource, error) {
	if err := reasonOf(yes, reason); err != nil {
		return meta.Resource{}, err
	}
	return r.delivery(ctx, resource, meta.DeliveryAccept, ofOrg(org), why, func(res meta.Resource, now time.Time) (*meta.Step, error) {
		if !yes {
			res.Delivery, res.Since, res.Reason = meta.DeliveryDeliver, now, reason
			res.Rejected++
			return &meta.Step{Resource: res, Notices: []meta.Notice{deliveryNotice(res, now)}}, nil
		}
		o, err := r.Store.Order(ctx, res.Order)
		if err != nil {
			return nil, err
		}
		spec, err := r.Store.Spec(ctx, res.Spec)
		if err != nil {
			return nil, err
		}
		res.Delivery, res.Since, res.Reason, res.From = meta.DeliveryDone, now, "", begin(now)
		switch {
		case res.Trial:
			res.Until = res.From.Add(o.Expire.Sub(begin(o.Created)))
		case res.Charging == meta.ChargePeriod:
			if res.Until, err = add(res.From, spec.Period, o.Periods); err != nil {
				return nil, err
			}
		}
		return r.activate(ctx, res, meta.Settled{Order: o.ID, State: meta.OrderDone, Expire: res.Until})
	})
}

// deliveryNotice tells the merchant that a delivery waits for it.
func deliveryNotice(res meta.Resource, now time.Time) meta.Notice {
	n := orderNotice(res, res.Order, meta.NoticeDelivery, meta.NoticeProvision, now, "delivery", res.Delivery)
	n.About = fmt.Sprintf("%s:%s:%d", res.Order, res.Delivery, res.Rejected)
	return n
}
