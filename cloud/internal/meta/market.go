package meta

import "time"

// The marketplace in the store: what several of its subjects share. A merchant (an ISV) lists a
// product with specifications; an organisation orders one; the order line becomes a
// resource at the merchant, and for licences an Instance here. The names and
// values are the marketplace's own where it has any.

// Kinds of listings.
const (
	KindLicense = "license" // online-provisioned licence: the chain of getLicenseAsync
	KindCode    = "code"    // authorization code, which the ISV's software activates
	KindSaaS    = "saas"
)

// Provisioning modes of a listing.
const (
	ProvisionAtOnce   = 1 // newInstance provisions at purchase
	ProvisionAccepted = 2 // newInstance orders at purchase, and provisions when the merchant delivers
)

// Charging modes of a specification, as the order query spells them.
const (
	ChargePeriod   = "PERIOD"
	ChargeOnce     = "ONE_TIME"
	ChargeOnDemand = "ON_DEMAND"
	ChargePackage  = "ON_DEMAND_PKG"
)

// Types of orders, as the order query spells them.
const (
	OrderNew           = "NEW"
	OrderTrial         = "TRIAL"
	OrderTrialToFormal = "TRIAL_TO_FORMAL"
	OrderRenew         = "RENEW"
	OrderChange        = "CHANGE"
	OrderUnsubscribe   = "UNSUBSCRIBE"
)

// States of an order.
const (
	OrderProcessing = "processing" // not settled: calls or a delivery are under way
	OrderDone       = "done"
	OrderFailed     = "failed" // the plan of calls ended without success: refunded
)

// States of a resource's life.
const (
	ResourceOrdered      = "ordered"      // newInstance has not succeeded yet
	ResourceDelivering   = "delivering"   // supervised: see Delivery
	ResourceActive       = "active"       // usable
	ResourceFrozen       = "frozen"       // ended or withheld; data kept, renewal thaws it
	ResourceReleasing    = "releasing"    // ended for good here; the merchant has not confirmed yet
	ResourceReleased     = "released"     // gone at the merchant
	ResourceUnobtainable = "unobtainable" // newInstance failed for good
)

// States of a supervised delivery, in their order. The marketplace's words are in docs/market.md.
const (
	DeliveryNone      = ""          // provisioned at once
	DeliverySubmitted = "submitted" // the buyer has to say what is needed
	DeliveryConfirm   = "confirm"   // the merchant has to confirm the requirement, or reject it
	DeliveryDeliver   = "deliver"   // the merchant has to deliver and give the proof
	DeliveryAccept    = "accept"    // the buyer accepts or rejects
	DeliveryDone      = "done"
)

// States of an application for a licence.
const (
	ApplicationAsking    = "asking"    // getLicenseAsync has not been answered with success yet
	ApplicationMaking    = "making"    // the merchant has taken it; the upload is awaited
	ApplicationDelivered = "delivered" // content is stored; it never changes again
	ApplicationRefused   = "refused"   // the merchant or the quota said no; Code and Message say why
)

// Merchant is an ISV that sells here. Its staff are the administrators of its organisation.
type Merchant struct {
	ID      string // mer_…
	Org     string // one merchant an organisation
	Name    string
	Created time.Time
}

// Categories of a merchant's keys; a key is never used in two.
const (
	KeyBase   = "base"   // production interfaces of licence and SaaS
	KeyKit    = "kit"    // joint-SaaS synchronisation
	KeyCode   = "code"   // authorization codes
	KeyNotify = "notify" // order notification
)

// MerchantKey signs calls to a merchant's address. Sealed is the access key, see package seal.
type MerchantKey struct {
	ID       string // key id as the merchant sees it
	Merchant string
	Category string
	Sealed   []byte
	Created  time.Time
	Revoked  time.Time // zero while it is good
}

// AccessKey is an AK/SK pair by which a merchant calls the open API. Sealed is the SK.
type AccessKey struct {
	Access   string
	Merchant string
	Sealed   []byte
	Created  time.Time
	Revoked  time.Time
}

// Address is a production address of a merchant: scheme and host, without a path.
type Address struct {
	ID        string // adr_…
	Merchant  string
	Base      string // https://isv.example.com
	Challenge string // what the address must show to be verified
	Verified  time.Time
	Created   time.Time
}

// Listing is a product as its merchant sells it.
type Listing struct {
	Product   string // Product.ID
	Name      string // of the product
	Merchant  string
	Kind      string
	Provision int
	URL       string // a verified address and a path: where production calls go
	Key       string // MerchantKey.ID of category base (KeyCode for Kind code)
	NotifyURL string // "" sends no order notification
	NotifyKey string // MerchantKey.ID of category notify
	Bound     bool   // its licences are bound to a device: a fingerprint is required
	OnSale    bool
}

// Spec is a specification that can be ordered: one productId of the marketplace.
type Spec struct {
	ProductID string // OFFI…, unique
	Product   string // Listing.Product
	SKU       string
	Name      string
	Charging  string
	Period    string // year, month, day for PERIOD
	Features  []string
	TrialDays int // 0: cannot be tried; else 3 to 180
}

// Order is what an organisation has ordered, one line each as the marketplace's samples show it.
type Order struct {
	ID       string // CS…
	Org      string
	Type     string
	Line     string // ID + "-000001"
	Spec     string // Spec.ProductID
	Product  string
	Merchant string
	Amount   int // linearValue: seats, and licences in a term
	Periods  int // periodNumber
	Resource string
	Expire   time.Time // an estimate for new orders, the new end for renewals; zero for none
	State    string
	By       string // account
	Created  time.Time

	Repeat   string    // chosen by who places it: placing again with it gives this order; unique in Org, "" for none
	Reason   string    // why it failed: a result code of the merchant, or time for one that took too long
	Undoes   string    // UNSUBSCRIBE of a renewal only: the renewal's order
	Before   time.Time // renewals: the end that it moved
	Replaces string    // renewals and changes: the order that was in force before
}

// Resource is what an order line became. For KindLicense its ID is the Instance's.
type Resource struct {
	ID         string // ins_…
	Org        string
	Product    string
	Merchant   string
	Kind       string
	Spec       string
	MerchantID string // instanceId that the merchant gave
	BusinessID string // of the first newInstance
	Order      string // that made it
	Line       string
	InForce    string // order whose quota and dates count now
	Charging   string
	Trial      bool
	Amount     int
	State      string
	Delivery   string
	Rejected   int // how often the delivery was rejected
	From       time.Time
	Until      time.Time // zero for one without an end
	FrozenAt   time.Time // begin of the frozen period; zero when not frozen
	Term       int       // grows with each change of dates or amount; part of an application's key
	Created    time.Time

	Rev         int       // grows with each step; a step on an older one is refused
	Pending     string    // the order that is not settled yet, "" for none: one at a time
	Due         time.Time // when the clock has to do something next; zero for never
	Since       time.Time // since when the delivery waits in its state
	Requirement string    // what the buyer needs, at most 4096 characters
	Proof       string    // of delivery, at most 4096 characters
	Reason      string    // of the last rejection, at most 1024 characters
}

// Application is one request for a licence, by an agent or by the buyer's page.
type Application struct {
	Event           string // eventId, at most 64 characters
	Key             Hash   // what makes two requests the same
	Org             string
	Resource        string
	Merchant        string
	Product         string
	Term            int    // Resource.Term when it was asked for
	Account         string // who asked
	Device          string // "" from the buyer's page
	Form            string // string, file: what was asked for
	Fingerprint     string // as it goes to the merchant, at most 1024 characters; "" for none
	FingerprintForm string // cloudapi.FingerprintFull, …Digest, …Code; "" without a fingerprint
	From            time.Time
	Until           time.Time // zero for none
	State           string
	Reason          string // why it is refused: one of the Reason… constants
	Code            string // resultCode with which the merchant refused, "" when it has not answered
	Message         string // of the merchant with that code, at most 255 characters
	Asks            int    // how many calls were put in the queue for it, one plan each
	Asked           time.Time
	Content         []byte // as uploaded; nil in lists
	ContentType     string // CHARACTERS, FILE
	FileName        string
	Created         time.Time
	Decided         time.Time // delivered or refused; zero before
}
