package pages_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// shop is a cloud with a merchant "isv" that sells cad (bound to a device, provisioned at once) and cae
// (with a trial; the delivery is accepted), and the buyer boss, who is also the operator.
type shop struct {
	*apitest.Cloud
	seller meta.Merchant
	org    string // of boss

	// mu guards the rest: what the merchant's server works with.
	mu        sync.Mutex
	challenge string
	key       string
	licence   wire.Answer // to getLicenseAsync
	made      int
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{licence: wire.Answer{ResultCode: wire.Processing}}
	server := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.produce(t, w, r) }))
	s.Cloud = apitest.Start(t, func(c *app.Config) { c.Reach = server.Reach })
	boss, isv := apitest.Bearer(s.Boss.AccessToken), apitest.Bearer(s.Stranger(t, "isv").AccessToken)
	s.org = s.account(t, "boss").Org
	s.Must(t, "POST", "/v1/market/merchants", boss, cloudapi.NewMerchant{Organisation: s.account(t, "isv").Org, Name: "Mechanica 机械"}, nil, http.StatusCreated)
	var err error
	if s.seller, err = s.Store.MerchantOf(t.Context(), s.account(t, "isv").Org); err != nil {
		t.Fatal(err)
	}
	var a cloudapi.MerchantAddress
	s.Must(t, "POST", "/v1/market/addresses", isv, cloudapi.NewMerchantAddress{Address: server.Base}, &a, http.StatusCreated)
	var k cloudapi.MerchantKey
	s.Must(t, "POST", "/v1/market/keys", isv, cloudapi.NewMerchantKey{Category: "base"}, &k, http.StatusCreated)
	s.mu.Lock()
	s.challenge, s.key = a.Challenge, k.Secret
	s.mu.Unlock()
	s.Must(t, "POST", "/v1/market/addresses/"+a.ID+"/verify", isv, nil, nil, http.StatusOK)
	for _, p := range []struct {
		id, name, provision, sku string
		bound                    bool
		spec                     cloudapi.Spec
	}{
		{"cad", "Gear CAD", "at_once", "OFFI100", true, cloudapi.Spec{Product: "cad", SKU: "sku-1", Name: "Professional", Charging: "PERIOD", Period: "year", Features: []string{"draw", "step.export"}}},
		{"cae", "Stress CAE 应力分析", "accepted", "OFFI200", false, cloudapi.Spec{Product: "cae", SKU: "sku-2", Name: "Team", Charging: "PERIOD", Period: "month", TrialDays: 30}},
	} {
		s.Must(t, "POST", "/v1/products", boss, cloudapi.Product{ID: p.id, Name: p.name}, nil, http.StatusCreated)
		s.Must(t, "PUT", "/v1/market/listings/"+p.id, isv, cloudapi.MarketListing{Kind: "license", Provision: p.provision, URL: server.Base + "/produce", Key: k.ID, Bound: p.bound, OnSale: true}, nil, http.StatusOK)
		s.Must(t, "PUT", "/v1/market/specs/"+p.sku, isv, p.spec, nil, http.StatusOK)
	}
	return s
}

func (s *shop) account(t *testing.T, name string) meta.Account {
	t.Helper()
	a, err := s.Store.Account(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// produce is the merchant's server.
func (s *shop) produce(t *testing.T, w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == produce.ChallengePath {
		_, _ = io.WriteString(w, s.challenge+"\n")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the platform has gone away
	}
	answer := wire.Answer{ResultCode: wire.Success}
	switch q, err := wire.Parse(body); q := q.(type) {
	case wire.NewInstance:
		answer.InstanceID = "theirs-" + q.OrderID
	case wire.GetLicenseAsync:
		answer = s.licence
	default:
		if err != nil {
			t.Errorf("the merchant got %s: %v", body, err)
		}
	}
	b, err := answer.Encode()
	if err != nil {
		t.Error(err)
	}
	w.Header().Set(sign.HeaderBodySign, sign.BodySign(s.key, b))
	_, _ = w.Write(b)
}

// says lets the merchant answer the next applications so.
func (s *shop) says(code wire.Code, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.licence = wire.Answer{ResultCode: code, ResultMsg: text}
}

// deliver is the merchant's upload.
func (s *shop) deliver(t *testing.T, event, content string) {
	t.Helper()
	if _, err := s.Store.Deliver(t.Context(), meta.Upload{Event: event, Merchant: s.seller.ID, Type: "CHARACTERS", Content: []byte(content), Now: s.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
}

// order places an order at the JSON API and waits until its resource is in the state.
func (s *shop) order(t *testing.T, o cloudapi.NewOrder, state string) meta.Resource {
	t.Helper()
	s.mu.Lock()
	s.made++
	o.Organisation, o.Repeat = s.org, fmt.Sprint("made-", s.made)
	s.mu.Unlock()
	var out cloudapi.Order
	s.Must(t, "POST", "/v1/market/orders", apitest.Bearer(s.Login(t, "boss").AccessToken), o, &out, http.StatusCreated)
	return s.until(t, out.Resource, func(r meta.Resource) bool { return r.State == state })
}

// until waits for the queue's own goroutine to have brought a resource somewhere.
func (s *shop) until(t *testing.T, id string, there func(meta.Resource) bool) meta.Resource {
	t.Helper()
	for range 6000 {
		r, err := s.Store.Resource(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if there(r) {
			return r
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("resource %s never gets there", id)
	return meta.Resource{}
}
