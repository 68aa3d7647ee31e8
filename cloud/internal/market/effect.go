package market

import (
	"context"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// checked is what an answer to changeInstanceCheck means: the change follows, or the order has failed. A
// merchant that cannot answer now is asked again; no dedicated codes are documented, so
// every other code is a no.
func (r *Room) checked(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
	switch {
	case x.Outcome == produce.Refused && x.Result.ResultCode != wire.Internal && x.Result.ResultCode != wire.BadSignature:
		return produce.Finish, r.fail(ctx, c, string(x.Result.ResultCode))
	case x.Outcome != produce.Done:
		return produce.Usual(x), nil
	}
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		o, err := r.Store.Order(ctx, orderOf(c))
		if err != nil || res.Pending != o.ID {
			return nil, err
		}
		st := &meta.Step{Resource: res}
		if o.Periods != 0 {
			return st, r.refresh(ctx, st, o, wire.SceneRenewalChange)
		}
		return st, r.call(st, r.now(), res, "upgrade:"+o.ID, wire.UpgradeInstance{InstanceID: res.MerchantID, OrderID: o.ID, OrderLineID: o.Line})
	})
	return produce.Finish, err
}

// changeFailed ends an order for a change that the merchant has not taken until the end of the plan.
func (r *Room) changeFailed(ctx context.Context, c meta.Call, x produce.Exchange) error {
	reason := string(x.Result.ResultCode)
	if reason == "" {
		reason = "time"
	}
	return r.fail(ctx, c, reason, c.Activity)
}

// fail ends an order on a resource that stays as it was. Calls of the activities in stop are not sent again.
func (r *Room) fail(ctx context.Context, c meta.Call, reason string, stop ...string) error {
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		id := orderOf(c)
		if res.Pending != id {
			return nil, nil
		}
		res.Pending = ""
		st := &meta.Step{Resource: res, Settle: []meta.Settled{{Order: id, State: meta.OrderFailed, Reason: reason}}, Stop: stop,
			Notices: []meta.Notice{orderNotice(res, id, meta.NoticeOrderFailed, meta.NoticeProvision, r.now(), "reason", reason)}}
		return st, r.stillFrozen(ctx, st)
	})
	return err
}

// stillFrozen makes up for ahead when the order came to nothing.
func (r *Room) stillFrozen(ctx context.Context, st *meta.Step) error {
	if st.Resource.State != meta.ResourceFrozen {
		return nil
	}
	return r.status(ctx, st, st.Resource, wire.StatusFreeze)
}

// refreshFailed is the end of a refresh's plan: the order stays as it is until somebody sends the call again.
func (r *Room) refreshFailed(ctx context.Context, c meta.Call, _ produce.Exchange) error {
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		if res.Pending != orderOf(c) || res.State != meta.ResourceFrozen {
			return nil, nil
		}
		st := &meta.Step{Resource: res}
		return st, r.stillFrozen(ctx, st)
	})
	return err
}

// refreshed is what an answer to refreshInstance, upgradeInstance or refreshLicenseCode means: the order
// takes effect.
func (r *Room) refreshed(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
	if x.Outcome != produce.Done {
		return produce.Usual(x), nil
	}
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		o, err := r.Store.Order(ctx, orderOf(c))
		if err != nil || res.Pending != o.ID {
			return nil, err
		}
		return r.apply(ctx, res, o)
	})
	return produce.Finish, err
}

// apply puts an order in force: amount, specification and end. A frozen resource thaws.
func (r *Room) apply(ctx context.Context, res meta.Resource, o meta.Order) (*meta.Step, error) {
	res.Pending, res.InForce, res.Spec, res.Amount, res.Until = "", o.ID, o.Spec, o.Amount, o.Expire
	if o.Undoes != "" {
		res.InForce = o.Replaces
	}
	if o.Type == meta.OrderTrialToFormal {
		res.Trial = false
	}
	res.Term++
	res.Due = res.Until
	st := &meta.Step{Settle: []meta.Settled{{Order: o.ID, State: meta.OrderDone}}}
	if res.State == meta.ResourceFrozen {
		res.State, res.FrozenAt = meta.ResourceActive, time.Time{}
		st.Stop = freezing()
		if err := r.status(ctx, st, res, wire.StatusUnfreeze); err != nil {
			return nil, err
		}
	}
	if o.Periods != 0 {
		st.Notices = append(st.Notices, orderNotice(res, o.ID, meta.NoticeRenewed, meta.NoticeRenewal, r.now(), "until", o.Expire.Format(time.RFC3339)))
	}
	st.Resource = res
	return st, r.license(ctx, st)
}

// orderNotice tells the merchant what became of an order; pairs are name, value, ….
func orderNotice(res meta.Resource, order, event, category string, now time.Time, pairs ...string) meta.Notice {
	n := meta.Notice{ID: meta.NewID("ntc"), Merchant: res.Merchant, Category: category, Event: event, About: order, Time: now, Count: 1,
		Params: map[string]string{"order": order, "resource": res.ID}}
	for i := 0; i+1 < len(pairs); i += 2 {
		n.Params[pairs[i]] = pairs[i+1]
	}
	return n
}
