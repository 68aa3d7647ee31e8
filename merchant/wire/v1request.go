package wire

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// V1Head is what every V1.0 call has.
type V1Head struct {
	Call      string    // the activity
	TimeStamp time.Time // when it was sent; part of the token's key
	Debug     bool      // testFlag is 1
}

// Activity implements Request.
func (h V1Head) Activity() string { return h.Call }

// Test implements Request.
func (h V1Head) Test() bool { return h.Debug }

// V1Purchase is newInstance of SaaS V1.0 and getLicense of License 1.0: both carry the order, where
// V2.0 sends its number only. Absent texts are "", absent numbers 0, absent times zero.
type V1Purchase struct {
	V1Head
	CustomerID    string
	CustomerName  string
	UserID        string
	UserName      string
	MobilePhone   string // as it was sent: encrypted. Package merchant hands its callbacks the text
	Email         string // likewise
	BusinessID    string // another one on each call
	OrderID       string
	SKUCode       string
	ProductID     string // another one for each type of period
	Trial         bool
	ExpireTime    time.Time // an estimate for SaaS; the real end comes by expireInstance
	StartTime     time.Time
	ChargingMode  string // V1OnDemand and its like, "" when it was not sent
	Extend        []ExtendParam
	Amount        int // pieces, times
	DiskSize      int // GB
	BandWidth     int // Mbps
	PeriodType    string
	PeriodNumber  int
	OrderAmount   string // yuan, decimal, at most three places
	ProvisionType int    // ProvisionAtOnce, ProvisionAccepted, 0 when it was not sent
}

// Values of provisionType. No page prints the numbers; their order is that of the choices on the
// publication page.
const (
	ProvisionAtOnce   = 1
	ProvisionAccepted = 2
)

// IdentificationCode is the system or hardware code that getLicense is about, "" without one.
func (p V1Purchase) IdentificationCode() string {
	for _, e := range p.Extend {
		if e.Name == IdentificationCode {
			return e.Value
		}
	}
	return ""
}

// V1Refresh is refreshInstance and refreshLicense: renewal, renewal undone, trial to formal. The order is
// not the one of the purchase, so the instance says what is renewed.
type V1Refresh struct {
	V1Head
	OrderID       string
	InstanceID    string
	ProductID     string // when the type of the period changed
	ExpireTime    time.Time
	TrialToFormal bool
	PeriodType    string
	PeriodNumber  int
	OrderAmount   string // negative when a renewal is undone
}

// V1Instance is a call about one instance: expire, release, instanceStatus.
type V1Instance struct {
	V1Head
	InstanceID  string
	OrderID     string // the purchase order; "" where the sender leaves it out, as samples do
	OrderAmount string // releaseInstance
	Status      string // instanceStatus: StatusFreeze or StatusNormal
}

// V1Upgrade is upgrade: the order's new totals, not what is added.
type V1Upgrade struct {
	V1Head
	InstanceID string
	OrderID    string // of the upgrade
	SKUCode    string
	ProductID  string
	Amount     int
	DiskSize   int
	BandWidth  int
	Extend     []ExtendParam
}

// V1Query is queryInstance of SaaS V1.0.
type V1Query struct {
	V1Head
	Instances []string
}

// ParseV1Purchase takes newInstance or getLicense from a checked or unchecked query.
func ParseV1Purchase(q Object) (V1Purchase, error) {
	extend, err := checkV1(q, ActivityNewInstance, ActivityGetLicense)
	if err != nil {
		return V1Purchase{}, err
	}
	return V1Purchase{
		V1Head:     head(q),
		CustomerID: q.Text("customerId"), CustomerName: q.Text("customerName"),
		UserID: q.Text("userId"), UserName: q.Text("userName"),
		MobilePhone: q.Text("mobilePhone"), Email: q.Text("email"),
		BusinessID: q.Text("businessId"), OrderID: q.Text("orderId"),
		SKUCode: q.Text("skuCode"), ProductID: q.Text("productId"), Trial: yes(q, "trialFlag"),
		ExpireTime: at(q, "expireTime"), StartTime: at(q, "startTime"),
		ChargingMode: q.Text("chargingMode"), Extend: extend,
		Amount: q.Int("amount"), DiskSize: q.Int("diskSize"), BandWidth: q.Int("bandWidth"),
		PeriodType: q.Text("periodType"), PeriodNumber: q.Int("periodNumber"),
		OrderAmount: q.Text("orderAmount"), ProvisionType: q.Int("provisionType"),
	}, nil
}

// ParseV1Refresh takes refreshInstance or refreshLicense.
func ParseV1Refresh(q Object) (V1Refresh, error) {
	if _, err := checkV1(q, ActivityRefreshInstance, ActivityRefreshLicense); err != nil {
		return V1Refresh{}, err
	}
	return V1Refresh{
		V1Head:  head(q),
		OrderID: q.Text("orderId"), InstanceID: q.Text("instanceId"), ProductID: q.Text("productId"),
		ExpireTime: at(q, "expireTime"), TrialToFormal: yes(q, "trialToFormal"),
		PeriodType: q.Text("periodType"), PeriodNumber: q.Int("periodNumber"), OrderAmount: q.Text("orderAmount"),
	}, nil
}

// ParseV1Instance takes expireInstance, expireLicense, releaseInstance, releaseLicense or instanceStatus.
func ParseV1Instance(q Object) (V1Instance, error) {
	if _, err := checkV1(q, ActivityExpireInstance, ActivityExpireLicense, ActivityReleaseInstance, ActivityReleaseLicense, ActivityInstanceStatus); err != nil {
		return V1Instance{}, err
	}
	return V1Instance{
		V1Head:     head(q),
		InstanceID: q.Text("instanceId"), OrderID: q.Text("orderId"),
		OrderAmount: q.Text("orderAmount"), Status: q.Text("instanceStatus"),
	}, nil
}

// ParseV1Upgrade takes upgrade.
func ParseV1Upgrade(q Object) (V1Upgrade, error) {
	extend, err := checkV1(q, ActivityUpgrade)
	if err != nil {
		return V1Upgrade{}, err
	}
	return V1Upgrade{
		V1Head:     head(q),
		InstanceID: q.Text("instanceId"), OrderID: q.Text("orderId"), SKUCode: q.Text("skuCode"), ProductID: q.Text("productId"),
		Amount: q.Int("amount"), DiskSize: q.Int("diskSize"), BandWidth: q.Int("bandWidth"), Extend: extend,
	}, nil
}

// ParseV1Query takes queryInstance.
func ParseV1Query(q Object) (V1Query, error) {
	if _, err := checkV1(q, ActivityQueryInstance); err != nil {
		return V1Query{}, err
	}
	return V1Query{V1Head: head(q), Instances: strings.Split(q.Text("instanceId"), ",")}, nil
}

// amountForm is a decimal of at most three places: Kind Number alone would take 1e9 and 0x10.
var amountForm = regexp.MustCompile(`^-?\d+(\.\d{1,3})?$`)

// checkV1 holds a query against the table of its activity, which must be one of those that the
// caller's type is for, and reads what a table cannot say.
func checkV1(q Object, activities ...string) ([]ExtendParam, error) {
	activity := q.Text("activity")
	if !slices.Contains(activities, activity) {
		return nil, &Problem{"activity", "is unknown or missing"}
	}
	table := V1Fields(activity)
	if err := q.Check(table); err != nil {
		return nil, err
	}
	if s := q.Text("orderAmount"); s != "" && (!amountForm.MatchString(s) || s[0] == '-' && activity != ActivityRefreshInstance && activity != ActivityRefreshLicense) {
		return nil, &Problem{"orderAmount", "is not an amount of at most three decimal places"}
	}
	extend, err := ParseExtendParams(q.Text("saasExtendParams"))
	if err != nil {
		return nil, err
	}
	return extend, nil
}

func at(q Object, name string) time.Time { return read(ParseTime, q.Text(name)) }

func yes(q Object, name string) bool { return q.Text(name) == TestYes }

func head(q Object) V1Head {
	return V1Head{q.Text("activity"), at(q, "timeStamp"), yes(q, "testFlag")}
}
