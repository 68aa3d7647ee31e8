package sign

import (
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Names and fixed values of requests that are signed with AK/SK.
const (
	HeaderDate    = "X-Sdk-Date"
	HeaderPayload = "X-Sdk-Content-Sha256"
	Algorithm     = "SDK-HMAC-SHA256"
	// Unsigned is the payload line of bodies that are not JSON, uploads for one.
	Unsigned = "UNSIGNED-PAYLOAD"
	// DateWindow is how far X-Sdk-Date may lie from now.
	DateWindow = 15 * time.Minute
)

const dateForm = "20060102T150405Z"

const (
	maxAuthorization = 8 << 10
	maxAccess        = 128
	maxSigned        = 64
)

// KeyPair is an access key (AK) and its secret (SK).
type KeyPair struct{ Access, Secret string }

// SignRequest signs r by its headers X-Sdk-Date, which it sets to at, and Authorization (marketplace: API
// request signing guide). payload is PayloadHash of the body, or Unsigned, which is then said in
// X-Sdk-Content-Sha256. names are further headers to sign, in any case; without any, Host and, where r has
// one, Content-Type. A request that is sent again is signed again.
func SignRequest(r *http.Request, pair KeyPair, payload string, at time.Time, names ...string) error {
	if pair.Secret == "" || pair.Access == "" || len(pair.Access) > maxAccess || !visible(pair.Access) || strings.Contains(pair.Access, ",") {
		return fmt.Errorf("sign request: %w", ErrKey)
	}
	date := at.UTC().Format(dateForm)
	r.Header.Set(HeaderDate, date)
	if payload == Unsigned {
		r.Header.Set(HeaderPayload, payload)
	}
	if len(names) == 0 {
		names = []string{"host"}
		if r.Header.Get("Content-Type") != "" {
			names = append(names, "content-type")
		}
	}
	signed := []string{strings.ToLower(HeaderDate)}
	if said := r.Header.Get(HeaderPayload); said != "" {
		if said != payload {
			return fmt.Errorf("sign request, %s says another payload: %w", HeaderPayload, ErrMalformed)
		}
		signed = append(signed, strings.ToLower(HeaderPayload))
	}
	for _, name := range names {
		signed = append(signed, strings.ToLower(name))
	}
	slices.Sort(signed)
	signed = slices.Compact(signed)
	text, err := canonical(r, signed, payload)
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	r.Header.Set("Authorization", fmt.Sprintf("%s Access=%s, SignedHeaders=%s, Signature=%s",
		Algorithm, pair.Access, strings.Join(signed, ";"), hex.EncodeToString(requestMac(pair.Secret, date, text))))
	return nil
}

func requestMac(secret, date, canonical string) []byte {
	return mac(secret, Algorithm, "\n", date, "\n", PayloadHash([]byte(canonical)))
}

// Incoming is a request whose head was checked.
type Incoming struct {
	Access string
	At     time.Time
	// Payload is what the body's hash must be, lower-case hex; Unsigned when the body is not covered; "" when the
	// request does not say it: its signature is then checked by CheckBody, and nothing of it may be believed before.
	Payload string

	secret, date string
	signature    []byte
	text         string // canonical request up to its payload line, for CheckBody
}

// VerifyRequest checks the head of an incoming request: form, time, known access key and, where the request
// says the hash of its payload, the signature. secret returns the SK of an access key, or an error that is
// handed on; ErrUnknown when there is none. The caller reads the body within its bound, then calls
// CheckBody. The error is one of ErrMissing, ErrMalformed, ErrOld, ErrUnknown, ErrWrong, or secret's.
func VerifyRequest(r *http.Request, secret func(access string) (string, error), now time.Time) (*Incoming, error) {
	access, names, signature, err := ParseAuthorization(r.Header.Values("Authorization"))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, strings.ToLower(HeaderDate)) {
		return nil, fmt.Errorf("read signed headers, no %s: %w", HeaderDate, ErrMissing)
	}
	dates := r.Header.Values(HeaderDate)
	if len(dates) != 1 || len(r.Header.Values(HeaderPayload)) > 1 {
		return nil, fmt.Errorf("read %s and %s, one each: %w", HeaderDate, HeaderPayload, ErrMalformed)
	}
	at, err := time.Parse(dateForm, dates[0])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", HeaderDate, ErrMalformed)
	}
	if d := now.Sub(at); d > DateWindow || d < -DateWindow {
		return nil, fmt.Errorf("check %s: %w", HeaderDate, ErrOld)
	}
	payload := r.Header.Get(HeaderPayload)
	if _, isSum := hexSum(payload); payload != "" && payload != Unsigned && !isSum {
		return nil, fmt.Errorf("read %s: %w", HeaderPayload, ErrMalformed)
	}
	// Content-Type need not be signed, so an upload that was caught could be sent on as JSON.
	if payload == Unsigned && mustSignPayload(r.Header.Values("Content-Type")) {
		return nil, fmt.Errorf("read %s, a JSON body must be signed: %w", HeaderPayload, ErrMalformed)
	}
	text, err := canonical(r, names, "")
	if err != nil {
		return nil, err
	}
	key, err := secret(access)
	if err != nil {
		return nil, fmt.Errorf("find secret: %w", err)
	}
	if key == "" {
		return nil, fmt.Errorf("find secret: %w", ErrUnknown)
	}
	in := &Incoming{Access: access, At: at, Payload: payload, secret: key, date: dates[0], signature: signature, text: text}
	if payload != "" {
		if err := in.check(payload); err != nil {
			return nil, err
		}
		if payload != Unsigned {
			in.Payload = strings.ToLower(payload)
		}
	}
	return in, nil
}

// CheckBody ends the check with PayloadHash of the whole body. Its error is ErrWrong.
func (in *Incoming) CheckBody(hash string) error {
	switch in.Payload {
	case Unsigned:
		return nil
	case "":
		return in.check(hash)
	}
	if !hmac.Equal([]byte(in.Payload), []byte(hash)) {
		return fmt.Errorf("check payload: %w", ErrWrong)
	}
	return nil
}

func (in *Incoming) check(payload string) error {
	if !hmac.Equal(in.signature, requestMac(in.secret, in.date, in.text+payload)) {
		return fmt.Errorf("check signature: %w", ErrWrong)
	}
	return nil
}

// mustSignPayload says whether a body of this type may not go unsigned: JSON, and what names no type.
func mustSignPayload(types []string) bool {
	if len(types) != 1 || types[0] == "" {
		return true
	}
	kind := strings.ToLower(types[0])
	return strings.Contains(kind, "application/json") || strings.Contains(kind, "application/bson")
}

// ParseAuthorization reads the values of an Authorization header: access key, signed headers (lower case,
// sorted, none twice) and the 32 bytes of the signature. Its error is ErrMissing or ErrMalformed.
func ParseAuthorization(values []string) (access string, names []string, signature []byte, err error) {
	if len(values) == 0 || values[0] == "" {
		return "", nil, nil, fmt.Errorf("read Authorization: %w", ErrMissing)
	}
	bad := func(what string) (string, []string, []byte, error) {
		return "", nil, nil, fmt.Errorf("read Authorization, %s: %w", what, ErrMalformed)
	}
	if len(values) > 1 || len(values[0]) > maxAuthorization {
		return bad("more than one or too long")
	}
	rest, ok := strings.CutPrefix(values[0], Algorithm+" Access=")
	if !ok {
		return bad("want " + Algorithm + " Access=…")
	}
	access, rest, ok = strings.Cut(rest, ", SignedHeaders=")
	if !ok || access == "" || len(access) > maxAccess || !visible(access) || strings.Contains(access, ",") {
		return bad("its access key")
	}
	list, sum, ok := strings.Cut(rest, ", Signature=")
	if !ok || strings.Count(list, ";") >= maxSigned {
		return bad("its signed headers")
	}
	names = strings.Split(list, ";")
	for i, name := range names {
		if name == "" || !headerName(name) || i > 0 && names[i-1] >= name {
			return bad("its signed headers")
		}
	}
	signature, ok = hexSum(sum)
	if !ok {
		return bad("its signature")
	}
	return access, names, signature, nil
}

// headerName says whether s is a header's name in lower case.
func headerName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}
