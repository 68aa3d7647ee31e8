package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Paths of the marketplace's open API, which an ISV's client calls with AK/SK.
const (
	PathOrderQuery  = "/api/mkp-openapi-public/global/v1/order/query"                  // GET
	PathUpload      = "/api/mkp-openapi-public/global/v1/market-event/{event_id}/file" // POST, multipart
	PathActivateV1  = "/api/mkp-openapi-public/global/v1/license/activate"             // POST, as all below
	PathActivateV2  = "/api/mkp-openapi-public/global/v2/license/activate"             //
	PathHeartbeatV1 = "/api/mkp-openapi-public/global/v1/license/heartbeat"            // "query code" in newer pages
	PathHeartbeatV2 = "/api/mkp-openapi-public/global/v2/license/heartbeat"            //
	PathSoftwareUse = "/api/mkp-openapi-public/global/v2/license/software-usage-info"  //
	PathUsagePush   = "/api/mkp-openapi-public/global/v1/isv/usage-data"               //
	PathUsageOld    = "/rest/marketplace/v1/isv/usage-data"                            // without Signature and metering_sn
)

// APIAnswer is the head of every answer but the order query's, and the whole of most.
type APIAnswer struct {
	ErrorCode string `json:"error_code"`
	ErrorMsg  string `json:"error_msg"`
	RequestID string `json:"request_id,omitempty"` // the gateway's refusals have it
}

// Checked is a message of the open API that knows its table.
type Checked interface{ Check() error }

// DecodeAPI reads a body strictly, as ParseObject does, into a message and checks it. The error is
// a *Problem.
func DecodeAPI(body []byte, into Checked) error {
	if _, err := ParseObject(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return &Problem{wrong.Field, "has the wrong type"}
		}
		return &Problem{Why: "a member has the wrong type"}
	}
	return into.Check()
}

// OrderQuery is what an order is asked by.
type OrderQuery struct {
	OrderID     string // at most 64
	OrderLineID string // "" for all lines
}

// Check implements Checked.
func (q OrderQuery) Check() error {
	return first(text("orderId", q.OrderID, 64, true), text("orderLineId", q.OrderLineID, 64, false))
}

// OrderAnswer is the answer of the order query (marketplace: order query).
type OrderAnswer struct {
	ResultCode string     `json:"resultCode"`
	ResultMsg  string     `json:"resultMsg"`
	OrderInfo  *OrderInfo `json:"orderInfo,omitempty"`
}

// OrderInfo is an order. CreateTime is the time of ordering, read it with ParseTime.
type OrderInfo struct {
	OrderID      string        `json:"orderId"`
	OrderType    string        `json:"orderType"` // NEW, TRIAL, TRIAL_TO_FORMAL, UNSUBSCRIBE, RENEW, CHANGE
	CreateTime   string        `json:"createTime"`
	OrderLine    []OrderLine   `json:"orderLine"`
	BuyerInfo    *OrderBuyer   `json:"buyerInfo,omitempty"`
	ExtendParams []ExtendParam `json:"extendParams,omitempty"`
}

// OrderLine is one line of an order. ExpireTime is "" for what does not end, else ParseTime's.
type OrderLine struct {
	OrderLineID  string    `json:"orderLineId"`
	ChargingMode string    `json:"chargingMode"`         // ON_DEMAND, ONE_TIME, PERIOD, ON_DEMAND_PKG
	PeriodType   string    `json:"periodType,omitempty"` // year, month, day
	PeriodNumber int       `json:"periodNumber,omitempty"`
	ExpireTime   string    `json:"expireTime,omitempty"`
	ProductInfo  []Product `json:"productInfo,omitempty"`
}

// OrderBuyer is who bought. No page shows its whole table: the names are those of the older
// newInstance's sample and of the fields that newer pages add.
type OrderBuyer struct {
	CustomerID   string `json:"customerId,omitempty"`
	CustomerName string `json:"customerName,omitempty"`
	UserID       string `json:"userId,omitempty"` // only where the product asks for it
	UserName     string `json:"userName,omitempty"`
	MobilePhone  string `json:"mobilePhone,omitempty"`
	Email        string `json:"email,omitempty"`
}

// Line finds a line by its id, the only one for "", nil when there is none.
func (o *OrderInfo) Line(id string) *OrderLine {
	for i := range o.OrderLine {
		if o.OrderLine[i].OrderLineID == id || id == "" && len(o.OrderLine) == 1 {
			return &o.OrderLine[i]
		}
	}
	return nil
}

// text holds a string member against its row.
func text(name, value string, most int, required bool) error {
	switch {
	case value == "" && required:
		return &Problem{name, "is missing"}
	case !utf8.ValidString(value):
		return &Problem{name, "is not UTF-8"}
	case utf8.RuneCountInString(value) > most:
		return &Problem{name, fmt.Sprintf("is longer than %d characters", most)}
	}
	return nil
}

// count holds the length of an array against its row; none of the arrays may be empty.
func count(name string, n, most int) error {
	switch {
	case n == 0:
		return &Problem{name, "is missing"}
	case n > most:
		return &Problem{name, fmt.Sprintf("has more than %d items", most)}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
