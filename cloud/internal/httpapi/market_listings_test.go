package httpapi_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func TestListings(t *testing.T) {
	s := openShop(t)
	other := s.seller(t, "other")
	s.verified(t, s.isv)
	s.product(t, "cad")
	base, code, notify := s.key(t, s.isv, "base"), s.key(t, s.isv, "code"), s.key(t, s.isv, "notify")
	good := cloudapi.MarketListing{Kind: "license", Provision: "at_once", URL: s.base + "/saasproduce", Key: base.ID,
		NotifyURL: s.base + "/notify", NotifyKey: notify.ID, Bound: true, OnSale: true}
	for _, k := range []struct {
		name   string
		change func(l *cloudapi.MarketListing)
		member string
	}{
		{"no kind", func(l *cloudapi.MarketListing) { l.Kind = "" }, "kind"},
		{"an image", func(l *cloudapi.MarketListing) { l.Kind = "image" }, "kind"},
		{"no provisioning", func(l *cloudapi.MarketListing) { l.Provision = "" }, "provision"},
		{"provisioning by number", func(l *cloudapi.MarketListing) { l.Provision = "1" }, "provision"},
		{"no URL", func(l *cloudapi.MarketListing) { l.URL = "" }, "url"},
		{"another host", func(l *cloudapi.MarketListing) { l.URL = "https://elsewhere.example.com/p" }, "url"},
		{"a long URL", func(l *cloudapi.MarketListing) { l.URL += strings.Repeat("x", 512) }, "url"},
		{"a URL with a query", func(l *cloudapi.MarketListing) { l.URL += "?a=1" }, "url"},
		{"no key", func(l *cloudapi.MarketListing) { l.Key = "" }, "key"},
		{"a key of another category", func(l *cloudapi.MarketListing) { l.Key = code.ID }, "key"},
		{"an unknown key", func(l *cloudapi.MarketListing) { l.Key = "key_x" }, "key"},
		{"another host of notifications", func(l *cloudapi.MarketListing) { l.NotifyURL = "https://elsewhere.example.com/p" }, "notifyUrl"},
		{"the base key for notifications", func(l *cloudapi.MarketListing) { l.NotifyKey = base.ID }, "notifyKey"},
	} {
		t.Run(k.name, func(t *testing.T) {
			l := good
			k.change(&l)
			if e := s.Refused(t, "PUT", "/v1/market/listings/cad", s.isv, l, cloudapi.ErrInvalid); e.Params["member"] != k.member {
				t.Errorf("member %q instead of %q", e.Params["member"], k.member)
			}
		})
	}
	s.Refused(t, "PUT", "/v1/market/listings/unknown", s.isv, good, cloudapi.ErrProductUnknown)
	s.Refused(t, "PUT", "/v1/market/listings/CAD", s.isv, good, cloudapi.ErrInvalid)

	var put, got cloudapi.MarketListing
	s.Must(t, "PUT", "/v1/market/listings/cad", s.isv, good, &put, http.StatusOK)
	want := good
	want.Product, want.Name = "cad", "Product cad"
	s.Must(t, "GET", "/v1/market/listings/cad", s.isv, nil, &got, http.StatusOK)
	if put != want || got != want {
		t.Errorf("listing %+v and %+v instead of %+v", put, got, want)
	}
	s.Refused(t, "GET", "/v1/market/listings/cad", other, nil, cloudapi.ErrNotFound)
	s.Refused(t, "GET", "/v1/market/listings/cad/specs", other, nil, cloudapi.ErrNotFound)
	s.Refused(t, "PUT", "/v1/market/listings/cad", other, good, cloudapi.ErrConflict)
	changed := good
	changed.Kind, changed.Key = "code", code.ID
	s.Refused(t, "PUT", "/v1/market/listings/cad", s.isv, changed, cloudapi.ErrConflict)
	var list cloudapi.MarketListings
	s.Must(t, "GET", "/v1/market/listings", s.isv, nil, &list, http.StatusOK)
	if len(list.Listings) != 1 || list.Listings[0] != want {
		t.Errorf("listings %+v", list)
	}
	s.Must(t, "GET", "/v1/market/listings", other, nil, &list, http.StatusOK)
	if len(list.Listings) != 0 {
		t.Errorf("another merchant's listings %+v", list)
	}

	// What is listed is ordered, not added by hand.
	now := s.Clock.Now()
	e := s.Refused(t, "POST", "/v1/instances", s.boss, cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour)}, cloudapi.ErrConflict)
	if !strings.Contains(e.Message, "come from orders") {
		t.Errorf("message %q", e.Message)
	}
}

func TestSpecs(t *testing.T) {
	s := openShop(t)
	other := s.seller(t, "other")
	s.verified(t, s.isv)
	s.product(t, "cad")
	l := cloudapi.MarketListing{Kind: "license", Provision: "accepted", URL: s.base, Key: s.key(t, s.isv, "base").ID}
	s.Must(t, "PUT", "/v1/market/listings/cad", s.isv, l, nil, http.StatusOK)
	good := cloudapi.Spec{Product: "cad", SKU: "sku-1", Name: "基础版 Basic", Charging: "PERIOD", Period: "year", Features: []string{"draw"}, TrialDays: 30}
	for _, k := range []struct {
		name, id string
		change   func(p *cloudapi.Spec)
		member   string
	}{
		{"a blank in the id", "OFFI%201", func(*cloudapi.Spec) {}, "productId"},
		{"a long id", strings.Repeat("O", 65), func(*cloudapi.Spec) {}, "productId"},
		{"no product", "OFFI1", func(p *cloudapi.Spec) { p.Product = "" }, "product"},
		{"no SKU", "OFFI1", func(p *cloudapi.Spec) { p.SKU = "" }, "sku"},
		{"a long SKU", "OFFI1", func(p *cloudapi.Spec) { p.SKU = strings.Repeat("x", 65) }, "sku"},
		{"no name", "OFFI1", func(p *cloudapi.Spec) { p.Name = "" }, "name"},
		{"no charging", "OFFI1", func(p *cloudapi.Spec) { p.Charging = "" }, "charging"},
		{"another charging", "OFFI1", func(p *cloudapi.Spec) { p.Charging = "period" }, "charging"},
		{"no period", "OFFI1", func(p *cloudapi.Spec) { p.Period = "" }, "period"},
		{"another period", "OFFI1", func(p *cloudapi.Spec) { p.Period = "week" }, "period"},
		{"a period of what is bought once", "OFFI1", func(p *cloudapi.Spec) { p.Charging = "ONE_TIME" }, "period"},
		{"a trial of what is bought once", "OFFI1", func(p *cloudapi.Spec) { p.Charging, p.Period = "ONE_TIME", "" }, "trialDays"},
		{"a trial of 2 days", "OFFI1", func(p *cloudapi.Spec) { p.TrialDays = 2 }, "trialDays"},
		{"a trial of 181 days", "OFFI1", func(p *cloudapi.Spec) { p.TrialDays = 181 }, "trialDays"},
		{"a trial of -3 days", "OFFI1", func(p *cloudapi.Spec) { p.TrialDays = -3 }, "trialDays"},
		{"a comma in a feature", "OFFI1", func(p *cloudapi.Spec) { p.Features = []string{"a,b"} }, "features.0"},
		{"many features", "OFFI1", func(p *cloudapi.Spec) { p.Features = make([]string, 200) }, "features"},
	} {
		t.Run(k.name, func(t *testing.T) {
			p := good
			k.change(&p)
			if e := s.Refused(t, "PUT", "/v1/market/specs/"+k.id, s.isv, p, cloudapi.ErrInvalid); e.Params["member"] != k.member {
				t.Errorf("member %q instead of %q", e.Params["member"], k.member)
			}
		})
	}
	s.Refused(t, "PUT", "/v1/market/specs/OFFI1", other, good, cloudapi.ErrNotFound)
	var put cloudapi.Spec
	s.Must(t, "PUT", "/v1/market/specs/OFFI461867333479178240", s.isv, good, &put, http.StatusOK)
	want := good
	want.ProductID = "OFFI461867333479178240"
	var list cloudapi.Specs
	s.Must(t, "GET", "/v1/market/listings/cad/specs", s.isv, nil, &list, http.StatusOK)
	if !reflect.DeepEqual(put, want) || len(list.Specs) != 1 || !reflect.DeepEqual(list.Specs[0], want) {
		t.Errorf("specification %+v, list %+v", put, list)
	}

	var offers cloudapi.Offers
	s.Must(t, "GET", "/v1/market/offers", s.boss, nil, &offers, http.StatusOK)
	if len(offers.Offers) != 0 {
		t.Errorf("offered before it is on sale: %+v", offers)
	}
	l.OnSale = true
	s.Must(t, "PUT", "/v1/market/listings/cad", s.isv, l, nil, http.StatusOK)
	s.Must(t, "GET", "/v1/market/offers", s.boss, nil, &offers, http.StatusOK)
	offer := cloudapi.Offer{Product: "cad", Name: "Product cad", Merchant: "Isv isv", Kind: "license", Provision: "accepted", Specs: []cloudapi.Spec{want}}
	if len(offers.Offers) != 1 || !reflect.DeepEqual(offers.Offers[0], offer) {
		t.Errorf("offers %+v", offers)
	}
}
