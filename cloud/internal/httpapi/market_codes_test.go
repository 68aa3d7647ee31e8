package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// codeShop is a shop whose isv sells codes of "cad", at once, and another merchant.
func codeShop(t *testing.T) (c *shop, rival http.Header) {
	t.Helper()
	c = openShop(t)
	c.product(t, "cad")
	c.verified(t, c.isv)
	c.Must(t, "PUT", "/v1/market/listings/cad", c.isv, cloudapi.MarketListing{Kind: "code", Provision: cloudapi.ProvisionAtOnce, URL: c.base + "/p",
		Key: c.key(t, c.isv, "code").ID, OnSale: true}, nil, http.StatusOK)
	c.Must(t, "PUT", "/v1/market/specs/OFFI1", c.isv, cloudapi.Spec{Product: "cad", SKU: "one", Name: "One", Charging: "PERIOD", Period: "month"}, nil, http.StatusOK)
	return c, c.seller(t, "rival")
}

// TestCodesOfBuyers: a bought code is hidden until the buyer collects it.
func TestCodesOfBuyers(t *testing.T) {
	c, rival := codeShop(t)
	var o cloudapi.Order
	c.Must(t, "POST", "/v1/market/orders", c.boss, cloudapi.NewOrder{Organisation: c.orgOf(t, "boss"), Type: "NEW", Spec: "OFFI1", Amount: 1, Periods: 1}, &o, http.StatusCreated)
	path := "/v1/market/resources/" + o.Resource + "/code"
	var got cloudapi.Code
	c.Must(t, "GET", path, c.boss, nil, &got, http.StatusOK)
	if got.Code != "" || got.State != "delivered" {
		t.Errorf("before it is collected %+v", got)
	}
	c.Refused(t, "GET", path, rival, nil, cloudapi.ErrNotFound)
	c.Refused(t, "POST", path+"/collect", rival, nil, cloudapi.ErrNotFound)
	for range 2 {
		c.Must(t, "POST", path+"/collect", c.boss, nil, &got, http.StatusOK)
	}
	if !strings.HasPrefix(got.Code, "PL") || got.State != "collected" {
		t.Errorf("collected %+v", got)
	}
	var listed cloudapi.Codes
	c.Must(t, "GET", "/v1/market/codes", c.isv, nil, &listed, http.StatusOK)
	if len(listed.Codes) != 1 || listed.Codes[0].Code != got.Code {
		t.Errorf("the merchant sees %+v", listed)
	}
}

// TestTestCodes: the merchant's staff make test codes of their own product and change their end; nobody else
// sees them.
func TestTestCodes(t *testing.T) {
	c, rival := codeShop(t)
	isv := c.isv
	until := c.Clock.Now().AddDate(0, 1, 0).UTC()
	var made cloudapi.Codes
	c.Must(t, "POST", "/v1/market/codes", isv, cloudapi.NewTestCodes{Product: "cad", Count: 2, Until: until}, &made, http.StatusCreated)
	if len(made.Codes) != 2 || !made.Codes[0].Test || made.Codes[0].State != "collected" || !made.Codes[0].Until.Equal(until) {
		t.Fatalf("made %+v", made)
	}
	var listed cloudapi.Codes
	c.Must(t, "GET", "/v1/market/codes?test=1", isv, nil, &listed, http.StatusOK)
	if len(listed.Codes) != 2 || listed.Next != "" {
		t.Errorf("listed %+v", listed)
	}
	c.Must(t, "GET", "/v1/market/codes?test=1", rival, nil, &listed, http.StatusOK)
	if len(listed.Codes) != 0 {
		t.Errorf("another merchant sees %+v", listed)
	}
	path := "/v1/market/codes/" + made.Codes[0].Code
	var changed cloudapi.Code
	c.Must(t, "PUT", path+"/until", isv, cloudapi.TestEnd{Until: until.AddDate(0, 1, 0)}, &changed, http.StatusOK)
	if !changed.Until.Equal(until.AddDate(0, 1, 0)) {
		t.Errorf("changed %+v", changed)
	}
	for _, r := range []struct {
		what, method, path string
		who                http.Header
		in                 any
		code               string
	}{
		{"another merchant's code", "PUT", path + "/until", rival, cloudapi.TestEnd{Until: until}, cloudapi.ErrNotFound},
		{"another merchant's product", "POST", "/v1/market/codes", rival, cloudapi.NewTestCodes{Product: "cad", Count: 1, Until: until}, cloudapi.ErrNotFound},
		{"delivery of a test code", "PUT", path + "/delivered", isv, nil, cloudapi.ErrConflict},
		{"a resource of nobody", "GET", "/v1/market/resources/ins_none/code", c.boss, nil, cloudapi.ErrNotFound},
		{"collected by nobody", "POST", "/v1/market/resources/ins_none/code/collect", c.boss, nil, cloudapi.ErrNotFound},
		{"no merchant", "GET", "/v1/market/codes", c.boss, nil, cloudapi.ErrForbidden},
	} {
		t.Run(r.what, func(t *testing.T) { c.Refused(t, r.method, r.path, r.who, r.in, r.code) })
	}
}
