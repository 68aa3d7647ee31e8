package market

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// Bounds of listings and merchants' ids, in bytes.
const (
	maxURL     = 512
	maxSKU     = 64
	maxSpec    = 64 // of a product id
	maxProduct = 64
	maxID      = 128
)

// Staff is what a merchant's people do before anything is sold: keys, addresses, listings. Both doors
// (httpapi, pages) use it. Its methods may be called from several goroutines.
type Staff struct {
	Store  meta.Merchants
	Box    *seal.Box
	Caller *produce.Caller
	Looks  *limit.Gate // how often a merchant may have addresses looked at; nil bounds nothing
}

// AddKey makes a key of a category. The secret is returned this once.
func (s Staff) AddKey(ctx context.Context, merchant, category string, now time.Time, why meta.Entry) (meta.MerchantKey, string, error) {
	switch category {
	case meta.KeyBase, meta.KeyKit, meta.KeyCode, meta.KeyNotify:
	default:
		return meta.MerchantKey{}, "", invalid("category", "the category is base, kit, code or notify")
	}
	k := meta.MerchantKey{ID: meta.NewID("key"), Merchant: merchant, Category: category, Created: meta.Stamp(now)}
	secret := meta.NewSecret("")
	k.Sealed = s.Box.Seal(seal.MerchantKey, k.ID, secret)
	return k, secret, s.Store.AddMerchantKey(ctx, k, noting(why, "key", k.ID, "category", category))
}

// AddAccessKey makes an AK/SK pair for the open API. The SK is returned this once.
func (s Staff) AddAccessKey(ctx context.Context, merchant string, now time.Time, why meta.Entry) (meta.AccessKey, string, error) {
	// As long as the marketplace's own: 20 and 40 characters, of 100 and 200 random bits.
	k := meta.AccessKey{Access: rand.Text()[:20], Merchant: merchant, Created: meta.Stamp(now)}
	secret := (rand.Text() + rand.Text())[:40]
	k.Sealed = s.Box.Seal(seal.AccessKey, k.Access, secret)
	return k, secret, s.Store.AddAccessKey(ctx, k, noting(why, "access", k.Access))
}

// AddAddress registers an address, which has to show its challenge before it is used.
func (s Staff) AddAddress(ctx context.Context, merchant, address string, now time.Time, why meta.Entry) (meta.Address, error) {
	if err := members.Text("address", address, 1, maxURL); err != nil {
		return meta.Address{}, err
	}
	base, err := s.Caller.Base(address)
	if err != nil {
		return meta.Address{}, err
	}
	m := meta.Address{ID: meta.NewID("adr"), Merchant: merchant, Base: base, Challenge: meta.NewSecret("iscdesk-"), Created: meta.Stamp(now)}
	return m, s.Store.AddAddress(ctx, m, noting(why, "address", base))
}

// VerifyAddress asks the address for its challenge, each time anew. An address that was verified once
// stays so when it does not show the challenge any more: orders hang on it. Refusals: conflict with reason unverified
// and param cause, rate_limited.
func (s Staff) VerifyAddress(ctx context.Context, merchant, id string, now time.Time, why meta.Entry) (meta.Address, error) {
	m, err := s.Store.Address(ctx, merchant, id)
	if err != nil {
		return m, err
	}
	// The address has proved nothing yet: it may be anybody's server, which must not be flooded from here.
	if s.Looks != nil {
		if wait := s.Looks.Take("address "+merchant, now); wait > 0 {
			return m, limit.Refuse(wait)
		}
	}
	if err := s.Caller.Shows(ctx, m.Base, m.Challenge); err != nil {
		return m, meta.Refuse(cloudapi.ErrConflict, "the address does not show its challenge", "reason", "unverified", "address", m.Base, "cause", err.Error())
	}
	if err := s.Store.VerifyAddress(ctx, merchant, m.ID, meta.Stamp(now), noting(why, "address", m.Base)); err != nil {
		return m, err
	}
	return s.Store.Address(ctx, merchant, m.ID)
}

// noting adds params to an audit entry.
func noting(why meta.Entry, pairs ...string) meta.Entry {
	params := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	why.Params = params
	return why
}

func invalid(member, sentence string) error {
	return meta.Refuse(cloudapi.ErrInvalid, sentence, "member", member)
}

// CheckProduct looks at a product that is to be entered: its id, 1 to 64 of a-z 0-9 . - _, as programs give it, and its name.
func CheckProduct(p meta.Product) error {
	if err := members.Name("product", p.ID, ".-_", maxProduct); err != nil {
		return err
	}
	return members.Text("name", p.Name, 1, members.MaxDisplay)
}

// CheckListing looks at what the store does not.
func CheckListing(l meta.Listing) error {
	if err := members.Name("product", l.Product, ".-_", maxProduct); err != nil {
		return err
	}
	switch l.Kind {
	case meta.KindLicense, meta.KindCode, meta.KindSaaS:
	default:
		return invalid("kind", "the kind is license, code or saas")
	}
	if l.Provision != meta.ProvisionAtOnce && l.Provision != meta.ProvisionAccepted {
		return invalid("provision", "provisioning is at_once or accepted")
	}
	for _, v := range []struct {
		member, value string
		low, high     int
	}{{"url", l.URL, 1, maxURL}, {"key", l.Key, 1, maxID}, {"notifyUrl", l.NotifyURL, 0, maxURL}, {"notifyKey", l.NotifyKey, 0, maxID}} {
		if err := members.Text(v.member, v.value, v.low, v.high); err != nil {
			return err
		}
	}
	return nil
}

// CheckSpec looks at everything of a specification that the store does not.
func CheckSpec(in meta.Spec) error {
	if err := members.Name("productId", strings.ToLower(in.ProductID), "-_", maxSpec); err != nil {
		return err
	}
	if err := members.Name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	if err := members.Text("sku", in.SKU, 1, maxSKU); err != nil {
		return err
	}
	if err := members.Text("name", in.Name, 1, members.MaxDisplay); err != nil {
		return err
	}
	switch in.Charging {
	case meta.ChargePeriod:
		if in.Period != "year" && in.Period != "month" && in.Period != "day" {
			return invalid("period", "the period is year, month or day")
		}
	case meta.ChargeOnce, meta.ChargeOnDemand, meta.ChargePackage:
		if in.Period != "" {
			return invalid("period", "only a specification charged by period has one")
		}
	default:
		return invalid("charging", "charging is PERIOD, ONE_TIME, ON_DEMAND or ON_DEMAND_PKG")
	}
	if len(in.Features) > token.MaxFeatures {
		return invalid("features", "there are too many features")
	}
	for i, f := range in.Features {
		if err := members.Name("features."+strconv.Itoa(i), f, ".-_", token.MaxFeature); err != nil {
			return err
		}
	}
	return nil
}
