// Package token is the form of what the cloud signs for desks: a lease (an account may use a
// product on a device for a time), and a licence document (what a buyer carries to a
// machine without network, import.go). The agent's licence room verifies with it,
// the cloud's package issue builds what it signs with it. It never signs, never
// looks at the time (only the licence room knows what time to believe) and never
// decides whether work is allowed.
//
// A lease is a compact JWS (RFC 7515) with algorithm EdDSA (Ed25519) and type
// "iscdesk-lease+jwt" over the claims below.
package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

// Type is the JWS header typ of a lease: a token made for another purpose is never one.
const Type = "iscdesk-lease+jwt"

// Bounds of a lease. What is over one is refused before anything is done with it.
const (
	MaxSize     = 16 << 10 // bytes of the whole JWS
	MaxText     = 256      // bytes of any text claim
	MaxFeatures = 128
	MaxFeature  = 64 // bytes of one feature's name
)

// Lease is what the cloud promises. Times are UTC with whole seconds.
type Lease struct {
	ID       string   // of this lease, never given twice
	Device   string   // device id
	KeyThumb string   // RFC 7638 thumbprint of the device's install key, base64url
	Account  string   // who holds the seat
	Product  string   // product id
	Instance string   // licence instance
	Features []string // entitlements, in the instance's order

	From    time.Time // not before
	Until   time.Time // work is allowed until then
	Grace   time.Time // end of the further time when the cloud cannot be reached
	Issued  time.Time // the cloud's time when it signed: what a clock is measured against
	Refresh time.Time // ask for a new one from here on
}

// ErrUntrusted is the cause of every refusal of Verify and VerifyImport.
var ErrUntrusted = errors.New("it is not trustworthy")

// claims is the JSON that is signed. Members are only ever added; unknown ones are ignored.
type claims struct {
	ID       string   `json:"jti"`
	Device   string   `json:"device"`
	KeyThumb string   `json:"jkt"`
	Account  string   `json:"sub"`
	Product  string   `json:"product"`
	Instance string   `json:"instance"`
	Features []string `json:"features,omitempty"`
	From     int64    `json:"nbf"`
	Until    int64    `json:"exp"`
	Grace    int64    `json:"grace"`
	Issued   int64    `json:"iat"`
	Refresh  int64    `json:"refresh"`
}

// Claims is the text that the cloud signs. It refuses a lease that Verify would refuse.
func (l Lease) Claims() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(claims{
		ID: l.ID, Device: l.Device, KeyThumb: l.KeyThumb, Account: l.Account, Product: l.Product, Instance: l.Instance,
		Features: l.Features, From: l.From.Unix(), Until: l.Until.Unix(), Grace: l.Grace.Unix(), Issued: l.Issued.Unix(), Refresh: l.Refresh.Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode lease: %w", err)
	}
	return b, nil
}

// Verify checks form, signature and bounds against the cloud's keys (GET /v1/keys) and
// returns the lease. Errors wrap ErrUntrusted. It does not look at the time and
// not at whom the lease is for: the caller compares Device, KeyThumb, Account and Product.
func Verify(jws string, keys jose.JSONWebKeySet) (Lease, error) {
	payload, why := payloadOf(jws, Type, MaxSize, keys)
	if why != "" {
		return Lease{}, untrusted(why)
	}
	return parse(payload)
}

// payloadOf is the payload of a compact JWS of the type that a key of the set has signed, or why it is none.
func payloadOf(jws, typ string, most int, keys jose.JSONWebKeySet) (payload []byte, why string) {
	if len(jws) > most {
		return nil, "it is too long"
	}
	if !canonical(jws) {
		return nil, "it is not three parts of canonical base64url"
	}
	sig, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, "it is not a compact EdDSA signature"
	}
	h := sig.Signatures[0].Protected
	if is, _ := h.ExtraHeaders[jose.HeaderType].(string); is != typ {
		return nil, "its type is not " + typ
	}
	// An embedded key would let anyone sign; only named keys of the set count.
	if h.JSONWebKey != nil || h.KeyID == "" {
		return nil, "it does not name a key of the cloud"
	}
	for _, k := range keys.Key(h.KeyID) {
		if k.Use != "" && k.Use != "sig" || !k.IsPublic() {
			continue
		}
		if payload, err := sig.Verify(k); err == nil {
			return payload, ""
		}
	}
	return nil, "no key of the cloud made its signature"
}

// canonical refuses spellings that decode to the same bytes (line ends between, stray bits in a
// last character): one lease has one text, so that one changed byte is always refused.
func canonical(jws string) bool {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 || strings.ContainsAny(jws, "\r\n") {
		return false
	}
	for _, p := range parts {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return false
		}
	}
	return true
}

func parse(payload []byte) (Lease, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Lease{}, untrusted("its claims are not the JSON object of a lease")
	}
	l := Lease{
		ID: c.ID, Device: c.Device, KeyThumb: c.KeyThumb, Account: c.Account, Product: c.Product, Instance: c.Instance, Features: c.Features,
		From: second(c.From), Until: second(c.Until), Grace: second(c.Grace), Issued: second(c.Issued), Refresh: second(c.Refresh),
	}
	return l, l.check()
}

func second(s int64) time.Time { return time.Unix(s, 0).UTC() }

// latest keeps times where every reader (RFC 3339, C's time_t) can take them: the year 9999.
const latest = 253402300799

func (l Lease) check() error {
	for _, t := range []struct{ name, value string }{
		{"jti", l.ID}, {"device", l.Device}, {"jkt", l.KeyThumb}, {"sub", l.Account}, {"product", l.Product}, {"instance", l.Instance},
	} {
		if t.value == "" || len(t.value) > MaxText || !utf8.ValidString(t.value) {
			return untrusted("its member " + t.name + " is empty or too long")
		}
	}
	if why := badFeatures(l.Features); why != "" {
		return untrusted(why)
	}
	for _, t := range []time.Time{l.From, l.Until, l.Grace, l.Issued, l.Refresh} {
		if u := t.Unix(); u <= 0 || u > latest {
			return untrusted("a time is out of range")
		}
	}
	switch {
	case l.Until.Before(l.From):
		return untrusted("it ends before it begins")
	case l.Grace.Before(l.Until):
		return untrusted("its grace ends before itself")
	case l.Refresh.After(l.Until):
		return untrusted("its refresh comes after its end")
	}
	return nil
}

func badFeatures(list []string) (why string) {
	if len(list) > MaxFeatures {
		return "it has too many features"
	}
	for _, f := range list {
		if f == "" || len(f) > MaxFeature {
			return "a feature's name is empty or too long"
		}
	}
	return ""
}

func untrusted(why string) error { return fmt.Errorf("verify lease: %w: %s", ErrUntrusted, why) }
