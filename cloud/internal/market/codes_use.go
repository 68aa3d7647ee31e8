package market

import (
	"context"
	"errors"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Activate begins the service of codes, all or none; effect zero is now. Refusals: not_found with param code
// (unknown, or another merchant's), conflict with params code and state, invalid_argument when a code is named twice
// or service would begin before it was ordered.
func (c *Codes) Activate(ctx context.Context, merchant string, codes []string, effect, now time.Time) error {
	if effect.IsZero() {
		effect = begin(now)
	}
	ends := map[string]time.Time{}
	var list []meta.Code
	for _, name := range codes {
		code, err := c.ofMerchant(ctx, merchant, name)
		if meta.CodeOf(err) == cloudapi.ErrNotFound {
			return meta.Refuse(cloudapi.ErrNotFound, "there is no such authorization code", "code", name)
		}
		if err != nil {
			return err
		}
		if _, twice := ends[name]; twice {
			return meta.Refuse(cloudapi.ErrInvalid, "a code is named twice", "member", "license_list")
		}
		if effect.Before(begin(code.Created)) {
			return meta.Refuse(cloudapi.ErrInvalid, "service cannot begin before it was ordered", "member", "real_effect_time")
		}
		if ends[name], err = c.end(ctx, code, effect); err != nil {
			return err
		}
		list = append(list, code)
	}
	if err := c.store.ActivateCodes(ctx, merchant, codes, effect, now, ends); err != nil {
		return err
	}
	var errs []error
	for _, code := range list {
		code.State, code.Effect, code.Expire = meta.CodeAlive, effect, ends[code.Code]
		errs = append(errs, c.settle(ctx, code))
	}
	return errors.Join(errs...)
}

// end is when a code's service ends that begins at effect, zero for never.
func (c *Codes) end(ctx context.Context, code meta.Code, effect time.Time) (time.Time, error) {
	if code.Test {
		return code.Expire, nil
	}
	order, err := c.store.Order(ctx, code.Order)
	if err != nil {
		return time.Time{}, err
	}
	spec, err := c.store.Spec(ctx, code.ProductID)
	if err != nil || spec.Charging != meta.ChargePeriod {
		return time.Time{}, err
	}
	return add(effect, spec.Period, order.Periods)
}

// settle gives the resource of an activated code its term. A crash may come before it: each query does it again.
func (c *Codes) settle(ctx context.Context, code meta.Code) error {
	if code.Resource == "" || code.Effect.IsZero() || code.State != meta.CodeAlive {
		return nil
	}
	return c.activated(ctx, code.Resource, code.Effect, code.Expire)
}

// Query notes that codes are used today and tells how they stand. Refusal not_found with param code.
func (c *Codes) Query(ctx context.Context, merchant string, codes []string, now time.Time) ([]meta.Code, error) {
	list, err := c.store.SeeCodes(ctx, merchant, codes, now)
	if err != nil {
		return nil, err
	}
	for _, code := range list {
		if err := c.settle(ctx, code); err != nil {
			return nil, err
		}
	}
	return list, nil
}
