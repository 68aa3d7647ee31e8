package httpapi_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// shop is a cloud with the merchant "isv", whose server shows what challenge holds.
type shop struct {
	*apitest.Cloud
	boss, isv http.Header
	base      string
	challenge atomic.Value // string
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	s.challenge.Store("")
	server := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != produce.ChallengePath {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, s.challenge.Load())
	}))
	s.base = server.Base
	s.Cloud = apitest.Start(t, func(c *app.Config) { c.Reach = server.Reach })
	s.boss = apitest.Bearer(s.Boss.AccessToken)
	s.isv = s.seller(t, "isv")
	return s
}

// seller makes an organisation whose administrator is account, and makes it a merchant.
func (s *shop) seller(t *testing.T, account string) http.Header {
	t.Helper()
	h := apitest.Bearer(s.Stranger(t, account).AccessToken)
	s.Must(t, "POST", "/v1/market/merchants", s.boss, cloudapi.NewMerchant{Organisation: s.orgOf(t, account), Name: "Isv " + account}, nil, http.StatusCreated)
	return h
}

func (s *shop) orgOf(t *testing.T, account string) string {
	t.Helper()
	a, err := s.Store.Account(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return a.Org
}

func (s *shop) key(t *testing.T, who http.Header, category string) cloudapi.MerchantKey {
	t.Helper()
	var k cloudapi.MerchantKey
	s.Must(t, "POST", "/v1/market/keys", who, cloudapi.NewMerchantKey{Category: category}, &k, http.StatusCreated)
	return k
}

// verified names the shop's server as an address of the merchant and verifies it.
func (s *shop) verified(t *testing.T, who http.Header) {
	t.Helper()
	var a cloudapi.MerchantAddress
	s.Must(t, "POST", "/v1/market/addresses", who, cloudapi.NewMerchantAddress{Address: s.base}, &a, http.StatusCreated)
	s.challenge.Store(a.Challenge)
	s.Must(t, "POST", "/v1/market/addresses/"+a.ID+"/verify", who, nil, nil, http.StatusOK)
}

func (s *shop) product(t *testing.T, id string) {
	t.Helper()
	s.Must(t, "POST", "/v1/products", s.boss, cloudapi.Product{ID: id, Name: "Product " + id}, nil, http.StatusCreated)
}

func TestMerchants(t *testing.T) {
	s := openShop(t)
	var orgs cloudapi.Organisations
	s.Must(t, "GET", "/v1/market/organisations", s.boss, nil, &orgs, http.StatusOK)
	if len(orgs.Organisations) != 2 {
		t.Errorf("organisations %+v", orgs)
	}
	isv := s.orgOf(t, "isv")
	for _, k := range []struct {
		name string
		in   cloudapi.NewMerchant
		want string
	}{
		{"twice", cloudapi.NewMerchant{Organisation: isv, Name: "Isv"}, cloudapi.ErrNameExists},
		{"no organisation", cloudapi.NewMerchant{Organisation: "org_x", Name: "Isv"}, cloudapi.ErrNotFound},
		{"an empty organisation", cloudapi.NewMerchant{Name: "Isv"}, cloudapi.ErrInvalid},
		{"no name", cloudapi.NewMerchant{Organisation: isv}, cloudapi.ErrInvalid},
		{"a line's end in the name", cloudapi.NewMerchant{Organisation: isv, Name: "a\nb"}, cloudapi.ErrInvalid},
		{"a long name", cloudapi.NewMerchant{Organisation: isv, Name: strings.Repeat("x", 129)}, cloudapi.ErrInvalid},
	} {
		t.Run(k.name, func(t *testing.T) { s.Refused(t, "POST", "/v1/market/merchants", s.boss, k.in, k.want) })
	}
	var list cloudapi.Merchants
	s.Must(t, "GET", "/v1/market/merchants", s.boss, nil, &list, http.StatusOK)
	var own cloudapi.Merchant
	s.Must(t, "GET", "/v1/market/merchant", s.isv, nil, &own, http.StatusOK)
	if len(list.Merchants) != 1 || list.Merchants[0] != own || own.Organisation != isv || own.Name != "Isv isv" {
		t.Errorf("merchants %+v, own %+v", list, own)
	}
	// A member of a merchant's organisation is not its staff; an administrator is.
	m := cloudapi.NewMember{Account: "clerk", Name: "Clerk", Password: apitest.Password, Role: "member"}
	s.Must(t, "POST", "/v1/members", s.isv, m, nil, http.StatusCreated)
	s.Refused(t, "GET", "/v1/market/keys", apitest.Bearer(s.Login(t, "clerk").AccessToken), nil, cloudapi.ErrForbidden)
}

func TestMerchantKeys(t *testing.T) {
	s := openShop(t)
	other := s.seller(t, "other")
	k := s.key(t, s.isv, "base")
	if k.Secret == "" || s.key(t, s.isv, "base").Secret == k.Secret {
		t.Errorf("key %+v", k)
	}
	s.Refused(t, "POST", "/v1/market/keys", s.isv, cloudapi.NewMerchantKey{Category: "all"}, cloudapi.ErrInvalid)
	s.Refused(t, "POST", "/v1/market/keys", s.isv, cloudapi.NewMerchantKey{}, cloudapi.ErrInvalid)
	var list cloudapi.MerchantKeys
	s.Must(t, "GET", "/v1/market/keys", s.isv, nil, &list, http.StatusOK)
	if len(list.Keys) != 2 || list.Keys[0].ID != k.ID || list.Keys[0].Secret != "" || list.Keys[0].Revoked != nil {
		t.Errorf("keys %+v", list)
	}
	s.Refused(t, "POST", "/v1/market/keys/"+k.ID+"/revoke", other, nil, cloudapi.ErrNotFound)
	s.Must(t, "POST", "/v1/market/keys/"+k.ID+"/revoke", s.isv, nil, nil, http.StatusNoContent)
	s.Must(t, "POST", "/v1/market/keys/"+k.ID+"/revoke", s.isv, nil, nil, http.StatusNoContent)
	list = cloudapi.MerchantKeys{}
	s.Must(t, "GET", "/v1/market/keys", s.isv, nil, &list, http.StatusOK)
	if list.Keys[0].Revoked == nil || list.Keys[1].Revoked != nil {
		t.Errorf("keys %+v", list)
	}

	var a cloudapi.AccessKey
	s.Must(t, "POST", "/v1/market/access-keys", s.isv, nil, &a, http.StatusCreated)
	var pairs cloudapi.AccessKeys
	s.Must(t, "GET", "/v1/market/access-keys", s.isv, nil, &pairs, http.StatusOK)
	if len(pairs.Keys) != 1 || pairs.Keys[0].Access != a.Access || pairs.Keys[0].Secret != "" || a.Secret == "" {
		t.Errorf("access keys %+v of %+v", pairs, a)
	}
	s.Must(t, "GET", "/v1/market/access-keys", other, nil, &pairs, http.StatusOK)
	if len(pairs.Keys) != 0 {
		t.Errorf("another merchant sees %+v", pairs)
	}
	s.Refused(t, "POST", "/v1/market/access-keys/"+a.Access+"/revoke", other, nil, cloudapi.ErrNotFound)
	s.Must(t, "POST", "/v1/market/access-keys/"+a.Access+"/revoke", s.isv, nil, nil, http.StatusNoContent)

	for _, secret := range []string{k.Secret, a.Secret} {
		apitest.NotInFiles(t, s.Data, secret)
	}
	apitest.NotInFiles(t, filepath.Join(s.Data, "cloud.db"), k.Secret)
}

func TestAddressIsVerified(t *testing.T) {
	s := openShop(t)
	other := s.seller(t, "other")
	for _, bad := range []string{"", "isv.example.com", "http://isv.example.com", "https://127.0.0.1", "https://[::1]", "https://user@isv.example.com",
		"https://isv.example.com?x=1", "https://" + strings.Repeat("a", 600) + ".com"} {
		s.Refused(t, "POST", "/v1/market/addresses", s.isv, cloudapi.NewMerchantAddress{Address: bad}, cloudapi.ErrInvalid)
	}
	var a, b cloudapi.MerchantAddress
	s.Must(t, "POST", "/v1/market/addresses", s.isv, cloudapi.NewMerchantAddress{Address: s.base + "/saasproduce"}, &a, http.StatusCreated)
	if a.Address != s.base || a.Verified != nil || a.Challenge == "" {
		t.Errorf("address %+v", a)
	}
	s.Refused(t, "POST", "/v1/market/addresses", s.isv, cloudapi.NewMerchantAddress{Address: s.base}, cloudapi.ErrNameExists)
	s.Must(t, "POST", "/v1/market/addresses", other, cloudapi.NewMerchantAddress{Address: s.base}, &b, http.StatusCreated)

	unverified := func(who http.Header, id, cause string) {
		t.Helper()
		e := s.Refused(t, "POST", "/v1/market/addresses/"+id+"/verify", who, nil, cloudapi.ErrConflict)
		if e.Params["reason"] != "unverified" || !strings.Contains(e.Params["cause"], cause) {
			t.Errorf("params %v, want the cause %q", e.Params, cause)
		}
	}
	unverified(s.isv, a.ID, "does not show")
	s.challenge.Store(b.Challenge) // another merchant's challenge at the same address
	unverified(s.isv, a.ID, "does not show")
	s.Refused(t, "POST", "/v1/market/addresses/"+a.ID+"/verify", other, nil, cloudapi.ErrNotFound)
	s.challenge.Store(a.Challenge)
	unverified(other, b.ID, "does not show")
	s.Must(t, "POST", "/v1/market/addresses/"+a.ID+"/verify", s.isv, nil, &a, http.StatusOK)
	if a.Verified == nil {
		t.Errorf("address %+v", a)
	}
	s.challenge.Store("")
	unverified(s.isv, a.ID, "does not show") // and yet it stays verified
	var list cloudapi.MerchantAddresses
	s.Must(t, "GET", "/v1/market/addresses", s.isv, nil, &list, http.StatusOK)
	if len(list.Addresses) != 1 || list.Addresses[0].Verified == nil {
		t.Errorf("addresses %+v", list)
	}
	var gone cloudapi.MerchantAddress
	s.Must(t, "POST", "/v1/market/addresses", s.isv, cloudapi.NewMerchantAddress{Address: "https://localhost:1"}, &gone, http.StatusCreated)
	unverified(s.isv, gone.ID, "the connection is refused")
}

// TestAddressInside: without the operator's word nothing in the operator's own network is called.
func TestAddressInside(t *testing.T) {
	s := openShop(t)
	c := apitest.Start(t, func(c *app.Config) { c.Reach, c.Limits = produce.Reach{AnyPort: true}, limit.Limits{} })
	isv := apitest.Bearer(c.Stranger(t, "isv").AccessToken)
	a, err := c.Store.Account(t.Context(), "isv")
	if err != nil {
		t.Fatal(err)
	}
	c.Must(t, "POST", "/v1/market/merchants", apitest.Bearer(c.Boss.AccessToken), cloudapi.NewMerchant{Organisation: a.Org, Name: "Isv"}, nil, http.StatusCreated)
	var m cloudapi.MerchantAddress
	c.Must(t, "POST", "/v1/market/addresses", isv, cloudapi.NewMerchantAddress{Address: s.base}, &m, http.StatusCreated)
	e := c.Refused(t, "POST", "/v1/market/addresses/"+m.ID+"/verify", isv, nil, cloudapi.ErrConflict)
	if why := e.Params["cause"]; !strings.Contains(why, "not a public address") || strings.Contains(why, "127.") || strings.Contains(why, "::1") {
		t.Errorf("params %v", e.Params)
	}
	// Nobody lets the cloud knock at a stranger's door hundreds of times at once.
	for range 100 {
		if c.Do(t, "POST", "/v1/market/addresses/"+m.ID+"/verify", isv, nil).Code() == cloudapi.ErrRateLimited {
			return
		}
	}
	t.Error("an address is looked at 100 times at once")
}
