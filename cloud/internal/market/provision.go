package market

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// created is what an answer to newInstance means, for the first call of an order and for the one of
// a delivery.
func (r *Room) created(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
	if x.Outcome != produce.Done && x.Outcome != produce.Processing {
		return produce.Repeat, nil
	}
	if x.Outcome == produce.Processing && r.Readings.LicenseGuide {
		res, err := r.Store.Resource(ctx, c.Subject)
		if err != nil || res.Kind == meta.KindLicense {
			return produce.Wait, err // newInstance itself is repeated
		}
	}
	other := false
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		other = res.MerchantID != "" && res.MerchantID != x.Result.InstanceID
		if other {
			return nil, nil
		}
		fresh := res.MerchantID == ""
		if fresh {
			res.MerchantID, res.BusinessID = x.Result.InstanceID, businessID(x.Request)
		}
		switch {
		case res.State == meta.ResourceUnobtainable && fresh:
			// The order has failed meanwhile: what the merchant has made after all is given back.
			st := &meta.Step{Resource: res}
			return st, r.call(st, r.now(), res, "release:"+res.ID, wire.ReleaseInstance{InstanceID: res.MerchantID})
		case !provisioning(res):
			return nil, nil // an answer to a repetition
		case x.Outcome == produce.Processing, asked(res):
			st := &meta.Step{Resource: res}
			return st, r.call(st, r.now(), res, "query:"+strings.TrimPrefix(c.Key, "new:"), wire.QueryInstance{InstanceID: res.MerchantID})
		}
		return r.provisioned(ctx, res)
	})
	switch {
	case instanceTaken(err):
		return produce.Repeat, produce.Fault("the instanceId is that of another order")
	case other:
		return produce.Repeat, produce.Fault("the instanceId is not the one that the first answer for this order had")
	}
	return produce.Finish, err
}

// provisioning says whether a newInstance is what the resource waits for.
func provisioning(res meta.Resource) bool {
	return res.State == meta.ResourceOrdered || res.State == meta.ResourceDelivering && res.Delivery == meta.DeliveryDeliver
}

// asked says whether queryInstance is asked after a success too: software as a service is ready when it
// shows the instance (marketplace: SaaS V2.0), not when the purchase is only noted.
func asked(res meta.Resource) bool {
	return res.Kind == meta.KindSaaS && (res.Delivery == meta.DeliveryNone || res.State == meta.ResourceDelivering)
}

// instanceTaken tells the store's refusal of an instanceId that is another resource's.
func instanceTaken(err error) bool {
	var no *meta.Refusal
	return errors.As(err, &no) && no.Code == cloudapi.ErrConflict && no.Params["reason"] == "instance_id"
}

// businessID is the businessId of the request that was answered.
func businessID(request []byte) string {
	q, err := wire.Parse(request)
	if err != nil {
		return "" // our own request: it can be read
	}
	n, _ := q.(wire.NewInstance)
	return n.BusinessID
}

// queried is what an answer to queryInstance means: it is asked until the merchant, who is still at work,
// shows the instance.
func (r *Room) queried(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
	if x.Outcome != produce.Done {
		return produce.Usual(x), nil
	}
	found := false
	_, err := r.step(ctx, c.Subject, func(res meta.Resource) (*meta.Step, error) {
		for _, i := range x.Result.Info {
			found = found || i.InstanceID == res.MerchantID
		}
		if !found || !provisioning(res) {
			return nil, nil
		}
		return r.provisioned(ctx, res)
	})
	if err == nil && !found {
		return produce.Repeat, produce.Fault("the answer does not show the instance that was asked for")
	}
	return produce.Finish, err
}

// provisioned is the step after a success of newInstance: usable, or one state on in its delivery.
func (r *Room) provisioned(ctx context.Context, res meta.Resource) (*meta.Step, error) {
	now := r.now()
	switch {
	case res.State == meta.ResourceDelivering:
		res.Delivery, res.Since = meta.DeliveryAccept, now
		return &meta.Step{Resource: res}, nil
	case res.Delivery != meta.DeliveryNone:
		res.State, res.Since, res.Due = meta.ResourceDelivering, now, time.Time{}
		if r.Readings.DeliveryYear {
			res.Due = now.Add(365 * 24 * time.Hour)
		}
		return &meta.Step{Resource: res}, nil
	}
	// The merchant has read the order's dates when it provisioned: they count, not the moment of its answer.
	return r.activate(ctx, res, meta.Settled{Order: res.Order, State: meta.OrderDone})
}

// activate makes a resource usable from its From to its Until.
func (r *Room) activate(ctx context.Context, res meta.Resource, s meta.Settled) (*meta.Step, error) {
	res.State, res.Pending, res.Due, res.Term = meta.ResourceActive, "", res.Until, 1
	st := &meta.Step{Resource: res, Settle: []meta.Settled{s}}
	return st, r.license(ctx, st)
}

// license lets the licence instance be what the step's resource is.
func (r *Room) license(ctx context.Context, st *meta.Step) error {
	res := st.Resource
	if res.Kind != meta.KindLicense {
		return nil
	}
	spec, err := r.Store.Spec(ctx, res.Spec)
	if err != nil {
		return err
	}
	i := meta.Instance{ID: res.ID, Org: res.Org, Product: res.Product, Features: spec.Features, Seats: res.Amount,
		From: res.From, Until: res.Until, Status: meta.StatusFrozen}
	if i.Until.IsZero() {
		i.Until = forever
	}
	switch res.State {
	case meta.ResourceActive:
		i.Status = meta.StatusActive
	case meta.ResourceReleasing, meta.ResourceReleased:
		if now := r.now(); i.Until.After(now) {
			i.Until = now
		}
	}
	st.Instance = &i
	return nil
}
