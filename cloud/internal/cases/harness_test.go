package cases_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// platform is a whole cloud with a merchant, whose server is package merchant over TLS, or what a test
// puts in its place.
type platform struct {
	*apitest.Cloud
	isv    http.Header // who the merchant's staff are
	id     string      // of the merchant
	base   string
	reach  produce.Reach
	keys   map[string]cloudapi.MerchantKey
	access cloudapi.AccessKey
	server atomic.Pointer[http.Handler]
	public string // of the kit, PEM

	// mu guards licences: how often one was made.
	mu       sync.Mutex
	licences int
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, sign.MinRSA)
	if err != nil {
		panic(err)
	}
	return k
})

func start(t *testing.T, change ...func(*app.Config)) *platform {
	t.Helper()
	p := &platform{keys: map[string]cloudapi.MerchantKey{}}
	srv := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*p.server.Load()).ServeHTTP(w, r) }))
	p.base, p.reach = srv.Base, srv.Reach
	none := http.NotFoundHandler()
	p.server.Store(&none)
	p.Cloud = apitest.Start(t, append([]func(*app.Config){func(c *app.Config) { c.Reach, c.CaseWait, c.NoSaleAfter = srv.Reach, 2*time.Second, 5 }}, change...)...)
	p.isv = apitest.Bearer(p.Stranger(t, "isv").AccessToken)
	boss := apitest.Bearer(p.Boss.AccessToken)
	isv, err := p.Store.Account(t.Context(), "isv")
	if err != nil {
		t.Fatal(err)
	}
	var m cloudapi.Merchant
	p.Must(t, "POST", "/v1/market/merchants", boss, cloudapi.NewMerchant{Organisation: isv.Org, Name: "Mechanica"}, &m, http.StatusCreated)
	p.id = m.ID
	for _, category := range []string{"base", "kit", "code", "notify"} {
		var k cloudapi.MerchantKey
		p.Must(t, "POST", "/v1/market/keys", p.isv, cloudapi.NewMerchantKey{Category: category}, &k, http.StatusCreated)
		p.keys[category] = k
	}
	p.Must(t, "POST", "/v1/market/access-keys", p.isv, nil, &p.access, http.StatusCreated)
	var a cloudapi.MerchantAddress
	p.Must(t, "POST", "/v1/market/addresses", p.isv, cloudapi.NewMerchantAddress{Address: srv.Base}, &a, http.StatusCreated)
	p.serve(t, a.Challenge)
	p.Must(t, "POST", "/v1/market/addresses/"+a.ID+"/verify", p.isv, nil, nil, http.StatusOK)
	for product, kind := range map[string]string{"cad": "license", "codes": "code", "online": "saas"} {
		p.Must(t, "POST", "/v1/products", boss, cloudapi.Product{ID: product, Name: product}, nil, http.StatusCreated)
		key := p.keys["base"].ID
		if kind == "code" {
			key = p.keys["code"].ID
		}
		p.Must(t, "PUT", "/v1/market/listings/"+product, p.isv, cloudapi.MarketListing{Kind: kind, Provision: "at_once", URL: srv.Base + "/produce", Key: key,
			NotifyURL: srv.Base + "/notify", NotifyKey: p.keys["notify"].ID, OnSale: true}, nil, http.StatusOK)
	}
	return p
}

// serve puts an ISV on package merchant behind the address.
func (p *platform) serve(t *testing.T, challenge string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "isv.db"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := openapi.New(openapi.Config{Keys: sign.KeyPair{Access: p.access.Access, Secret: p.access.Secret}, Primary: p.URL, Now: p.Clock.Now,
		RootCAs: p.Plain.Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p.public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	h, err := merchant.New(merchant.Options{
		Keys:  merchant.Keys{Base: []string{p.keys["base"].Secret}, Code: []string{p.keys["code"].Secret}, Notify: []string{p.keys["notify"].Secret}, Kit: []string{p.keys["kit"].Secret}},
		Store: store, Now: p.Clock.Now, Challenge: challenge,
		Upload: func(ctx context.Context, event string, l merchant.License) error {
			return client.UploadCharacters(ctx, event, string(l.Content))
		},
		Calls: merchant.Callbacks{
			NewInstance:             func(context.Context, wire.NewInstance, merchant.Attempt) (merchant.Provision, error) { return 0, nil },
			RefreshInstance:         func(context.Context, wire.RefreshInstance, merchant.Attempt) error { return nil },
			UpdateInstanceStatus:    func(context.Context, wire.UpdateInstanceStatus, merchant.Attempt) error { return nil },
			ReleaseInstance:         func(context.Context, wire.ReleaseInstance, merchant.Attempt) error { return nil },
			UpgradeInstance:         func(context.Context, wire.UpgradeInstance, merchant.Attempt) error { return nil },
			ChangeInstanceCheck:     func(context.Context, wire.ChangeInstanceCheck) error { return nil },
			OrderNotify:             func(context.Context, wire.OrderNotify) error { return nil },
			RefreshLicenseCode:      func(context.Context, wire.RefreshLicenseCode, merchant.Attempt) error { return nil },
			UpdateLicenseCodeStatus: func(context.Context, wire.UpdateLicenseCodeStatus, merchant.Attempt) error { return nil },
			ReleaseLicenseCode:      func(context.Context, wire.ReleaseLicenseCode, merchant.Attempt) error { return nil },
			GetLicenseAsync: func(_ context.Context, r wire.GetLicenseAsync, a merchant.Attempt) (merchant.License, error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.licences++
				return merchant.License{Content: []byte("licence for " + r.DeviceFingerprint)}, nil
			},
		},
		Kit: merchant.Kit{
			Tenant: func(context.Context, merchant.Tenant) error { return nil },
			Application: func(_ context.Context, a merchant.Application) error {
				if a.ClientSecret != "mock-client-secret" {
					t.Errorf("the secret arrives as %q", a.ClientSecret)
				}
				return nil
			},
			Users:       func(context.Context, merchant.Users) error { return nil },
			Department:  func(context.Context, merchant.Department) error { return nil },
			Departments: func(context.Context, merchant.Departments) error { return nil },
			PrivateKey:  rsaKey(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		client.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	p.put(h)
}

// put lets a handler answer instead, and gives back the one before it.
func (p *platform) put(h http.Handler) http.Handler { return *p.server.Swap(&h) }

// run tries one scene at the JSON API.
func (p *platform) run(t *testing.T, in cloudapi.RunCase) cloudapi.CaseReport {
	t.Helper()
	var out cloudapi.CaseReports
	p.Must(t, "POST", "/v1/market/cases/run", p.isv, in, &out, http.StatusOK)
	if len(out.Reports) != 1 {
		t.Fatalf("reports %+v", out)
	}
	return out.Reports[0]
}

// product is one that a scene can be tried on.
func product(s cases.Scene) string {
	switch s.Category {
	case "code":
		return "codes"
	case "kit":
		return "online"
	}
	return "cad"
}
