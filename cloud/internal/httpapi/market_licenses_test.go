package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// isvInstance is the instanceId of the merchant's server.
const isvInstance = "10e758d0-31ad-4c4b-8f1b-81d03469a10e"

// chain is a whole cloud and a merchant's server over TLS: product cad is listed, three licences of it are
// ordered for a year and provisioned, and ann has one at a device.
type chain struct {
	*shop
	user     http.Header
	resource cloudapi.Resource
	client   *openapi.Client

	// mu guards key, answer and events: what the merchant's server works with and has seen.
	mu     sync.Mutex
	key    string
	answer wire.Answer
	events []wire.GetLicenseAsync
}

func newChain(t *testing.T, wait time.Duration) *chain {
	t.Helper()
	c := &chain{shop: &shop{}, answer: wire.Answer{ResultCode: wire.Processing}}
	c.challenge.Store("")
	server := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == produce.ChallengePath {
			_, _ = io.WriteString(w, c.challenge.Load().(string)+"\n")
			return
		}
		c.produce(t, w, r)
	}))
	c.base = server.Base
	c.Cloud = apitest.Start(t, func(a *app.Config) { a.Reach, a.LicenseWait = server.Reach, wait })
	c.boss = apitest.Bearer(c.Boss.AccessToken)
	c.isv = c.seller(t, "isv")
	c.verified(t, c.isv)
	c.product(t, "cad")
	key := c.shop.key(t, c.isv, "base")
	c.mu.Lock()
	c.key = key.Secret
	c.mu.Unlock()
	l := cloudapi.MarketListing{Kind: "license", Provision: "at_once", URL: c.base + "/saasproduce", Key: key.ID, Bound: true, OnSale: true}
	c.Must(t, "PUT", "/v1/market/listings/cad", c.isv, l, nil, http.StatusOK)
	spec := cloudapi.Spec{Product: "cad", SKU: "sku-1", Name: "Basic", Charging: "PERIOD", Period: "year", Features: []string{"draw"}}
	c.Must(t, "PUT", "/v1/market/specs/OFFI1", c.isv, spec, nil, http.StatusOK)
	var o cloudapi.Order
	c.Must(t, "POST", "/v1/market/orders", c.boss, cloudapi.NewOrder{Organisation: c.orgOf(t, "boss"), Type: "NEW", Spec: "OFFI1", Amount: 3, Periods: 1, Repeat: "first"}, &o, http.StatusCreated)
	c.until(t, "the order is provisioned", func() bool {
		c.Must(t, "GET", "/v1/market/resources/"+o.Resource, c.boss, nil, &c.resource, http.StatusOK)
		return c.resource.State == "active"
	})
	ann := c.Member(t, "ann", "member")
	c.Must(t, "PUT", "/v1/instances/"+c.resource.ID+"/assignments/ann", c.boss, nil, nil, http.StatusNoContent)
	c.user = apitest.OnDevice(ann.AccessToken, c.Enrol(t, "desk").Token)
	c.client = c.openClient(t, c.isv)
	return c
}

// openClient is an ISV's client of the open API with an access key of its own.
func (c *chain) openClient(t *testing.T, who http.Header) *openapi.Client {
	t.Helper()
	var k cloudapi.AccessKey
	c.Must(t, "POST", "/v1/market/access-keys", who, nil, &k, http.StatusCreated)
	client, err := openapi.New(openapi.Config{Keys: sign.KeyPair{Access: k.Access, Secret: k.Secret}, Primary: c.URL, Now: c.Clock.Now, Attempts: 1,
		RootCAs: c.Plain.Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (c *chain) produce(t *testing.T, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := sign.VerifyProduction(c.key, r.URL.Query(), body, c.Clock.Now()); err != nil {
		t.Errorf("the merchant got %s: %v", body, err)
	}
	answer := wire.Answer{ResultCode: wire.Success}
	switch q, err := wire.Parse(body); q := q.(type) {
	case wire.NewInstance:
		answer.InstanceID = isvInstance
	case wire.GetLicenseAsync:
		c.events = append(c.events, q)
		answer = c.answer
	default:
		t.Errorf("the merchant got %s: %v", body, err)
	}
	b, err := answer.Encode()
	if err != nil {
		t.Error(err)
	}
	w.Header().Set(sign.HeaderBodySign, sign.BodySign(c.key, b))
	_, _ = w.Write(b)
}

func (c *chain) merchant(code wire.Code, msg string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = wire.Answer{ResultCode: code, ResultMsg: msg}
}

func (c *chain) seen() []wire.GetLicenseAsync {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]wire.GetLicenseAsync{}, c.events...)
}

func (c *chain) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// pending asks for a licence that is not there yet.
func (c *chain) pending(t *testing.T, in cloudapi.LicenseRequest) cloudapi.LicensePending {
	t.Helper()
	var out cloudapi.LicensePending
	c.Must(t, "POST", "/v1/licenses", c.user, in, &out, http.StatusAccepted)
	return out
}

func (c *chain) licence(t *testing.T, in cloudapi.LicenseRequest) cloudapi.License {
	t.Helper()
	var out cloudapi.License
	c.Must(t, "POST", "/v1/licenses", c.user, in, &out, http.StatusOK)
	return out
}

func TestMarketLicense(t *testing.T) {
	c := newChain(t, time.Millisecond)
	p := c.pending(t, request())
	if p.Event == "" || p.RetryAfter != 1 {
		t.Errorf("pending %+v", p)
	}
	c.until(t, "the merchant is at work", func() bool { return c.pending(t, request()).State == "making" })
	if again := c.pending(t, request()); again.Event != p.Event || len(c.seen()) != 1 {
		t.Errorf("the same request: %+v, %d calls", again, len(c.seen()))
	}
	got := c.seen()[0]
	if got.EventID != p.Event || got.InstanceID != isvInstance || got.DeviceFingerprint != request().Fingerprint || got.TestFlag != "" ||
		!got.Effective().Equal(c.resource.From) || !got.Expires().Equal(*c.resource.Until) {
		t.Errorf("the merchant was asked %+v for %+v", got, c.resource)
	}
	ctx := t.Context()
	for range 2 { // the second one as after a lost answer
		if err := c.client.UploadCharacters(ctx, p.Event, "LICENCE 许可"); err != nil {
			t.Fatal(err)
		}
	}
	l := c.licence(t, request())
	if l.Content != "LICENCE 许可" || l.ContentEncoding != "" || l.Event != p.Event || l.FingerprintForm != "full" || l.Instance != c.resource.ID {
		t.Errorf("licence %+v", l)
	}
	lease, err := token.Verify(l.Lease, c.App.Issuer.Keys())
	if err != nil || lease.Account != "ann" || lease.Instance != c.resource.ID || len(lease.Features) != 1 {
		t.Errorf("lease %+v, %v", lease, err)
	}
	var renewed cloudapi.Lease
	c.Must(t, "POST", "/v1/leases", c.user, cloudapi.Renew{Product: "cad"}, &renewed, http.StatusOK)
	var api *openapi.Error
	if err := c.client.UploadCharacters(ctx, p.Event, "ANOTHER"); !errors.As(err, &api) || api.Code != "91381034" {
		t.Errorf("other bytes: %v", err)
	}
	other := c.openClient(t, c.seller(t, "other"))
	foreign, unknown := other.UploadCharacters(ctx, p.Event, "LICENCE 许可"), other.UploadCharacters(ctx, "no-such-event", "L")
	var a, b *openapi.Error
	if !errors.As(foreign, &a) || !errors.As(unknown, &b) || a.Code != "91381034" || b.Code != "91381034" || a.Extra != b.Extra {
		t.Errorf("a foreign event %v, an unknown one %v: they look different", foreign, unknown)
	}
	if l := c.licence(t, request()); l.Content != "LICENCE 许可" {
		t.Errorf("content afterwards %q", l.Content)
	}
}

// TestMarketLicenseArrives: an agent that waits is answered by the upload itself.
func TestMarketLicenseArrives(t *testing.T) {
	c := newChain(t, time.Minute)
	type answer struct {
		status int
		body   []byte
	}
	answers := make(chan answer, 2)
	for range 2 {
		go func() { // ends with the answer, which the upload brings
			a := c.Do(t, "POST", "/v1/licenses", c.user, request())
			answers <- answer{a.Status, a.Body}
		}()
	}
	c.until(t, "the merchant is called", func() bool { return len(c.seen()) > 0 })
	if err := c.client.UploadCharacters(t.Context(), c.seen()[0].EventID, "L"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := <-answers; a.status != http.StatusOK || !bytes.Contains(a.body, []byte(`"content":"L"`)) {
			t.Errorf("answer %d %s", a.status, a.body)
		}
	}
	if len(c.seen()) != 1 {
		t.Errorf("%d calls for two equal requests", len(c.seen()))
	}
}

func TestMarketLicenseFile(t *testing.T) {
	c := newChain(t, time.Millisecond)
	in := request()
	in.Form, in.Fingerprint = "file", strings.Repeat("A", 1025)
	p := c.pending(t, in)
	c.until(t, "the merchant is called", func() bool { return len(c.seen()) == 1 })
	if f := c.seen()[0].DeviceFingerprint; f != "SHA256:"+strings.ToUpper(token.FingerprintSum(in.Fingerprint)) {
		t.Errorf("fingerprint %s", f)
	}
	content := []byte("\x00binary\xff")
	if err := c.client.UploadFile(t.Context(), p.Event, "cad.lic", content); err != nil {
		t.Fatal(err)
	}
	l := c.licence(t, in)
	got, err := base64.StdEncoding.DecodeString(l.Content)
	if err != nil || l.ContentEncoding != "base64" || !bytes.Equal(got, content) || l.FileName != "cad.lic" || l.FingerprintForm != "digest" {
		t.Errorf("licence %+v", l)
	}
	in.FileName = "mine.lic"
	if l = c.licence(t, in); l.FileName != "mine.lic" {
		t.Errorf("the program's own name: %+v", l)
	}
}

func TestMarketLicenseRefused(t *testing.T) {
	c := newChain(t, time.Minute)
	in := request()
	in.Fingerprint = ""
	if e := c.Refused(t, "POST", "/v1/licenses", c.user, in, cloudapi.ErrLicenseRefused); e.Params["reason"] != "fingerprint_missing" {
		t.Errorf("without a fingerprint: %+v", e)
	}
	c.merchant(wire.QuotaInsufficient, "许可数量不足")
	e := c.Refused(t, "POST", "/v1/licenses", c.user, request(), cloudapi.ErrLicenseRefused)
	if e.Params["reason"] != "quota" || e.Params["text"] != "许可数量不足" || e.Params["result"] != "000900" {
		t.Errorf("refusal %+v", e)
	}
	var api *openapi.Error
	if err := c.client.UploadCharacters(t.Context(), e.Params["event"], "L"); !errors.As(err, &api) || api.Code != "91381038" {
		t.Errorf("an upload for a refused application: %v", err)
	}
}

func TestTypedApplication(t *testing.T) {
	c := newChain(t, time.Millisecond)
	in := cloudapi.NewApplication{Resource: c.resource.ID, Form: "string", Fingerprint: "AA|BB|CC|DD"}
	c.Refused(t, "POST", "/v1/market/applications", c.user, in, cloudapi.ErrForbidden)
	for _, tt := range []struct {
		name   string
		change func(*cloudapi.NewApplication)
		want   string
	}{
		{"no resource", func(n *cloudapi.NewApplication) { n.Resource = "" }, cloudapi.ErrInvalid},
		{"unknown resource", func(n *cloudapi.NewApplication) { n.Resource = "ins_x" }, cloudapi.ErrNotFound},
		{"other form", func(n *cloudapi.NewApplication) { n.Form = "FILE" }, cloudapi.ErrInvalid},
		{"a line end in the code", func(n *cloudapi.NewApplication) { n.Fingerprint, n.HardwareCode = "", "a\nb" }, cloudapi.ErrInvalid},
		{"a long fingerprint", func(n *cloudapi.NewApplication) { n.Fingerprint = strings.Repeat("A", 5121) }, cloudapi.ErrInvalid},
		{"after the term", func(n *cloudapi.NewApplication) { u := c.resource.Until.Add(time.Hour); n.Until = &u }, cloudapi.ErrLicenseRefused},
	} {
		n := in
		tt.change(&n)
		if a := c.Do(t, "POST", "/v1/market/applications", c.boss, n); a.Code() != tt.want {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
	var a, again cloudapi.Application
	c.Must(t, "POST", "/v1/market/applications", c.boss, in, &a, http.StatusOK)
	c.Must(t, "POST", "/v1/market/applications", c.boss, in, &again, http.StatusOK)
	if again.Event != a.Event || a.Account != "boss" || a.FingerprintForm != "full" {
		t.Errorf("twice: %+v and %+v", a, again)
	}
	c.Refused(t, "GET", "/v1/market/applications/"+a.Event+"/content", c.boss, nil, cloudapi.ErrConflict)
	if err := c.client.UploadFile(t.Context(), a.Event, "text.lic", []byte("L\n")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/content", "/document"} {
		c.Refused(t, "GET", "/v1/market/applications/"+a.Event+path, c.isv, nil, cloudapi.ErrNotFound) // another organisation's administrator
		c.Refused(t, "GET", "/v1/market/applications/no-such"+path, c.boss, nil, cloudapi.ErrNotFound)
	}
	var list cloudapi.Applications
	c.Must(t, "GET", "/v1/market/applications?state=delivered&resource="+c.resource.ID, c.boss, nil, &list, http.StatusOK)
	if len(list.Applications) != 1 || list.Applications[0].Event != a.Event || list.Applications[0].Decided == nil {
		t.Errorf("list %+v", list)
	}
	c.Must(t, "GET", "/v1/market/applications", c.isv, nil, &list, http.StatusOK)
	if len(list.Applications) != 0 {
		t.Errorf("another organisation's list %+v", list)
	}
	content := c.Do(t, "GET", "/v1/market/applications/"+a.Event+"/content", c.boss, nil)
	if string(content.Body) != "L\n" || !strings.HasPrefix(content.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("content %q %v", content.Body, content.Header)
	}
	doc := c.Do(t, "GET", "/v1/market/applications/"+a.Event+"/document", c.boss, nil)
	i, err := token.VerifyImport(string(doc.Body), c.App.Issuer.Keys())
	if err != nil || string(i.Content) != "L\n" || i.Fingerprint != token.FingerprintSum(in.Fingerprint) || i.Product != "cad" || !i.Until.Equal(*c.resource.Until) {
		t.Errorf("document %+v, %v", i, err)
	}
}
