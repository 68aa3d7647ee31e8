package openapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

func (a *API) orderRoutes() {
	a.Handle("GET "+wire.PathOrderQuery, Route{Serve: a.order, Broken: a.orderBroken, Limited: a.orderLimited})
}

// orderFailure is a failed order query as it is printed; some codes have a word more.
type orderFailure struct {
	ResultCode string `json:"resultCode"`
	ResultMsg  string `json:"resultMsg"`
	ExtraInfo  string `json:"extra_info,omitempty"`
}

func (a *API) orderFail(c *Call, status int, suffix, message, extra string) {
	c.JSON(status, orderFailure{ResultCode: a.c.OrderPrefix + suffix, ResultMsg: message, ExtraInfo: extra})
}

func (a *API) orderBroken(c *Call) {
	a.orderFail(c, http.StatusInternalServerError, "0999", "System internal error.", "")
}

func (a *API) orderLimited(c *Call) {
	a.orderFail(c, http.StatusNotAcceptable, "0250", "Access frequency overlimit", "try again after 2 to 5 seconds")
}

// order answers the order query (marketplace: order query). An order that does not exist and one of another
// merchant get the same answer, so that nobody learns of orders by asking.
func (a *API) order(c *Call) error {
	q, status, suffix, extra := orderQuery(c.R.URL.RawQuery)
	switch suffix {
	case "":
	case "0101":
		a.orderFail(c, status, suffix, "Invalid parameter", extra)
		return nil
	default:
		a.orderFail(c, status, suffix, "Failure of input parameter", extra)
		return nil
	}
	info, found := mockOrder(q.OrderID)
	if !found {
		var err error
		if info, found, err = a.orderInfo(c.R.Context(), c.Merchant, q.OrderID); err != nil {
			return err
		}
	}
	if !found {
		a.orderFail(c, http.StatusUnauthorized, "0150", "Illegal operation", "the access key's merchant has no such order")
		return nil
	}
	if q.OrderLineID != "" && info.Line(q.OrderLineID) == nil {
		a.orderFail(c, http.StatusInternalServerError, "0100", "Failure of input parameter", "orderLineId: the order has no such line")
		return nil
	}
	c.JSON(http.StatusOK, wire.OrderAnswer{ResultCode: a.c.OrderPrefix + "0000", ResultMsg: "Success", OrderInfo: info})
	return nil
}

// orderQuery reads the parameters. suffix is "" when they are good, 0101 for a surplus, repeated or missing one,
// 0100 for a value that cannot be.
func orderQuery(raw string) (q wire.OrderQuery, status int, suffix, extra string) {
	const badForm, badValue = http.StatusBadRequest, http.StatusInternalServerError // as they are printed
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, badForm, "0101", "the query cannot be read"
	}
	for name, all := range values {
		if name != "orderId" && name != "orderLineId" {
			return q, badForm, "0101", "there are the parameters orderId and orderLineId"
		}
		if len(all) > 1 {
			return q, badForm, "0101", name + ": more than once"
		}
	}
	q = wire.OrderQuery{OrderID: values.Get("orderId"), OrderLineID: values.Get("orderLineId")}
	if q.OrderID == "" {
		return q, badForm, "0101", "orderId: missing"
	}
	for _, name := range []string{"orderId", "orderLineId"} {
		v := values.Get(name)
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			return q, badValue, "0100", name + ": characters that cannot be"
		}
		if utf8.RuneCountInString(v) > 64 {
			return q, badValue, "0100", name + ": more than 64 characters"
		}
	}
	return q, 0, "", ""
}

// orderInfo reads an order of the merchant as the query shows it.
func (a *API) orderInfo(ctx context.Context, merchant, id string) (*wire.OrderInfo, bool, error) {
	o, err := a.c.Store.Order(ctx, id)
	if meta.CodeOf(err) == cloudapi.ErrNotFound || err == nil && o.Merchant != merchant {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	s, err := a.c.Store.Spec(ctx, o.Spec)
	if err != nil {
		return nil, false, err
	}
	l, err := a.c.Store.Listing(ctx, o.Product)
	if err != nil {
		return nil, false, err
	}
	buyer, err := a.c.Store.Organisation(ctx, o.Org)
	if err != nil {
		return nil, false, err
	}
	line := orderLine(o.Line, s.Charging, o.Amount, s.ProductID, s.SKU, l.Name+","+s.Name)
	if s.Charging == meta.ChargePeriod {
		line.PeriodType, line.PeriodNumber = s.Period, o.Periods
	}
	if o.Type == meta.OrderTrial {
		line.PeriodType, line.PeriodNumber = "day", s.TrialDays
	}
	if !o.Expire.IsZero() {
		line.ExpireTime = wire.FormatTime(o.Expire)
	}
	return orderOf(o.ID, o.Type, o.Created, line, &wire.OrderBuyer{CustomerID: buyer.ID, CustomerName: buyer.Name}), true, nil
}

func orderOf(id, kind string, created time.Time, line wire.OrderLine, buyer *wire.OrderBuyer) *wire.OrderInfo {
	return &wire.OrderInfo{OrderID: id, OrderType: kind, CreateTime: wire.FormatTime(created), OrderLine: []wire.OrderLine{line}, BuyerInfo: buyer}
}
