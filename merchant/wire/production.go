package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Activities of the production interfaces: POST, one URL, signed by query parameters.
const (
	ActivityNewInstance             = "newInstance"
	ActivityQueryInstance           = "queryInstance"
	ActivityRefreshInstance         = "refreshInstance"
	ActivityUpdateInstanceStatus    = "updateInstanceStatus"
	ActivityReleaseInstance         = "releaseInstance"
	ActivityUpgradeInstance         = "upgradeInstance"
	ActivityChangeInstanceCheck     = "changeInstanceCheck"
	ActivityGetLicenseAsync         = "getLicenseAsync"
	ActivityOrderNotify             = "orderNotify"
	ActivityRefreshLicenseCode      = "refreshLicenseCode"
	ActivityUpdateLicenseCodeStatus = "updateLicenseCodeStatus"
	ActivityReleaseLicenseCode      = "releaseLicenseCode"
)

// Values of scene, status and testFlag.
const (
	SceneTrialToFormal = "TRIAL_TO_FORMAL"
	SceneRenewal       = "RENEWAL"
	SceneUndoRenewal   = "UNSUBSCRIBE_RENEWAL_PERIOD" // orderId is the renewal order that is undone
	SceneRenewalChange = "RENEWAL_CHANGE"

	StatusFreeze   = "FREEZE"
	StatusUnfreeze = "UNFREEZE"

	TestYes = "1"
	TestNo  = "0"
)

// Request is a request of a production interface. Its struct has the members of the body but
// activity, in the order of the documentation's samples; optional ones that are empty are
// left out. A parsed one has passed its table, so its times can be read without an error.
type Request interface {
	Activity() string
	Test() bool // testFlag is 1: a debugging call or a probe
}

// Testing is the member testFlag: "1", "0" or "" for absent, which means "0".
type Testing struct {
	TestFlag string `json:"testFlag,omitempty"`
}

// Test implements Request.
func (t Testing) Test() bool { return t.TestFlag == TestYes }

// NewInstance asks for an instance for an order line (marketplace: newInstance).
type NewInstance struct {
	BusinessID  string `json:"businessId"` // another one on every request
	OrderID     string `json:"orderId"`
	OrderLineID string `json:"orderLineId"`
	Testing
}

// QueryInstance asks what there is of instances (marketplace: queryInstance).
type QueryInstance struct {
	InstanceID string `json:"instanceId"` // ids separated by commas, see IDs
	Testing
}

// IDs are the ids that are asked for, in their order.
func (q QueryInstance) IDs() []string { return strings.Split(q.InstanceID, ",") }

// RefreshInstance sets an instance's end (marketplace: refreshInstance).
type RefreshInstance struct {
	ExpireTime  string `json:"expireTime"`
	InstanceID  string `json:"instanceId"`
	OrderID     string `json:"orderId"` // of the renewal or conversion; SceneUndoRenewal: of the renewal that is undone
	OrderLineID string `json:"orderLineId"`
	ProductID   string `json:"productId,omitempty"` // of the new period type, when that changes
	Scene       string `json:"scene"`
	Testing
}

// Expires is the new end, UTC.
func (r RefreshInstance) Expires() time.Time { return read(ParseTime, r.ExpireTime) }

// UpdateInstanceStatus freezes an instance or thaws it (marketplace: updateInstanceStatus).
type UpdateInstanceStatus struct {
	InstanceID string `json:"instanceId"`
	Status     string `json:"status"` // StatusFreeze, StatusUnfreeze
	Testing
}

// ReleaseInstance ends an instance for good (marketplace: releaseInstance).
type ReleaseInstance struct {
	InstanceID  string `json:"instanceId"`
	OrderID     string `json:"orderId,omitempty"` // the unsubscription, when that is the reason
	OrderLineID string `json:"orderLineId,omitempty"`
	Testing
}

// UpgradeInstance moves an instance to what a new order says (marketplace: upgradeInstance).
type UpgradeInstance struct {
	InstanceID  string `json:"instanceId"`
	OrderID     string `json:"orderId"` // the new order
	OrderLineID string `json:"orderLineId"`
	Testing
}

// ChangeInstanceCheck asks whether an instance could be moved to a product at its renewal
// (marketplace: renewal-change check).
type ChangeInstanceCheck struct {
	InstanceID  string   `json:"instanceId"`
	ProductInfo Products `json:"productInfo"`
	Testing
}

// Product is a target of ChangeInstanceCheck.
type Product struct {
	ProductID   string      `json:"productId"`
	SKUCode     string      `json:"skuCode,omitempty"`
	LinearValue json.Number `json:"linearValue,omitempty"`
	ProductName string      `json:"productName,omitempty"`
}

// Products is written as one object when there is one, else as an array: no page shows which of
// the two it is, and Parse takes both.
type Products []Product

// MarshalJSON implements json.Marshaler.
func (p Products) MarshalJSON() ([]byte, error) {
	if len(p) == 1 {
		return marshal(p[0])
	}
	return marshal([]Product(p))
}

// GetLicenseAsync applies for a licence (marketplace: getLicenseAsync). The answer only says that it
// will be made; the licence goes back by the upload, whose event_id is EventID.
type GetLicenseAsync struct {
	EventID           string `json:"eventId"`
	InstanceID        string `json:"instanceId"`
	EffectiveTime     string `json:"effectiveTime"`
	ExpireTime        string `json:"expireTime,omitempty"` // always there for periodic products
	DeviceFingerprint string `json:"deviceFingerprint,omitempty"`
	Testing
}

// Effective is the licence's begin, UTC.
func (r GetLicenseAsync) Effective() time.Time { return read(ParseLicenseTime, r.EffectiveTime) }

// Expires is the licence's end, UTC; zero for one without an end.
func (r GetLicenseAsync) Expires() time.Time { return read(ParseLicenseTime, r.ExpireTime) }

// OrderNotify says that an order has come or changed (marketplace: order notification); the
// order itself is read from the open API.
type OrderNotify struct {
	OrderID     string `json:"orderId"`
	OrderLineID string `json:"orderLineId"`
	Testing
}

// RefreshLicenseCode sets the end of an authorization code (marketplace: refreshLicenseCode).
type RefreshLicenseCode struct {
	ExpireTime  string `json:"expireTime"`
	License     string `json:"license"`
	OrderID     string `json:"orderId"` // a new one for each operation
	OrderLineID string `json:"orderLineId"`
	ProductID   string `json:"productId,omitempty"`
	Scene       string `json:"scene"` // SceneRenewal, SceneUndoRenewal
	Testing
}

// Expires is the new end, UTC.
func (r RefreshLicenseCode) Expires() time.Time { return read(ParseTime, r.ExpireTime) }

// UpdateLicenseCodeStatus freezes a code or thaws it (marketplace: updateLicenseCodeStatus).
type UpdateLicenseCodeStatus struct {
	License string `json:"license"`
	Status  string `json:"status"`
	Testing
}

// ReleaseLicenseCode ends a code for good (marketplace: releaseLicenseCode).
type ReleaseLicenseCode struct {
	License     string `json:"license"`
	OrderID     string `json:"orderId,omitempty"`
	OrderLineID string `json:"orderLineId,omitempty"`
	Testing
}

// Activity implements Request.
func (NewInstance) Activity() string { return ActivityNewInstance }

// Activity implements Request.
func (QueryInstance) Activity() string { return ActivityQueryInstance }

// Activity implements Request.
func (RefreshInstance) Activity() string { return ActivityRefreshInstance }

// Activity implements Request.
func (UpdateInstanceStatus) Activity() string { return ActivityUpdateInstanceStatus }

// Activity implements Request.
func (ReleaseInstance) Activity() string { return ActivityReleaseInstance }

// Activity implements Request.
func (UpgradeInstance) Activity() string { return ActivityUpgradeInstance }

// Activity implements Request.
func (ChangeInstanceCheck) Activity() string { return ActivityChangeInstanceCheck }

// Activity implements Request.
func (GetLicenseAsync) Activity() string { return ActivityGetLicenseAsync }

// Activity implements Request.
func (OrderNotify) Activity() string { return ActivityOrderNotify }

// Activity implements Request.
func (RefreshLicenseCode) Activity() string { return ActivityRefreshLicenseCode }

// Activity implements Request.
func (UpdateLicenseCodeStatus) Activity() string { return ActivityUpdateLicenseCodeStatus }

// Activity implements Request.
func (ReleaseLicenseCode) Activity() string { return ActivityReleaseLicenseCode }

// read is for times that Parse has looked at; of a request that was made by hand it is zero
// when the text is no time.
func read(parse func(string) (time.Time, error), s string) time.Time {
	t, err := parse(s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Encode makes the body of a request: compact JSON whose first member is activity, as in the samples.
func Encode(r Request) ([]byte, error) {
	rest, err := marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Activity(), err)
	}
	return append([]byte(`{"activity":"`+r.Activity()+`",`), rest[1:]...), nil
}
