// Package cloudtest is a small cloud for tests of the service's rooms: TLS,
// enrolment, sign-in with rotating tokens, leases, verdicts, and outages of every
// kind on demand. It keeps the rules that rooms depend on (a refresh is repeated
// until its successor is used, otherwise a re-used token ends its family) and nothing else. Tests only.
package cloudtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/token"
)

// Outages of a Cloud.
const (
	Up        = ""
	Down      = "down"       // hangs up without an answer
	HTML      = "html"       // a log-in page instead: planted, not held against openapi.yaml
	Broken    = "500"        // our own 500
	LostReply = "lost-reply" // does what is asked, then hangs up; once, then Up
)

// The only account, and its password.
const (
	Account  = "li"
	Password = "correct horse 1"
)

// Cloud is the fake. Its members may be changed at any time under Lock.
type Cloud struct {
	sync.Mutex // guards everything below
	Server     *httptest.Server
	Outage     string
	Odd        bool // a planted fault: answers may be what no cloud says; else each is compared with openapi.yaml
	Now        func() time.Time
	Products   map[string]*Product
	Reports    []cloudapi.VerifyReport // in the order of their first arrival
	Requests   []cloudapi.LicenseRequest
	Calls      map[string]int       // by path, as far as they reached a handler
	Life       time.Duration        // of an access token
	Keys       []ed25519.PrivateKey // lease keys; the first one signs

	devices   map[string]jose.JSONWebKey // by id
	thumbs    map[string]string          // device by thumbprint
	access    map[string]access
	refreshes map[string]*refresh
	serial    int
}

// Product is what the cloud says about a product.
type Product struct {
	Content string
	Refuse  string            // a cloudapi.Err… code instead
	Params  map[string]string // of that refusal
	Life    time.Duration
	Grace   time.Duration

	// A product of the marketplace has an Event, which is its application's, and brings its licence after
	// Pending answers that it is being made; for ever where that is negative.
	Event           string
	Pending         int
	State           string // of those answers: asking, making; "" is making
	RetryAfter      int    // seconds, of those answers
	Encoding        string // of Content: "", base64
	FingerprintForm string
}

type access struct {
	family  string
	device  string
	expires time.Time
}

type refresh struct {
	family, attempt string
	answer          cloudapi.Tokens
}

// New starts a cloud with one product "minicad".
func New(t testing.TB) *Cloud {
	t.Helper()
	c := &Cloud{Now: clock.System{}.Now, Calls: map[string]int{}, Life: time.Hour,
		Products: map[string]*Product{"minicad": {Content: "MINICAD1|text", Life: 7 * 24 * time.Hour, Grace: 3 * 24 * time.Hour}},
		devices:  map[string]jose.JSONWebKey{}, thumbs: map[string]string{}, access: map[string]access{}, refreshes: map[string]*refresh{}}
	c.AddKey(t)
	checked := cloudapitest.For(t).Fake(c)
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.Lock()
		odd := c.Odd
		c.Unlock()
		if odd {
			c.ServeHTTP(w, r)
			return
		}
		checked.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Server.Close)
	return c
}

// CAPEM is what a client must trust.
func (c *Cloud) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Server.Certificate().Raw})
}

// AddKey puts a new lease key in front of the others.
func (c *Cloud) AddKey(t testing.TB) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Lock()
	defer c.Unlock()
	c.Keys = append([]ed25519.PrivateKey{key}, c.Keys...)
}

// Set changes the outage.
func (c *Cloud) Set(outage string) {
	c.Lock()
	defer c.Unlock()
	c.Outage = outage
}

// RevokeAll ends every sign-in, as an administrator would.
func (c *Cloud) RevokeAll() {
	c.Lock()
	defer c.Unlock()
	c.access, c.refreshes = map[string]access{}, map[string]*refresh{}
}

// ForgetDevices is a cloud that was set up anew.
func (c *Cloud) ForgetDevices() {
	c.Lock()
	defer c.Unlock()
	c.devices, c.thumbs = map[string]jose.JSONWebKey{}, map[string]string{}
}

// Count is how often a path was called.
func (c *Cloud) Count(path string) int {
	c.Lock()
	defer c.Unlock()
	return c.Calls[path]
}

// Live is the number of access tokens that the cloud would still take.
func (c *Cloud) Live() int {
	c.Lock()
	defer c.Unlock()
	n := 0
	for _, a := range c.access {
		if a.family != "" && c.Now().Before(a.expires) {
			n++
		}
	}
	return n
}

// ServeHTTP answers one call at a time.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Lock()
	defer c.Unlock()
	switch c.Outage {
	case Down:
		panic(http.ErrAbortHandler)
	case HTML:
		fmt.Fprint(w, "<html>log in</html>")
		return
	}
	w.Header().Set(cloudapi.HeaderAPI, "1")
	w.Header().Set("Iscdesk-Request", "fake")
	w.Header().Set("Date", c.Now().UTC().Format(http.TimeFormat))
	if c.Outage == Broken {
		refuse(w, 500, cloudapi.ErrInternal)
		return
	}
	if c.Outage == LostReply {
		w = httptest.NewRecorder()
		defer func() { c.Outage = Up; panic(http.ErrAbortHandler) }()
	}
	c.Calls[r.URL.Path]++
	switch path := r.URL.Path; {
	case path == "/v1/server":
		answer(w, cloudapi.Server{Build: "fake", API: 1, Time: c.Now(), SetupDone: true})
	case path == "/v1/devices":
		c.enrol(w, r)
	case path == "/v1/login":
		c.login(w, r)
	case path == "/v1/token":
		c.refresh(w, r)
	case path == "/v1/keys":
		c.keys(w)
	case len(path) > len("/v1/devices/") && path[:len("/v1/devices/")] == "/v1/devices/":
		c.deviceToken(w, r)
	default:
		c.asUser(w, r)
	}
}

// next makes an id or token.
func (c *Cloud) next(kind string) string {
	c.serial++
	digits := fmt.Sprintf("%06d", c.serial)
	if strings.HasSuffix(kind, "_") { // tokens have the letters of base 32
		digits = strings.Map(func(d rune) rune { return d - '0' + 'a' }, digits)
	}
	return kind + digits
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string) { refuseWith(w, status, code, nil) }

func refuseWith(w http.ResponseWriter, status int, code string, params map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	answer(w, cloudapi.ErrorBody{Error: cloudapi.Error{Code: code, Message: "refused by the fake", Params: params}})
}

// lease signs a lease for a device.
func (c *Cloud) lease(device, product string, p *Product) string {
	key := c.devices[device]
	now := c.Now().UTC().Truncate(time.Second)
	l := token.Lease{ID: c.next("lease"), Device: device, KeyThumb: thumb(key), Account: Account, Product: product, Instance: "ins1",
		From: now.Add(-time.Hour), Until: now.Add(p.Life), Grace: now.Add(p.Life + p.Grace), Issued: now, Refresh: now.Add(p.Life * 3 / 4)}
	return c.Sign(l)
}

// Sign makes a lease's JWS with the first key.
func (c *Cloud) Sign(l token.Lease) string { return c.sign(token.Type, l) }

// SignImport makes a licence document's with the first key.
func (c *Cloud) SignImport(i token.Import) string { return c.sign(token.ImportType, i) }

func (c *Cloud) sign(typ jose.ContentType, of interface{ Claims() ([]byte, error) }) string {
	claims, err := of.Claims()
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	opt := (&jose.SignerOptions{}).WithType(typ).WithHeader(jose.HeaderKey("kid"), kid(c.Keys[0]))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: c.Keys[0]}, opt)
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	sig, err := s.Sign(claims)
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	text, err := sig.CompactSerialize()
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	return text
}
