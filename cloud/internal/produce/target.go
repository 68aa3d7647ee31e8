package produce

import (
	"context"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Targets says where a stored call goes. It is asked at each attempt, so that an address or a key
// that the merchant has put right counts at once.
type Targets interface {
	Target(ctx context.Context, c meta.Call) (Target, error)
}

// Listings finds targets in the listing of a call's product.
type Listings struct {
	Store meta.Merchants
	Box   *seal.Box
}

// Target implements Targets. Refusals are sentences that the merchant may read.
func (l Listings) Target(ctx context.Context, c meta.Call) (Target, error) {
	p, err := l.Store.Listing(ctx, c.Product)
	if err != nil {
		return Target{}, fmt.Errorf("find the listing: %w", err)
	}
	to, id := Target{URL: p.URL}, p.Key
	if c.Activity == wire.ActivityOrderNotify {
		to.URL, id = p.NotifyURL, p.NotifyKey
	}
	if to.URL == "" || p.Merchant != c.Merchant {
		return Target{}, fmt.Errorf("find the listing: it has no address for %s", c.Activity)
	}
	k, err := l.Store.MerchantKey(ctx, id)
	if err != nil {
		return Target{}, fmt.Errorf("find the key: %w", err)
	}
	if !k.Revoked.IsZero() || k.Merchant != c.Merchant {
		return Target{}, fmt.Errorf("find the key: %s is revoked", id)
	}
	if to.Key, err = l.Box.Open(seal.MerchantKey, k.ID, k.Sealed); err != nil {
		return Target{}, fmt.Errorf("find the key: %w", err)
	}
	return to, nil
}
