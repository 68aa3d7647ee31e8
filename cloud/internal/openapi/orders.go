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
	a.Handle("GET "+wire.PathOrderQuery, Route{Serve: a.order,
		Broken:  func(c *Call) { a.orderFail(c, "0999", "") },
		Limited: func(c *Call) { a.orderFail(c, "0250", "try again after 2 to 5 seconds") }})
}

// orderFailure is a failed order query as it is printed; some codes have a word more.
type orderFailure struct {
	ResultCode string `json:"resultCode"`
	ResultMsg  string `json:"resultMsg"`
	ExtraInfo  string `json:"extra_info,omitempty"`
}

// orderFail answers with a printed row of the order query's codes: its status and words. extra says what is wrong.
func (a *API) orderFail(c *Call, suffix, extra string) {
	row, _ := wire.LookUp(wire.GroupOrder, "MKT."+suffix, 0) // ours are all in the table, which a test holds
	c.JSON(row.HTTP, orderFailure{ResultCode: a.c.OrderPrefix + suffix, ResultMsg: row.Message, ExtraInfo: extra})
}

// order answers the order query (marketplace: order query). An order that does not exist and one of another
// merchant get the same answer, so that nobody learns of orders by asking.
func (a *API) order(c *Call) error {
	q, suffix, extra := orderQuery(c.R.URL.RawQuery)
	if suffix != "" {
		a.orderFail(c, suffix, extra)
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
		a.orderFail(c, "0150", "the access key's merchant has no such order")
		return nil
	}
	if q.OrderLineID != "" && info.Line(q.OrderLineID) == nil {
		a.orderFail(c, "0100", "orderLineId: the order has no such line")
		return nil
	}
	c.JSON(http.StatusOK, wire.OrderAnswer{ResultCode: a.c.OrderPrefix + "0000", ResultMsg: "Success", OrderInfo: info})
	return nil
}

// orderQuery reads the parameters. suffix is "" when they are good, 0101 for a surplus, repeated or missing one,
// 0100 for a value that cannot be.
func orderQuery(raw string) (q wire.OrderQuery, suffix, extra string) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, "0101", "the query cannot be read"
	}
	for name, all := range values {
		if name != "orderId" && name != "orderLineId" {
			return q, "0101", "there are the parameters orderId and orderLineId"
		}
		if len(all) > 1 {
			return q, "0101", name + ": more than once"
		}
	}
	q = wire.OrderQuery{OrderID: values.Get("orderId"), OrderLineID: values.Get("orderLineId")}
	if q.OrderID == "" {
		return q, "0101", "orderId: missing"
	}
	for _, name := range []string{"orderId", "orderLineId"} {
		v := values.Get(name)
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			return q, "0100", name + ": characters that cannot be"
		}
		if utf8.RuneCountInString(v) > 64 {
			return q, "0100", name + ": more than 64 characters"
		}
	}
	return q, "", ""
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
	if o.Type == meta.OrderTrial { // what the trial was when it was ordered, whatever the specification offers now
		line.PeriodType, line.PeriodNumber = "day", int((o.Expire.Sub(o.Created)+12*time.Hour)/(24*time.Hour))
	}
	if !o.Expire.IsZero() {
		line.ExpireTime = wire.FormatTime(o.Expire)
	}
	return orderOf(o.ID, o.Type, o.Created, line, &wire.OrderBuyer{CustomerID: buyer.ID, CustomerName: buyer.Name}), true, nil
}

func orderOf(id, kind string, created time.Time, line wire.OrderLine, buyer *wire.OrderBuyer) *wire.OrderInfo {
	return &wire.OrderInfo{OrderID: id, OrderType: kind, CreateTime: wire.FormatTime(created), OrderLine: []wire.OrderLine{line}, BuyerInfo: buyer}
}
