package meta

import (
	"context"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Bounds of a trial, in days.
const (
	MinTrial = 3
	MaxTrial = 180
)

// Organisation is one organisation as the operator sees it.
type Organisation struct {
	ID      string // org_…
	Name    string
	Created time.Time
}

// MaxKeys bounds the good keys of a merchant in one category, and its good AK/SK pairs: a signature that names no
// key is tried with each.
const MaxKeys = 20

// Merchants is everything about who sells: merchants, their keys and addresses, and what they
// list. Secrets arrive sealed. A merchant's rows are only changed with its id in hand, so
// that one merchant can never reach another's.
type Merchants interface {
	// Operator is the organisation that setup made, whose administrators run the platform;
	// refusal not_found before setup.
	Operator(ctx context.Context) (org string, err error)
	// Organisations lists all organisations, oldest first.
	Organisations(ctx context.Context) ([]Organisation, error)
	// Organisation finds one by its id; refusal not_found.
	Organisation(ctx context.Context, id string) (Organisation, error)

	// AddMerchant makes an organisation a merchant. Refusals: not_found (organisation),
	// name_exists when it is one already.
	AddMerchant(ctx context.Context, m Merchant, why Entry) error
	// ListMerchants lists all merchants, oldest first.
	ListMerchants(ctx context.Context) ([]Merchant, error)
	// Merchant finds a merchant by its id; refusal not_found.
	Merchant(ctx context.Context, id string) (Merchant, error)
	// MerchantOf finds the merchant that an organisation is; refusal not_found.
	MerchantOf(ctx context.Context, org string) (Merchant, error)

	// AddMerchantKey adds a key in one category, in which it stays. Refusals: not_found
	// (merchant), name_exists (id), conflict with reason keys when MaxKeys of the category are good.
	AddMerchantKey(ctx context.Context, k MerchantKey, why Entry) error
	// MerchantKeys lists a merchant's keys with the revoked ones, oldest first.
	MerchantKeys(ctx context.Context, merchant string) ([]MerchantKey, error)
	// MerchantKey finds a key by id, also a revoked one: who signs looks at Revoked. Refusal not_found.
	MerchantKey(ctx context.Context, id string) (MerchantKey, error)
	// RevokeMerchantKey ends a key for good (again: nothing happens); refusal not_found,
	// also for another merchant's key.
	RevokeMerchantKey(ctx context.Context, merchant, id string, now time.Time, why Entry) error

	// AddAccessKey adds an AK/SK pair. Refusals: not_found (merchant), name_exists (access), conflict with
	// reason keys when MaxKeys of the merchant are good.
	AddAccessKey(ctx context.Context, k AccessKey, why Entry) error
	// AccessKeys lists a merchant's pairs with the revoked ones, oldest first.
	AccessKeys(ctx context.Context, merchant string) ([]AccessKey, error)
	// AccessKey finds a pair by its AK, also a revoked one: who verifies looks at Revoked. Refusal not_found.
	AccessKey(ctx context.Context, access string) (AccessKey, error)
	// RevokeAccessKey ends a pair for good (again: nothing happens); refusal not_found.
	RevokeAccessKey(ctx context.Context, merchant, access string, now time.Time, why Entry) error

	// AddAddress adds an address that is not verified yet. Refusals: not_found (merchant),
	// name_exists when the merchant has the same Base.
	AddAddress(ctx context.Context, a Address, why Entry) error
	// Addresses lists a merchant's addresses, oldest first.
	Addresses(ctx context.Context, merchant string) ([]Address, error)
	// Address finds one of a merchant's addresses; refusal not_found.
	Address(ctx context.Context, merchant, id string) (Address, error)
	// VerifyAddress notes that the address has shown its challenge, the first time only; refusal not_found.
	VerifyAddress(ctx context.Context, merchant, id string, now time.Time, why Entry) error

	// PutListing lists a product or changes the listing; Listing.Name is the product's and not
	// stored. Refusals: not_found (merchant), product_unknown, forbidden for another organisation's product, conflict when the product is another
	// merchant's or has instances that the cloud itself licenses, or when Kind changes;
	// invalid_argument with member url, key, notifyUrl or notifyKey: the URL
	// is not below a verified address of the merchant, or the key is another merchant's,
	// of another category, or revoked.
	PutListing(ctx context.Context, l Listing, why Entry) error
	// Listing finds the listing of a product; refusal not_found.
	Listing(ctx context.Context, product string) (Listing, error)
	// Listings lists a merchant's listings by product; merchant "" lists everyone's.
	Listings(ctx context.Context, merchant string) ([]Listing, error)

	// PutSpec adds a specification to a listing of the merchant or changes it. Refusals: not_found
	// (listing of this merchant), name_exists when the ProductID is another listing's,
	// conflict when Charging changes, invalid_argument with member trialDays (see Trialable).
	PutSpec(ctx context.Context, merchant string, s Spec, why Entry) error
	// Specs lists the specifications of a listing by ProductID.
	Specs(ctx context.Context, product string) ([]Spec, error)
	// Spec finds a specification by its ProductID; refusal not_found.
	Spec(ctx context.Context, productID string) (Spec, error)
}

// Trialable says whether the specification's trial is one that a listing of the kind can offer: none, or
// 3 to 180 days of a periodic specification. Authorization codes have none: their interfaces know no
// conversion of a trial.
func (s Spec) Trialable(kind string) error {
	switch {
	case s.TrialDays == 0:
		return nil
	case s.TrialDays < MinTrial || s.TrialDays > MaxTrial:
		return Refuse(cloudapi.ErrInvalid, "a trial lasts 3 to 180 days; 0 offers none", "member", "trialDays")
	case s.Charging != ChargePeriod:
		return Refuse(cloudapi.ErrInvalid, "only a specification charged by period can be tried", "member", "trialDays")
	case kind == KindCode:
		return Refuse(cloudapi.ErrInvalid, "authorization codes cannot be tried", "member", "trialDays")
	}
	return nil
}

// BaseOf is the address that an https URL stands below: scheme and host in lower case, with the
// port when it is not 443. ok is false for what production calls cannot go to: another scheme, user
// information, a query, a fragment, or a path that is not in its shortest form.
func BaseOf(raw string) (base string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return "", false
	}
	if p := u.EscapedPath(); p != "" && p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		return "", false
	}
	base = "https://" + strings.ToLower(u.Hostname())
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", false
		}
		if n != 443 {
			base += ":" + strconv.FormatUint(n, 10)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	return base, true
}
