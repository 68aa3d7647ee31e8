package cloudapi

import "time"

// The marketplace, as its operator (administrators of the organisation that setup made) and its
// merchants (administrators of an organisation that sells) work with it. Orders and what
// becomes of them stand in files of their own.

// Organisation is one organisation as the operator sees it.
// GET /v1/market/organisations (operator).
type Organisation struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Organisations answers GET /v1/market/organisations, oldest first.
type Organisations struct {
	Organisations []Organisation `json:"organisations"`
}

// Merchant is an organisation that sells.
// GET and POST /v1/market/merchants (operator; takes NewMerchant), GET /v1/market/merchant (the caller's own).
type Merchant struct {
	ID           string    `json:"id"`
	Organisation string    `json:"organisation"`
	Name         string    `json:"name"`
	Created      time.Time `json:"created"`
}

// Merchants answers GET /v1/market/merchants, oldest first.
type Merchants struct {
	Merchants []Merchant `json:"merchants"`
}

// NewMerchant is POST /v1/market/merchants.
type NewMerchant struct {
	Organisation string `json:"organisation"` // id
	Name         string `json:"name"`
}

// MerchantKey signs what the platform calls at the merchant.
// GET and POST /v1/market/keys (takes NewMerchantKey), POST /v1/market/keys/{id}/revoke.
type MerchantKey struct {
	ID       string     `json:"id"`
	Category string     `json:"category"` // base, kit, code, notify: a key is never used in two
	Created  time.Time  `json:"created"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	Secret   string     `json:"secret,omitempty"` // the access key; in the answer of POST only, never again
}

// MerchantKeys answers GET /v1/market/keys, oldest first.
type MerchantKeys struct {
	Keys []MerchantKey `json:"keys"`
}

// NewMerchantKey is POST /v1/market/keys.
type NewMerchantKey struct {
	Category string `json:"category"`
}

// AccessKey is an AK/SK pair by which the merchant signs its calls of the open API.
// GET and POST /v1/market/access-keys, POST /v1/market/access-keys/{access}/revoke.
type AccessKey struct {
	Access  string     `json:"access"` // AK
	Created time.Time  `json:"created"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Secret  string     `json:"secret,omitempty"` // SK; in the answer of POST only, never again
}

// AccessKeys answers GET /v1/market/access-keys, oldest first.
type AccessKeys struct {
	Keys []AccessKey `json:"keys"`
}

// MerchantAddress is a production address: calls go only below one that is verified.
// GET and POST /v1/market/addresses (takes NewMerchantAddress), POST /v1/market/addresses/{id}/verify fetches
// Address + /.well-known/iscdesk-merchant.txt and looks for a line that is Challenge; refusal
// conflict with reason unverified and the cause in words.
type MerchantAddress struct {
	ID        string     `json:"id"`
	Address   string     `json:"address"` // https://isv.example.com
	Challenge string     `json:"challenge"`
	Verified  *time.Time `json:"verified,omitempty"`
	Created   time.Time  `json:"created"`
}

// MerchantAddresses answers GET /v1/market/addresses, oldest first.
type MerchantAddresses struct {
	Addresses []MerchantAddress `json:"addresses"`
}

// NewMerchantAddress is POST /v1/market/addresses: https and a domain name, on port 443 unless the
// operator allows others. A path is left away.
type NewMerchantAddress struct {
	Address string `json:"address"`
}

// MarketListing is a product as its merchant sells it. The product exists before (POST /v1/products) and has
// no instances that the cloud licenses itself; from then on its instances come from orders.
// GET /v1/market/listings (the merchant's own), GET and PUT /v1/market/listings/{product}.
type MarketListing struct {
	Product   string `json:"product"` // in PUT the path's
	Name      string `json:"name"`    // the product's, not taken
	Kind      string `json:"kind"`    // license, code, saas; never changes
	Provision string `json:"provision"`
	URL       string `json:"url"` // a verified address and a path
	Key       string `json:"key"` // of category base, of code for kind code
	NotifyURL string `json:"notifyUrl,omitempty"`
	NotifyKey string `json:"notifyKey,omitempty"` // of category notify
	Bound     bool   `json:"bound"`               // licences need a device fingerprint
	OnSale    bool   `json:"onSale"`
}

// Values of MarketListing.Provision.
const (
	ProvisionAtOnce   = "at_once"  // at purchase
	ProvisionAccepted = "accepted" // when the merchant has delivered and the buyer has accepted
)

// MarketListings answers GET /v1/market/listings by product.
type MarketListings struct {
	Listings []MarketListing `json:"listings"`
}

// Spec is a specification that can be ordered. PUT /v1/market/specs/{productId} (the merchant of Product),
// GET /v1/market/listings/{product}/specs.
type Spec struct {
	ProductID string   `json:"productId"` // in PUT the path's; unique on the platform
	Product   string   `json:"product"`
	SKU       string   `json:"sku"`
	Name      string   `json:"name"`
	Charging  string   `json:"charging"`         // PERIOD, ONE_TIME, ON_DEMAND, ON_DEMAND_PKG; never changes
	Period    string   `json:"period,omitempty"` // year, month, day, for PERIOD only
	Features  []string `json:"features,omitempty"`
	TrialDays int      `json:"trialDays,omitempty"` // 3 to 180, for PERIOD only; 0 offers no trial
}

// Specs answers GET /v1/market/listings/{product}/specs by ProductID.
type Specs struct {
	Specs []Spec `json:"specs"`
}

// Offer is what an organisation can order: a listing on sale with its specifications.
// GET /v1/market/offers (administrators).
type Offer struct {
	Product   string `json:"product"`
	Name      string `json:"name"`
	Merchant  string `json:"merchant"` // its name
	Kind      string `json:"kind"`
	Provision string `json:"provision"`
	Bound     bool   `json:"bound"`
	Specs     []Spec `json:"specs"`
}

// Offers answers GET /v1/market/offers by product.
type Offers struct {
	Offers []Offer `json:"offers"`
}
