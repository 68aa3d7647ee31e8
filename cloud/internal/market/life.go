package market

import (
	"context"
	"errors"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// sweepBatch is how many due resources are read at a time.
const sweepBatch = 100

// Sweep does what the clock has brought about: orders that took too long fail, periods end,
// frozen resources are released. Doing it twice, or in two places at once, does it once.
func (r *Room) Sweep(ctx context.Context) error {
	var errs []error
	for {
		list, err := r.Store.DueResources(ctx, r.now(), sweepBatch)
		if err != nil {
			return err
		}
		for _, res := range list {
			if _, err := r.step(ctx, res.ID, func(res meta.Resource) (*meta.Step, error) { return r.due(ctx, res) }); err != nil {
				errs = append(errs, err)
			}
		}
		// One that fails stays due: going on would read it again.
		if len(list) < sweepBatch || len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
}

// due is the step that the clock asks of a resource; nil when it is not due any more.
func (r *Room) due(ctx context.Context, res meta.Resource) (*meta.Step, error) {
	now := r.now()
	if res.Due.IsZero() || now.Before(res.Due) {
		return nil, nil
	}
	switch res.State {
	case meta.ResourceOrdered:
		return r.unobtainable(res, now)
	case meta.ResourceActive:
		if r.Readings.NoFrozenPeriod {
			return r.release(ctx, res, now, nil)
		}
		return r.freeze(ctx, res, now)
	case meta.ResourceFrozen, meta.ResourceDelivering: // the latter by Readings.DeliveryYear only
		return r.release(ctx, res, now, nil)
	}
	res.Due = time.Time{} // nothing is left for the clock to do
	return &meta.Step{Resource: res}, nil
}

// unobtainable ends an order whose provisioning has not succeeded: refunded. A merchant who has
// begun is told to release what there is.
func (r *Room) unobtainable(res meta.Resource, now time.Time) (*meta.Step, error) {
	res.State, res.Pending, res.Due = meta.ResourceUnobtainable, "", time.Time{}
	st := &meta.Step{Resource: res, Settle: []meta.Settled{{Order: res.Order, State: meta.OrderFailed, Reason: "time"}},
		Stop:    []string{wire.ActivityNewInstance, wire.ActivityQueryInstance},
		Notices: []meta.Notice{orderNotice(res, res.Order, meta.NoticeOrderFailed, meta.NoticeProvision, now, "reason", "time")}}
	if res.MerchantID == "" {
		return st, nil
	}
	return st, r.call(st, now, res, "release:"+res.ID, wire.ReleaseInstance{InstanceID: res.MerchantID})
}

// freeze ends a period: the licence works no more, the merchant keeps the data.
func (r *Room) freeze(ctx context.Context, res meta.Resource, now time.Time) (*meta.Step, error) {
	res.State, res.FrozenAt, res.Due = meta.ResourceFrozen, now, now.Add(r.frozenFor())
	st := &meta.Step{Resource: res}
	if err := r.status(ctx, st, res, wire.StatusFreeze); err != nil {
		return nil, err
	}
	return st, r.license(ctx, st)
}

// status adds the call that freezes or thaws a term of the resource at the merchant.
func (r *Room) status(ctx context.Context, st *meta.Step, res meta.Resource, status string) error {
	var q wire.Request = wire.UpdateInstanceStatus{InstanceID: res.MerchantID, Status: status}
	if res.Kind == meta.KindCode {
		code, err := r.Store.CodeOfResource(ctx, res.ID)
		if err != nil {
			return err
		}
		q = wire.UpdateLicenseCodeStatus{License: code.Code, Status: status}
	}
	return r.call(st, r.now(), res, "status:"+res.ID+":"+meta.NewID(status), q)
}

// freezing are the calls that a thaw or an end makes pointless.
func freezing() []string {
	return []string{wire.ActivityUpdateInstanceStatus, wire.ActivityUpdateLicenseCodeStatus}
}

// release ends a resource for good, by the clock or by an order to unsubscribe. What is pending on it
// has failed.
func (r *Room) release(ctx context.Context, res meta.Resource, now time.Time, by *meta.Order) (*meta.Step, error) {
	st := &meta.Step{Stop: append(freezing(), wire.ActivityNewInstance, wire.ActivityQueryInstance, wire.ActivityChangeInstanceCheck,
		wire.ActivityUpgradeInstance, wire.ActivityRefreshInstance, wire.ActivityRefreshLicenseCode)}
	if res.Pending != "" {
		st.Settle = []meta.Settled{{Order: res.Pending, State: meta.OrderFailed, Reason: "released"}}
	}
	res.State, res.Pending, res.Due, res.FrozenAt = meta.ResourceReleasing, "", time.Time{}, time.Time{}
	id, line := "", ""
	if by != nil {
		res.Pending, id, line = by.ID, by.ID, by.Line
	}
	st.Resource = res
	if err := r.license(ctx, st); err != nil {
		return nil, err
	}
	var q wire.Request = wire.ReleaseInstance{InstanceID: res.MerchantID, OrderID: id, OrderLineID: line}
	if res.Kind == meta.KindCode {
		code, err := r.Store.CodeOfResource(ctx, res.ID)
		if meta.CodeOf(err) == cloudapi.ErrNotFound { // none was made yet: there is nothing to release
			st.Resource.State, st.Resource.Pending = meta.ResourceReleased, ""
			if by != nil {
				by.State = meta.OrderDone
			}
			return st, nil
		}
		if err != nil {
			return nil, err
		}
		q = wire.ReleaseLicenseCode{License: code.Code, OrderID: id, OrderLineID: line}
	}
	return st, r.call(st, now, res, "release:"+res.ID, q)
}

// released is what an answer to a release means.
func (r *Room) released(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
	if x.Outcome != produce.Done {
		return produce.Usual(x), nil
	}
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		if res.State != meta.ResourceReleasing {
			return nil, nil
		}
		st := &meta.Step{}
		if res.Pending != "" {
			st.Settle = []meta.Settled{{Order: res.Pending, State: meta.OrderDone}}
		}
		res.State, res.Pending = meta.ResourceReleased, ""
		st.Notices = []meta.Notice{orderNotice(res, res.Order, meta.NoticeEnded, meta.NoticeProvision, r.now())}
		st.Resource = res
		return st, nil
	})
	return produce.Finish, err
}

// planUnsubscribe ends a resource by an order. It is over for the buyer at once; the order is done when
// the merchant has confirmed. An order that is pending, a delivery too, is given up with it.
func (r *Room) planUnsubscribe(ctx context.Context, o *meta.Order, st *meta.Step, res meta.Resource) error {
	switch res.State {
	case meta.ResourceActive, meta.ResourceFrozen, meta.ResourceDelivering:
	default:
		return conflict("the resource is not in a state to be unsubscribed", "state", res)
	}
	o.Expire = time.Time{}
	s, err := r.release(ctx, res, o.Created, o)
	if err != nil {
		return err
	}
	*st = *s
	return nil
}

// planUndo takes the latest renewal back, as long as its period has not begun.
func (r *Room) planUndo(ctx context.Context, w Wish, o *meta.Order, st *meta.Step, res meta.Resource) error {
	if err := free(res); err != nil {
		return err
	}
	undone, err := r.Store.Order(ctx, w.Undoes)
	if err != nil {
		return err
	}
	if undone.ID != res.InForce || undone.Type != meta.OrderRenew || res.State != meta.ResourceActive || !undone.Before.After(o.Created) {
		return conflict("only the latest renewal can be undone, before its period begins", "state", res)
	}
	before, err := r.Store.Order(ctx, undone.Replaces)
	if err != nil {
		return err
	}
	o.Undoes, o.Expire, o.Replaces, o.Spec, o.Amount = undone.ID, undone.Before, before.ID, before.Spec, undone.Amount
	res.Pending = o.ID
	st.Resource = res
	return r.refresh(ctx, st, *o, wire.SceneUndoRenewal)
}

// Activated gives a resource of KindCode its term, when its code was activated. Again: nothing happens.
func (r *Room) Activated(ctx context.Context, resource string, from, until time.Time) error {
	_, err := r.step(ctx, resource, func(res meta.Resource) (*meta.Step, error) {
		if res.Kind != meta.KindCode || res.Term != 0 || res.State != meta.ResourceActive {
			return nil, nil
		}
		res.From, res.Until, res.Due, res.Term = from, until, until, 1
		return &meta.Step{Resource: res}, nil
	})
	return err
}
