package merchant

import (
	"context"
	"errors"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// v1Repeats are V1.0's rows.
func v1Repeats() []Repeat {
	row := func(activity string, kind Kind, again string, key ...string) Repeat {
		return Repeat{"v1", activity, "", kind, key, again}
	}
	return []Repeat{
		row(wire.ActivityGetLicense, Once, "the first answer: the same instanceId, the same licence text, for ever", "orderId"),
		row(wire.ActivityRefreshLicense, Once, "success; the end is not set twice", "instanceId", "orderId"),
		row(wire.ActivityExpireLicense, State, "success; the callback freezes again", "instanceId"),
		row(wire.ActivityReleaseLicense, Once, "success; nothing is released twice", "instanceId"),
		row(wire.ActivityNewInstance, Once, "the first answer with the same instanceId and appInfo, also for the resource page; while ordered only (supervised), the callback again with the same instanceId", "orderId"),
		{"v1", wire.ActivityNewInstance, payPerUse, Once, []string{"orderId", "productId"}, "as above: chargingMode 0 may give one order several instances"},
		row(wire.ActivityQueryInstance, Present, "what is so now; 000004 while newInstance is at work, which goes on by it when it was cut"),
		row(wire.ActivityRefreshInstance, Once, "success; the end is not set twice", "instanceId", "orderId"),
		row(wire.ActivityExpireInstance, State, "success; the callback freezes again", "instanceId"),
		row(wire.ActivityReleaseInstance, Once, "success; nothing is released twice", "instanceId"),
		row(wire.ActivityInstanceStatus, State, "success; the callback sets the status again", "instanceId", "instanceStatus"),
		row(wire.ActivityUpgrade, Once, "success; nothing is moved twice", "instanceId", "orderId"),
	}
}

var errNotOffered = &wire.Problem{Field: "activity", Why: "is not offered by this server"}

// v1Call finishes a call of one instance: calls of an instance run one after the other, whatever they are.
func v1Call(c *call, r wire.Request, instanceID string, offered bool) (*call, error) {
	if !offered {
		return nil, errNotOffered
	}
	c.test, c.subject = r.Test(), []string{"instance", instanceID}
	c.row = repeat("v1", r.Activity(), "")
	return c, nil
}

func (v v1) refresh(q wire.Object) (*call, error) {
	r, err := wire.ParseV1Refresh(q)
	if err != nil {
		return nil, err
	}
	callback := v.options.V1.RefreshInstance
	if r.Activity() == wire.ActivityRefreshLicense {
		callback = v.options.V1.RefreshLicense
	}
	c := &call{key: []string{r.InstanceID, r.OrderID}, others: []string{"expireTime=" + wire.FormatTime(r.ExpireTime)}}
	return v1Call(c, r, r.InstanceID, set(c, r, callback))
}

func (v v1) upgrade(q wire.Object) (*call, error) {
	r, err := wire.ParseV1Upgrade(q)
	if err != nil {
		return nil, err
	}
	c := &call{key: []string{r.InstanceID, r.OrderID}, others: []string{"skuCode=" + r.SKUCode, "productId=" + r.ProductID}}
	return v1Call(c, r, r.InstanceID, set(c, r, v.options.V1.Upgrade))
}

func (v v1) instance(q wire.Object) (*call, error) {
	r, err := wire.ParseV1Instance(q)
	if err != nil {
		return nil, err
	}
	c := &call{key: []string{r.InstanceID}}
	var callback func(context.Context, wire.V1Instance, Attempt) error
	switch calls := v.options.V1; r.Activity() {
	case wire.ActivityExpireLicense:
		callback = calls.ExpireLicense
	case wire.ActivityReleaseLicense:
		callback = calls.ReleaseLicense
	case wire.ActivityExpireInstance:
		callback = calls.ExpireInstance
	case wire.ActivityReleaseInstance:
		callback = calls.ReleaseInstance
	case wire.ActivityInstanceStatus:
		callback, c.key = calls.InstanceStatus, []string{r.InstanceID, r.Status}
	}
	return v1Call(c, r, r.InstanceID, set(c, r, callback))
}

// query makes the call of queryInstance.
func (v v1) query(q wire.Object, key string) (*call, error) {
	r, err := wire.ParseV1Query(q)
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context, _ Attempt) (outcome, error) {
		info, err := v.info(ctx, r)
		if err != nil {
			return outcome{}, err
		}
		return v.encrypted(r.Activity(), key, info)
	}
	return &call{row: repeat("v1", r.Activity(), ""), test: r.Test(), asks: r.Instances, run: run}, nil
}

// encrypted answers a query with user names and passwords encrypted.
func (v v1) encrypted(activity, key string, info []wire.InstanceInfo) (outcome, error) {
	for i, one := range info {
		app, err := v.encrypt(key, one.AppInfo)
		if err != nil {
			return outcome{}, err
		}
		info[i].AppInfo = app
	}
	return v.checked(activity, wire.V1Answer{EncryptType: v.encryptType(), Info: info})
}

// info is what the callback tells of instances, or without one what newInstance has told.
func (v v1) info(ctx context.Context, r wire.V1Query) ([]wire.InstanceInfo, error) {
	ask := v.options.V1.QueryInstance
	info := make([]wire.InstanceInfo, 0, len(r.Instances))
	for _, id := range r.Instances {
		state, err := v.options.found(ctx, r.Test(), id, ask != nil)
		if err != nil {
			return nil, err
		}
		one := wire.InstanceInfo{InstanceID: id}
		if ask == nil {
			if one.AppInfo, err = v.openStored(state.Kept); err != nil {
				return nil, err
			}
		}
		info = append(info, one)
	}
	if ask == nil {
		return info, nil
	}
	return ask(ctx, r)
}

// checked makes the outcome of an answer that the marketplace will take. One that it would not
// take, say by a user name that is too long, is told at once with its reason: there it would only
// leave the order "provisioning".
func (v v1) checked(activity string, a wire.V1Answer) (outcome, error) {
	a.ResultCode, a.ResultMsg = wire.Success, "success."
	if err := a.Check(activity); err != nil {
		var p *wire.Problem
		if errors.As(err, &p) {
			return outcome{}, Refuse(wire.Internal, "this server's own answer: "+p.Error())
		}
		return outcome{}, err
	}
	return answered(a)
}
