package merchant

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// maxProduction bounds a body; the longest documented one has some 8 KB.
const maxProduction = 64 << 10

// production is the family of SaaS V2.0, the online licence, authorization codes and the order notification.
type production struct{ options Options }

func (p production) claims(r *http.Request) bool { return r.Method == http.MethodPost }

func (p production) limit() int64 { return maxProduction }

// prove tries the keys of every category, since the activity is not known before the body is
// trusted; read holds the category against the activity.
func (p production) prove(r *http.Request, body []byte, now time.Time) (proof, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return proof{}, fmt.Errorf("read query: %w", sign.ErrMalformed)
	}
	keys := p.options.Keys
	err = sign.ErrKey
	for _, key := range slices.Concat(keys.Base, keys.Code, keys.Notify) {
		var stamp sign.Stamp
		if stamp, err = p.options.Readings.Signature.VerifyProduction(key, query, body, now); err == nil {
			return proof{key: key, nonce: "production " + stamp.Nonce, until: stamp.At.Add(sign.Window + time.Second)}, nil
		}
	}
	return proof{}, err
}

func (p production) read(ctx context.Context, _ *http.Request, body []byte, proved proof) (*call, error) {
	r, err := wire.Parse(body)
	if err != nil {
		return nil, err
	}
	if !p.options.Readings.AnyKey && !slices.Contains(p.keys(r.Activity()), proved.key) {
		return nil, &Refusal{wire.BadSignature, "the key is not of the category of " + r.Activity()}
	}
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, err
	}
	if err := p.strict(r, o); err != nil {
		return nil, err
	}
	return p.call(ctx, r, proved.key)
}

// keys are those of an activity's category.
func (p production) keys(activity string) []string {
	switch activity {
	case wire.ActivityOrderNotify:
		return p.options.Keys.Notify
	case wire.ActivityRefreshLicenseCode, wire.ActivityUpdateLicenseCodeStatus, wire.ActivityReleaseLicenseCode:
		return p.options.Keys.Code
	}
	return p.options.Keys.Base
}

// call makes the call of a request.
func (p production) call(ctx context.Context, r wire.Request, key string) (*call, error) {
	c, calls := &call{test: r.Test()}, p.options.Calls
	which, offered := "", true
	switch r := r.(type) {
	case wire.NewInstance:
		product, err := p.product(ctx, r)
		if err != nil {
			return nil, err
		}
		c.key = []string{r.OrderID, r.OrderLineID}
		if product != "" {
			which, c.key = payPerUse, []string{r.OrderID, product}
		}
		offered = calls.NewInstance != nil
		p.newInstance(c, r)
	case wire.QueryInstance:
		c.asks = r.IDs()
		c.run = func(ctx context.Context, _ Attempt) (outcome, error) { return p.query(ctx, r, key) }
	case wire.RefreshInstance:
		c.key, c.subject = []string{r.InstanceID, r.Scene, r.OrderID, r.OrderLineID}, instance(r.InstanceID)
		c.others = []string{"expireTime=" + wire.FormatTime(r.Expires()), "productId=" + r.ProductID}
		offered = set(c, r, calls.RefreshInstance)
	case wire.UpdateInstanceStatus:
		c.key, c.subject = []string{r.InstanceID, r.Status}, instance(r.InstanceID)
		offered = set(c, r, calls.UpdateInstanceStatus)
	case wire.ReleaseInstance:
		c.key, c.subject = []string{r.InstanceID}, instance(r.InstanceID)
		c.others = []string{"orderId=" + r.OrderID, "orderLineId=" + r.OrderLineID}
		offered = set(c, r, calls.ReleaseInstance)
	case wire.UpgradeInstance:
		c.key, c.subject = []string{r.InstanceID, r.OrderID, r.OrderLineID}, instance(r.InstanceID)
		offered = set(c, r, calls.UpgradeInstance)
	case wire.ChangeInstanceCheck:
		offered = set(c, r, plainly(calls.ChangeInstanceCheck))
	case wire.GetLicenseAsync:
		c.key = []string{r.InstanceID, r.EventID, r.DeviceFingerprint}
		c.others = []string{"effectiveTime=" + wire.FormatTime(r.Effective()), "expireTime=" + wire.FormatTime(r.Expires())}
		offered = calls.GetLicenseAsync != nil
		p.license(c, r)
	case wire.OrderNotify:
		c.key = []string{r.OrderID, r.OrderLineID}
		offered = set(c, r, plainly(calls.OrderNotify))
	case wire.RefreshLicenseCode:
		c.key, c.subject = []string{r.License, r.Scene, r.OrderID, r.OrderLineID}, code(r.License)
		c.others = []string{"expireTime=" + wire.FormatTime(r.Expires()), "productId=" + r.ProductID}
		offered = set(c, r, calls.RefreshLicenseCode)
	case wire.UpdateLicenseCodeStatus:
		c.key, c.subject = []string{r.License, r.Status}, code(r.License)
		offered = set(c, r, calls.UpdateLicenseCodeStatus)
	case wire.ReleaseLicenseCode:
		c.key, c.subject = []string{r.License}, code(r.License)
		c.others = []string{"orderId=" + r.OrderID, "orderLineId=" + r.OrderLineID}
		offered = set(c, r, calls.ReleaseLicenseCode)
	}
	if !offered {
		return nil, &wire.Problem{Field: "activity", Why: "is not offered by this server"}
	}
	c.row = repeat("production", r.Activity(), which)
	if c.instanceID == "" && !c.owed {
		return c, nil
	}
	var err error
	c.saved, err = saveProduction(r)
	return c, err
}

// instance and code are subjects: calls that change one of them run one after the other.
func instance(id string) []string { return []string{"instance", id} }

func code(license string) []string { return []string{"code", license} }

// set makes the call of a callback that returns an error only, false for one that is nil.
func set[R wire.Request](c *call, r R, callback func(context.Context, R, Attempt) error) bool {
	if callback == nil {
		return false
	}
	c.success = func(string) (outcome, error) { return answered(success(wire.Answer{})) }
	c.run = func(ctx context.Context, a Attempt) (outcome, error) {
		if err := callback(ctx, r, a); err != nil {
			return outcome{}, err
		}
		return c.success("")
	}
	return true
}

// plainly is for callbacks that need no attempt.
func plainly[R wire.Request](callback func(context.Context, R) error) func(context.Context, R, Attempt) error {
	if callback == nil {
		return nil
	}
	return func(ctx context.Context, r R, _ Attempt) error { return callback(ctx, r) }
}

func success(a wire.Answer) wire.Answer {
	a.ResultCode, a.ResultMsg = wire.Success, "success."
	return a
}

func (p production) product(ctx context.Context, r wire.NewInstance) (string, error) {
	if p.options.PayPerUse == nil || p.options.Calls.NewInstance == nil {
		return "", nil
	}
	product, err := p.options.PayPerUse(ctx, r.OrderID, r.OrderLineID)
	if err != nil {
		return "", fmt.Errorf("ask for the product of an order line: %w", err)
	}
	return product, nil
}

func (p production) newInstance(c *call, r wire.NewInstance) {
	c.instanceID = r.BusinessID
	c.success = func(id string) (outcome, error) { return answered(success(wire.Answer{InstanceID: id})) }
	c.pending = func(id string) ([]byte, error) {
		code := wire.Processing
		if p.options.Readings.SevenDigits {
			code = "0" + code
		}
		return wire.Answer{ResultCode: code, ResultMsg: wire.Processing.Text(), InstanceID: id}.Encode()
	}
	c.run = func(ctx context.Context, a Attempt) (outcome, error) {
		how, err := p.options.Calls.NewInstance(ctx, r, a)
		if err != nil {
			return outcome{}, err
		}
		out, err := c.success(a.InstanceID)
		out.open = how == Ordered
		return out, err
	}
}

// query answers by the callback; without one it says that the instances are there. Handler.resume has
// answered for those that are not finished.
func (p production) query(ctx context.Context, r wire.QueryInstance, key string) (outcome, error) {
	info := make([]wire.InstanceInfo, 0, len(r.IDs()))
	for _, id := range r.IDs() {
		if _, err := p.options.found(ctx, r.Test(), id, p.options.Calls.QueryInstance != nil); err != nil {
			return outcome{}, err
		}
		info = append(info, wire.InstanceInfo{InstanceID: id})
	}
	if p.options.Calls.QueryInstance != nil {
		var err error
		if info, err = p.options.Calls.QueryInstance(ctx, r); err != nil {
			return outcome{}, err
		}
	}
	if p.options.Readings.EncryptQuery {
		return v1(p).encrypted(r.Activity(), key, info)
	}
	out, err := answered(success(wire.Answer{Info: info}))
	if err != nil {
		return out, err
	}
	if _, err := wire.ParseAnswer(r.Activity(), out.body); err != nil { // there it would only count as a failure
		return outcome{}, Refuse(wire.Internal, "this server's own answer: "+err.Error())
	}
	return out, nil
}

// found is what the store has of an instance that is asked for. An error says that its creation is not
// finished, or that nobody knows it, where the ISV is not asked.
func (o Options) found(ctx context.Context, test bool, id string, asked bool) (store.State, error) {
	state, known, err := o.Store.Find(ctx, test, id)
	switch {
	case err != nil:
		return state, err
	case !known && !asked:
		return state, Refuse(wire.NoInstance, "")
	case known && state.Cut: // Handler.resume has begun it again
		return state, ErrProcessing
	}
	return state, nil
}
