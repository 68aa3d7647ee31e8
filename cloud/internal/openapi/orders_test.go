package openapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// list gives the merchant a product with two specifications.
func (h *house) list(t *testing.T) {
	t.Helper()
	ctx, now, m := t.Context(), h.Clock.Now(), h.merchant.ID
	for _, err := range []error{
		h.Store.AddProduct(ctx, meta.Product{ID: "cad", Name: "船舶设计 Cad"}, meta.Entry{}),
		h.Store.AddMerchantKey(ctx, meta.MerchantKey{ID: "key_1", Merchant: m, Category: meta.KeyBase, Sealed: []byte("s"), Created: now}, meta.Entry{}),
		h.Store.AddAddress(ctx, meta.Address{ID: "adr_1", Merchant: m, Base: "https://isv.example.com", Challenge: "c", Created: now}, meta.Entry{}),
		h.Store.VerifyAddress(ctx, m, "adr_1", now, meta.Entry{}),
		h.Store.PutListing(ctx, meta.Listing{Product: "cad", Merchant: m, Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce, URL: "https://isv.example.com/p", Key: "key_1"}, meta.Entry{}),
		h.Store.PutSpec(ctx, m, meta.Spec{ProductID: "OFFI1", Product: "cad", SKU: "sku-1", Name: "基础版", Charging: meta.ChargePeriod, Period: "year", TrialDays: 30}, meta.Entry{}),
		h.Store.PutSpec(ctx, m, meta.Spec{ProductID: "OFFI2", Product: "cad", SKU: "sku-2", Name: "Forever", Charging: meta.ChargeOnce}, meta.Entry{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// order stores an order of "Works" as it is settled.
func (h *house) order(t *testing.T, id, kind, spec string, periods int, expire time.Time) {
	t.Helper()
	a, err := h.Store.Account(t.Context(), "boss")
	if err != nil {
		t.Fatal(err)
	}
	o := meta.Order{ID: id, Org: a.Org, Type: kind, Line: id + "-000001", Spec: spec, Product: "cad", Merchant: h.merchant.ID, Amount: 10,
		Periods: periods, Resource: "ins_" + id, Expire: expire, State: meta.OrderDone, By: "boss", Created: h.Clock.Now()}
	r := meta.Resource{ID: o.Resource, Org: o.Org, Product: o.Product, Merchant: o.Merchant, Kind: meta.KindLicense, Spec: spec, Order: id, Line: o.Line,
		InForce: id, Charging: meta.ChargePeriod, Amount: 10, State: meta.ResourceActive, From: h.Clock.Now(), Until: expire, Created: h.Clock.Now()}
	if _, err := h.Store.PlaceOrder(t.Context(), o, meta.Step{Resource: r}); err != nil {
		t.Fatal(err)
	}
}

func TestOrderQuery(t *testing.T) {
	h := open(t)
	_, _, other := h.sell(t, "other")
	h.list(t)
	year := h.Clock.Now().AddDate(1, 0, 0)
	h.order(t, "CS1", meta.OrderNew, "OFFI1", 1, year)
	h.order(t, "CS2", meta.OrderTrial, "OFFI1", 0, h.Clock.Now().AddDate(0, 0, 30))
	h.order(t, "CS3", meta.OrderNew, "OFFI2", 0, time.Time{})
	ask := func(pair sign.KeyPair, q string) answer {
		return h.send(t, h.signed(t, pair, "GET", wire.PathOrderQuery+"?"+q, nil))
	}
	a, err := h.Store.Account(t.Context(), "boss")
	if err != nil {
		t.Fatal(err)
	}
	buyer := `"buyerInfo":{"customerId":"` + a.Org + `","customerName":"Works"}`
	for id, want := range map[string]string{
		"CS1": `{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{"orderId":"CS1","orderType":"NEW","createTime":"20260310090000","orderLine":[{"orderLineId":"CS1-000001",` +
			`"chargingMode":"PERIOD","periodType":"year","periodNumber":1,"expireTime":"20270310090000","productInfo":[{"productId":"OFFI1","skuCode":"sku-1","linearValue":10,"productName":"船舶设计 Cad,基础版"}]}],` + buyer + `}}`,
		"CS2": `{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{"orderId":"CS2","orderType":"TRIAL","createTime":"20260310090000","orderLine":[{"orderLineId":"CS2-000001",` +
			`"chargingMode":"PERIOD","periodType":"day","periodNumber":30,"expireTime":"20260409090000","productInfo":[{"productId":"OFFI1","skuCode":"sku-1","linearValue":10,"productName":"船舶设计 Cad,基础版"}]}],` + buyer + `}}`,
		"CS3": `{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{"orderId":"CS3","orderType":"NEW","createTime":"20260310090000","orderLine":[{"orderLineId":"CS3-000001",` +
			`"chargingMode":"ONE_TIME","productInfo":[{"productId":"OFFI2","skuCode":"sku-2","linearValue":10,"productName":"船舶设计 Cad,Forever"}]}],` + buyer + `}}`,
	} {
		for _, q := range []string{"orderId=" + id, "orderId=" + id + "&orderLineId=" + id + "-000001", "orderLineId=&orderId=" + id} {
			if a := ask(h.pair, q); a.status != http.StatusOK || a.body != want || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s\nwant %s", q, a.status, a.body, want)
			}
		}
	}
	for _, k := range []struct {
		name   string
		pair   sign.KeyPair
		q      string
		status int
		code   string
		extra  bool
	}{
		{"another merchant's order", other, "orderId=CS1", 401, "MKT.0150", true},
		{"no such order", h.pair, "orderId=CS9", 401, "MKT.0150", true},
		{"another order's line", h.pair, "orderId=CS1&orderLineId=CS2-000001", 500, "MKT.0100", true},
		{"a second line", h.pair, "orderId=CS1&orderLineId=CS1-000002", 500, "MKT.0100", true},
		{"nothing", h.pair, "", 400, "MKT.0101", true},
		{"a line only", h.pair, "orderLineId=CS1-000001", 400, "MKT.0101", true},
		{"an empty order", h.pair, "orderId=", 400, "MKT.0101", true},
		{"twice", h.pair, "orderId=CS1&orderId=CS1", 400, "MKT.0101", true},
		{"a surplus parameter", h.pair, "orderId=CS1&x=1", 400, "MKT.0101", true},
		{"another case", h.pair, "orderid=CS1", 400, "MKT.0101", true},
		{"65 characters", h.pair, "orderId=" + strings.Repeat("x", 65), 500, "MKT.0100", true},
		{"64 characters", h.pair, "orderId=" + strings.Repeat("x", 64), 401, "MKT.0150", true},
		{"64 Chinese characters", h.pair, "orderId=" + strings.Repeat("%E5%8D%95", 64), 401, "MKT.0150", true},
		{"a line of 65 characters", h.pair, "orderId=CS1&orderLineId=" + strings.Repeat("x", 65), 500, "MKT.0100", true},
		{"a line end", h.pair, "orderId=CS1%0A", 500, "MKT.0100", true},
		{"not UTF-8", h.pair, "orderId=CS1%FF", 500, "MKT.0100", true},
		{"a wildcard", h.pair, "orderId=CS%25", 401, "MKT.0150", true},
	} {
		t.Run(k.name, func(t *testing.T) {
			a := ask(k.pair, k.q)
			if a.status != k.status || a.order.ResultCode != k.code || a.order.ResultMsg == "" || (a.order.ExtraInfo != "") != k.extra || a.order.OrderInfo != nil {
				t.Errorf("%d %s, want %d %s", a.status, a.body, k.status, k.code)
			}
		})
	}
	if strings.Contains(ask(other, "orderId=CS1").body, "CS1") || ask(other, "orderId=CS1").body != ask(other, "orderId=CS9").body {
		t.Error("another merchant's order can be told from none")
	}
}

func TestPrefix(t *testing.T) {
	h := open(t, func(c *app.Config) { c.OrderPrefix = "CBC." })
	if a := h.send(t, h.signed(t, h.pair, "GET", query, nil)); a.order.ResultCode != "CBC.0000" {
		t.Errorf("%s", a.body)
	}
	if a := h.send(t, h.signed(t, h.pair, "GET", wire.PathOrderQuery+"?orderId=CS1", nil)); a.status != 401 || a.order.ResultCode != "CBC.0150" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestMockOrders: the nine orders are there for everybody, and always the same.
func TestMockOrders(t *testing.T) {
	h := open(t)
	_, _, other := h.sell(t, "other")
	for _, k := range []struct{ id, kind, charging, period string }{
		{"MOCKPERIODYEARNEW", "NEW", "PERIOD", "year"},
		{"MOCKONETIMENEW", "NEW", "ONE_TIME", ""},
		{"MOCKONDEMAND", "NEW", "ON_DEMAND", ""},
		{"MOCKONDEMANDPKG", "NEW", "ON_DEMAND_PKG", ""},
		{"MOCKPERIODDAYTRIAL", "TRIAL", "PERIOD", "day"},
		{"MOCKMONTYTRIALTOFORMAL", "TRIAL_TO_FORMAL", "PERIOD", "month"},
		{"MOCKMONTYUNSUBSCRIBE", "UNSUBSCRIBE", "PERIOD", "month"},
		{"MOCKMONTYRENEW", "RENEW", "PERIOD", "month"},
		{"MOCKMONTYCHANGE", "CHANGE", "PERIOD", "month"},
	} {
		t.Run(k.id, func(t *testing.T) {
			q := wire.PathOrderQuery + "?orderId=" + k.id
			a := h.send(t, h.signed(t, h.pair, "GET", q, nil))
			o := a.order.OrderInfo
			if a.status != http.StatusOK || o == nil || o.OrderType != k.kind || len(o.OrderLine) != 1 || len(o.OrderLine[0].ProductInfo) != 1 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			l := o.OrderLine[0]
			if l.OrderLineID != k.id+"-000001" || l.ChargingMode != k.charging || l.PeriodType != k.period || (l.PeriodNumber > 0) != (k.period != "") || (l.ExpireTime != "") != (k.period != "") ||
				l.ProductInfo[0].LinearValue != json.Number("10") {
				t.Errorf("%s", a.body)
			}
			if b := h.send(t, h.signed(t, other, "GET", q+"&orderLineId="+l.OrderLineID, nil)); b.body != a.body {
				t.Errorf("%s and %s", a.body, b.body)
			}
			if b := h.send(t, h.signed(t, other, "GET", q+"&orderLineId=x", nil)); b.order.ResultCode != "MKT.0100" {
				t.Errorf("%s", b.body)
			}
		})
	}
	if a := h.send(t, h.signed(t, h.pair, "GET", wire.PathOrderQuery+"?orderId=MOCKX", nil)); a.order.ResultCode != "MKT.0150" {
		t.Errorf("%s", a.body)
	}
}

// FuzzOrderQuery: whatever is asked, the answer has one of the printed forms.
func FuzzOrderQuery(f *testing.F) {
	for _, q := range []string{"orderId=CS1", "orderId=CS1&orderLineId=CS1-000001", "", "orderId=%", "orderId=a&orderId=b", "orderId=%00", "a;b=c"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, suffix, extra := openapi.OrderQuery(raw)
		switch {
		case suffix == "" && (extra != "" || q.Check() != nil || strings.ContainsAny(q.OrderID+q.OrderLineID, "\x00\n")):
			t.Errorf("%q is taken as %+v", raw, q)
		case suffix != "" && (extra == "" || suffix != "0100" && suffix != "0101"):
			t.Errorf("%q is refused with %q, %q", raw, suffix, extra)
		}
	})
}
