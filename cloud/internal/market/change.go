package market

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// planChange makes the first step of an order on a resource that exists.
func (r *Room) planChange(ctx context.Context, w Wish, o *meta.Order) (st meta.Step, err error) {
	res, err := r.Store.Resource(ctx, w.Resource)
	if err != nil {
		return st, err
	}
	if res.Org != w.Org {
		return st, meta.Refuse(cloudapi.ErrNotFound, "there is no such resource")
	}
	listing, err := r.Store.Listing(ctx, res.Product)
	if err != nil {
		return st, err
	}
	o.Resource, o.Product, o.Merchant = res.ID, res.Product, res.Merchant
	o.Spec, o.Amount, o.Expire, o.Before, o.Replaces = res.Spec, res.Amount, res.Until, res.Until, res.InForce
	if w.Spec != "" {
		o.Spec = w.Spec
	}
	if w.Amount != 0 {
		o.Amount = w.Amount
	}
	spec, err := r.Store.Spec(ctx, o.Spec)
	if err != nil {
		return st, err
	}
	if spec.Product != res.Product || spec.Charging != res.Charging {
		return st, meta.Refuse(cloudapi.ErrInvalid, "the specification is another product's, or is charged in another way", "member", "spec")
	}
	if err := amountOf(o.Amount); err != nil {
		return st, err
	}
	switch w.Type {
	case meta.OrderUnsubscribe:
		if w.Undoes != "" {
			err = r.planUndo(ctx, w, o, &st, res)
		} else {
			err = r.planUnsubscribe(ctx, o, &st, res)
		}
	case meta.OrderRenew, meta.OrderTrialToFormal:
		err = r.planRenew(ctx, w, o, &st, res, spec)
	default:
		err = r.planResize(ctx, w, o, &st, res, spec)
	}
	if err != nil {
		return st, err
	}
	return st, r.notify(&st, *o, listing)
}

// free says whether the resource can be changed by an order now.
func free(res meta.Resource) error {
	switch {
	case res.Pending != "":
		return meta.Refuse(cloudapi.ErrConflict, "another order on this resource is not settled", "reason", "pending", "order", res.Pending)
	case res.State != meta.ResourceActive && res.State != meta.ResourceFrozen:
		return conflict("the resource is not in a state to be changed", "state", res)
	}
	return nil
}

// renewal gives the order its new end: it continues the old one, also in the frozen period, unless
// that would still lie in the past.
func renewal(w Wish, o *meta.Order, res meta.Resource, spec meta.Spec) (err error) {
	if res.Charging != meta.ChargePeriod || res.Until.IsZero() {
		return conflict("the resource has no period that could be renewed", "state", res)
	}
	if err := periodsOf(w.Periods); err != nil {
		return err
	}
	o.Periods = w.Periods
	from := res.Until
	if w.Type == meta.OrderTrialToFormal {
		from = begin(o.Created)
	}
	if o.Expire, err = add(from, spec.Period, w.Periods); err == nil && !o.Expire.After(o.Created) {
		o.Expire, err = add(begin(o.Created), spec.Period, w.Periods)
	}
	return err
}

func (r *Room) planRenew(ctx context.Context, w Wish, o *meta.Order, st *meta.Step, res meta.Resource, spec meta.Spec) error {
	if err := free(res); err != nil {
		return err
	}
	scene := wire.SceneRenewal
	if w.Type == meta.OrderTrialToFormal {
		scene = wire.SceneTrialToFormal
	}
	if res.Trial != (w.Type == meta.OrderTrialToFormal) {
		return conflict("a trial is converted, everything else is renewed", "trial", res)
	}
	if w.Type == meta.OrderRenew && o.Amount != res.Amount {
		return meta.Refuse(cloudapi.ErrInvalid, "a renewal with another amount is a CHANGE with a number of periods", "member", "amount")
	}
	if err := r.assigned(ctx, res, o.Amount); err != nil {
		return err
	}
	if err := renewal(w, o, res, spec); err != nil {
		return err
	}
	res.Pending = o.ID
	st.Resource = res
	ahead(st)
	return r.refresh(ctx, st, *o, scene)
}

// ahead lets an order on a frozen resource go ahead of a freeze that the merchant has not taken yet:
// calls on one resource wait for each other, and nobody who has paid waits for that.
func ahead(st *meta.Step) {
	if st.Resource.State == meta.ResourceFrozen {
		st.Stop = freezing()
	}
}

// refresh adds the call that tells the merchant of an order's new end.
func (r *Room) refresh(ctx context.Context, st *meta.Step, o meta.Order, scene string) error {
	res := st.Resource
	expire := wire.FormatTime(o.Expire)
	if r.Readings.LongTimes {
		expire = wire.FormatMillis(o.Expire.UTC())
	}
	product := ""
	if o.Spec != res.Spec {
		product = o.Spec
	}
	id, line := o.ID, o.Line
	// The pages for licences name the renewal that is undone, those of SaaS the unsubscription.
	if o.Undoes != "" && (res.Kind != meta.KindSaaS || r.Readings.UndoneRenewal) && !r.Readings.UndoneUnsubscription {
		id, line = o.Undoes, o.Undoes+"-000001"
	}
	var q wire.Request = wire.RefreshInstance{ExpireTime: expire, InstanceID: res.MerchantID, OrderID: id, OrderLineID: line,
		ProductID: product, Scene: scene}
	if res.Kind == meta.KindCode {
		code, err := r.Store.CodeOfResource(ctx, res.ID)
		if err != nil {
			return err
		}
		q = wire.RefreshLicenseCode{ExpireTime: expire, License: code.Code, OrderID: o.ID, OrderLineID: o.Line, ProductID: product, Scene: scene}
	}
	return r.call(st, o.Created, res, "refresh:"+o.ID, q)
}

// assigned refuses an amount below the seats that people have: who loses one is for an administrator to say.
func (r *Room) assigned(ctx context.Context, res meta.Resource, amount int) error {
	if res.Kind != meta.KindLicense || amount >= res.Amount {
		return nil
	}
	list, err := r.Store.Instances(ctx, res.Org)
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.ID == res.ID && len(i.Assigned) > amount {
			return meta.Refuse(cloudapi.ErrConflict, "more seats are assigned than would be left", "reason", "assigned", "assigned", fmt.Sprint(len(i.Assigned)))
		}
	}
	return nil
}

// planResize changes amount or specification, with a renewal when it has periods. The merchant is asked
// first whether it can.
func (r *Room) planResize(ctx context.Context, w Wish, o *meta.Order, st *meta.Step, res meta.Resource, spec meta.Spec) error {
	if err := free(res); err != nil {
		return err
	}
	switch {
	case res.Kind == meta.KindLicense && r.Readings.LicenseGuide:
		return conflict("licences have no interface for another size", "state", res)
	case res.Kind == meta.KindCode || res.Trial:
		return conflict("authorization codes and trials have no other size", "state", res)
	case o.Amount == res.Amount && o.Spec == res.Spec:
		return meta.Refuse(cloudapi.ErrInvalid, "nothing would change", "member", "amount")
	case w.Periods == 0 && res.State != meta.ResourceActive:
		return conflict("a frozen resource is renewed before or while it changes", "state", res)
	}
	if err := r.assigned(ctx, res, o.Amount); err != nil {
		return err
	}
	if w.Periods != 0 {
		if err := renewal(w, o, res, spec); err != nil {
			return err
		}
	}
	res.Pending = o.ID
	st.Resource = res
	ahead(st)
	return r.call(st, o.Created, res, "check:"+o.ID, wire.ChangeInstanceCheck{InstanceID: res.MerchantID,
		ProductInfo: wire.Products{{ProductID: spec.ProductID, SKUCode: spec.SKU, LinearValue: json.Number(fmt.Sprint(o.Amount)), ProductName: spec.Name}}})
}
