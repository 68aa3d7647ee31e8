package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// openSeller is a shop whose merchant answers every production call with success, or with 500 while broken is set.
func openSeller(t *testing.T, provision string) (s *shop, buyer http.Header, broken *atomic.Bool) {
	t.Helper()
	s, broken = &shop{}, &atomic.Bool{}
	s.challenge.Store("")
	server := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		q, err := wire.Parse(body)
		switch {
		case r.URL.Path == produce.ChallengePath:
			fmt.Fprintln(w, s.challenge.Load())
		case broken.Load():
			http.Error(w, "down", http.StatusInternalServerError)
		case err != nil:
			t.Errorf("request %s: %v", body, err)
		default:
			a := wire.Answer{ResultCode: wire.Success}
			if n, is := q.(wire.NewInstance); is {
				a.InstanceID = n.OrderID
			}
			b, _ := a.Encode()
			_, _ = w.Write(b)
		}
	}))
	s.base = server.Base
	s.Cloud = apitest.Start(t, func(c *app.Config) { c.Reach = server.Reach })
	s.boss = apitest.Bearer(s.Boss.AccessToken)
	s.isv = s.seller(t, "isv")
	buyer = apitest.Bearer(s.Stranger(t, "buyer").AccessToken)
	s.verified(t, s.isv)
	s.product(t, "cad")
	s.Must(t, "PUT", "/v1/market/listings/cad", s.isv, cloudapi.MarketListing{Product: "cad", Kind: "license", Provision: provision, URL: s.base + "/produce",
		Key: s.key(t, s.isv, "base").ID, OnSale: true}, nil, http.StatusOK)
	s.Must(t, "PUT", "/v1/market/specs/OFFI1", s.isv, cloudapi.Spec{ProductID: "OFFI1", Product: "cad", SKU: "basic", Name: "Basic", Charging: "PERIOD", Period: "month",
		TrialDays: 3}, nil, http.StatusOK)
	return s, buyer, broken
}

// until asks again and again, for what another goroutine does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 10_000 {
		if done() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("%s does not come", what)
}

func (s *shop) order(t *testing.T, in cloudapi.NewOrder) (o cloudapi.Order) {
	t.Helper()
	in.Organisation = s.orgOf(t, "buyer")
	s.Must(t, "POST", "/v1/market/orders", s.boss, in, &o, http.StatusCreated)
	return o
}

func TestMarketOrders(t *testing.T) {
	s, buyer, _ := openSeller(t, cloudapi.ProvisionAtOnce)
	org := s.orgOf(t, "buyer")
	for _, tt := range []struct {
		name string
		in   cloudapi.NewOrder
		want string
	}{
		{"no organisation", cloudapi.NewOrder{Organisation: "org_x", Type: "NEW", Spec: "OFFI1", Amount: 1, Periods: 1}, cloudapi.ErrNotFound},
		{"no type", cloudapi.NewOrder{Organisation: org, Spec: "OFFI1"}, cloudapi.ErrInvalid},
		{"no specification", cloudapi.NewOrder{Organisation: org, Type: "NEW", Spec: "OFFI2", Amount: 1, Periods: 1}, cloudapi.ErrNotFound},
		{"no resource", cloudapi.NewOrder{Organisation: org, Type: "RENEW", Periods: 1}, cloudapi.ErrNotFound},
		{"a line's end in the key", cloudapi.NewOrder{Organisation: org, Type: "NEW", Spec: "OFFI1", Amount: 1, Periods: 1, Repeat: "a\nb"}, cloudapi.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) { s.Refused(t, "POST", "/v1/market/orders", s.boss, tt.in, tt.want) })
	}
	in := cloudapi.NewOrder{Type: "NEW", Spec: "OFFI1", Amount: 2, Periods: 1, Repeat: "one"}
	o := s.order(t, in)
	if again := s.order(t, in); again.ID != o.ID {
		t.Errorf("placed again: %+v", again)
	}
	in.Repeat = ""
	s.order(t, in)

	var res cloudapi.Resource
	until(t, "the licence", func() bool {
		s.Must(t, "GET", "/v1/market/resources/"+o.Resource, buyer, nil, &res, http.StatusOK)
		return res.State == "active"
	})
	if res.Instance != o.ID || res.Amount != 2 || !res.Until.Equal(time.Date(2026, 4, 10, 9, 0, 0, 0, time.UTC)) || res.Delivery != nil {
		t.Errorf("resource %+v", res)
	}
	var inst cloudapi.Instances
	s.Must(t, "GET", "/v1/instances", buyer, nil, &inst, http.StatusOK)
	if len(inst.Instances) == 0 || inst.Instances[0].ID != o.Resource || inst.Instances[0].Seats != 2 {
		t.Errorf("instances %+v", inst)
	}

	var orders cloudapi.Orders
	s.Must(t, "GET", "/v1/market/orders?limit=1", buyer, nil, &orders, http.StatusOK)
	if len(orders.Orders) != 1 || orders.Orders[0].ID == o.ID {
		t.Errorf("the newest order %+v", orders)
	}
	s.Must(t, "GET", "/v1/market/orders?before="+orders.Orders[0].ID, buyer, nil, &orders, http.StatusOK)
	if len(orders.Orders) != 1 || orders.Orders[0].ID != o.ID || orders.Orders[0].State != "done" {
		t.Errorf("the older order %+v", orders)
	}
	s.Must(t, "GET", "/v1/market/sales?resource="+o.Resource, s.isv, nil, &orders, http.StatusOK)
	if len(orders.Orders) != 1 || orders.Orders[0].ID != o.ID {
		t.Errorf("sales %+v", orders)
	}
	s.Refused(t, "GET", "/v1/market/orders?limit=101", buyer, nil, cloudapi.ErrInvalid)
	s.Refused(t, "GET", "/v1/market/sales", buyer, nil, cloudapi.ErrForbidden)
	s.Refused(t, "POST", "/v1/market/orders", buyer, in, cloudapi.ErrForbidden)

	// Nobody else sees what is bought and sold.
	other := s.seller(t, "other")
	for _, who := range []http.Header{s.boss, s.isv, other} {
		s.Must(t, "GET", "/v1/market/orders", who, nil, &orders, http.StatusOK)
		var list cloudapi.Resources
		s.Must(t, "GET", "/v1/market/resources", who, nil, &list, http.StatusOK)
		if len(orders.Orders)+len(list.Resources) != 0 {
			t.Errorf("a stranger sees %+v %+v", orders, list)
		}
		s.Refused(t, "GET", "/v1/market/resources/"+o.Resource, who, nil, cloudapi.ErrNotFound)
	}
	s.Must(t, "GET", "/v1/market/sales", other, nil, &orders, http.StatusOK)
	var calls cloudapi.MerchantCalls
	s.Must(t, "GET", "/v1/market/calls", s.isv, nil, &calls, http.StatusOK)
	if len(orders.Orders) != 0 || len(calls.Calls) != 2 {
		t.Errorf("another merchant sees %+v, the merchant %+v", orders, calls)
	}
	s.Refused(t, "GET", "/v1/market/calls/"+calls.Calls[0].ID, other, nil, cloudapi.ErrNotFound)
	s.Refused(t, "POST", "/v1/market/calls/"+calls.Calls[0].ID+"/restart", other, nil, cloudapi.ErrNotFound)
	s.Refused(t, "POST", "/v1/market/calls/"+calls.Calls[0].ID+"/restart", s.isv, nil, cloudapi.ErrConflict)
	s.Refused(t, "GET", "/v1/market/calls?state=lost", s.isv, nil, cloudapi.ErrInvalid)
}

func TestMarketDelivery(t *testing.T) {
	s, buyer, _ := openSeller(t, cloudapi.ProvisionAccepted)
	o := s.order(t, cloudapi.NewOrder{Type: "NEW", Spec: "OFFI1", Amount: 2, Periods: 1})
	mine, theirs := "/v1/market/resources/"+o.Resource, "/v1/market/deliveries/"+o.Resource
	var res cloudapi.Resource
	at := func(state string) func() bool {
		return func() bool {
			s.Must(t, "GET", mine, buyer, nil, &res, http.StatusOK)
			return res.Delivery != nil && res.State == "delivering" && res.Delivery.State == state
		}
	}
	until(t, "the order at the merchant", at("submitted"))
	var list cloudapi.Resources
	s.Must(t, "GET", "/v1/market/deliveries", s.isv, nil, &list, http.StatusOK)
	if len(list.Resources) != 1 || list.Resources[0].ID != o.Resource {
		t.Errorf("deliveries %+v", list)
	}
	s.Refused(t, "POST", theirs+"/proof", s.isv, cloudapi.DeliveryText{Text: "x"}, cloudapi.ErrConflict)
	s.Refused(t, "POST", mine+"/requirement", buyer, cloudapi.DeliveryText{}, cloudapi.ErrInvalid)
	s.Refused(t, "POST", mine+"/requirement", buyer, cloudapi.DeliveryText{Text: strings.Repeat("汉", 4097)}, cloudapi.ErrInvalid)
	s.Refused(t, "POST", mine+"/requirement", buyer, cloudapi.DeliveryText{Text: "a\x00b"}, cloudapi.ErrInvalid)
	s.Refused(t, "POST", mine+"/requirement", s.boss, cloudapi.DeliveryText{Text: "mine"}, cloudapi.ErrNotFound)
	s.Must(t, "POST", mine+"/requirement", buyer, cloudapi.DeliveryText{Text: strings.Repeat("汉", 4095) + "\n"}, nil, http.StatusOK)
	s.Refused(t, "POST", theirs+"/confirmation", s.isv, cloudapi.DeliveryVerdict{}, cloudapi.ErrInvalid) // a no without a reason
	s.Must(t, "POST", theirs+"/confirmation", s.isv, cloudapi.DeliveryVerdict{Accepted: true}, nil, http.StatusOK)
	s.Must(t, "POST", theirs+"/proof", s.isv, cloudapi.DeliveryText{Text: "done\nall of it"}, nil, http.StatusOK)
	until(t, "the delivery", at("accept"))
	s.Must(t, "POST", mine+"/acceptance", buyer, cloudapi.DeliveryVerdict{Accepted: true}, &res, http.StatusOK)
	if res.State != "active" || res.Delivery.State != "done" || res.Delivery.Proof != "done\nall of it" {
		t.Errorf("resource %+v", res)
	}
	var notices cloudapi.Notices
	s.Must(t, "GET", "/v1/market/notices", s.isv, nil, &notices, http.StatusOK)
	if len(notices.Notices) != 1 || notices.Notices[0].Event != "delivery.waiting" {
		t.Errorf("notices %+v", notices)
	}
}

func TestMarketNotices(t *testing.T) {
	s, _, broken := openSeller(t, cloudapi.ProvisionAtOnce)
	broken.Store(true)
	o := s.order(t, cloudapi.NewOrder{Type: "NEW", Spec: "OFFI1", Amount: 2, Periods: 1})
	var notices cloudapi.Notices
	until(t, "the notice", func() bool {
		s.Must(t, "GET", "/v1/market/notices", s.isv, nil, &notices, http.StatusOK)
		return len(notices.Notices) > 0
	})
	n := notices.Notices[0]
	if n.Category != "501" || n.Event != "call.failing" || n.Params["activity"] != "newInstance" || n.Params["subject"] != o.Resource || n.Read != nil {
		t.Errorf("notice %+v", n)
	}
	var call cloudapi.MerchantCall
	s.Must(t, "GET", "/v1/market/calls/"+n.Params["call"], s.isv, nil, &call, http.StatusOK)
	if call.Status != 500 || call.State != "waiting" || call.Attempts != 1 || !call.Next.Equal(s.Clock.Now().Add(2*time.Minute)) || !strings.Contains(call.Error, "500") {
		t.Errorf("call %+v", call)
	}
	s.Must(t, "POST", "/v1/market/notices/read", s.isv, cloudapi.ReadNotices{IDs: []string{n.ID, "ntc_unknown"}}, nil, http.StatusNoContent)
	s.Must(t, "GET", "/v1/market/notices", s.isv, nil, &notices, http.StatusOK)
	if notices.Notices[0].Read == nil {
		t.Errorf("notices %+v", notices)
	}
	s.Refused(t, "POST", "/v1/market/notices/read", s.isv, cloudapi.ReadNotices{}, cloudapi.ErrInvalid)
}
