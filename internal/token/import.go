package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

// ImportType is the JWS header typ of a licence document.
const ImportType = "iscdesk-license+jwt"

// Bounds of a licence document, in bytes.
const (
	MaxImport        = 3 << 20 // the whole JWS: MaxImportContent, twice in base64, and the rest
	MaxImportContent = 1 << 20
)

// Forms of licence content, as a program asks for it.
const (
	FormString = "string" // UTF-8 text without NUL, at most 1024 characters
	FormFile   = "file"   // any bytes
)

// Import is a licence that the buyer downloads in the cloud and carries to a machine without
// network ("iscdesk license import FILE"). It is a compact JWS like a lease, with typ ImportType, signed
// by the same key. It names no device of ours: the machine may never have been enrolled. Times are
// UTC with whole seconds.
type Import struct {
	ID       string    // the application's event; the same application gives the same licence
	Product  string    // product id
	Instance string    // licence instance
	Features []string  // entitlements, in the instance's order
	From     time.Time // not before
	Until    time.Time // work is allowed until then; zero for a licence without an end
	Form     string    // FormString, FormFile
	FileName string    // of the file form; "" leaves it to the desk
	Content  []byte    // the ISV's, opaque
	// Fingerprint is FingerprintSum of the device string that the licence is for. It is empty when the
	// licence is bound to no machine that a desk could name: it was applied for without a fingerprint, or
	// with a hardware code of the ISV's own. Then only the content can tell the machine.
	Fingerprint string
	Issued      time.Time // the cloud's time when it signed
}

type importClaims struct {
	ID          string   `json:"jti"`
	Product     string   `json:"product"`
	Instance    string   `json:"instance"`
	Features    []string `json:"features,omitempty"`
	From        int64    `json:"nbf"`
	Until       int64    `json:"exp,omitempty"`
	Form        string   `json:"form"`
	FileName    string   `json:"fileName,omitempty"`
	Content     []byte   `json:"content"` // base64
	Fingerprint string   `json:"fingerprint,omitempty"`
	Issued      int64    `json:"iat"`
}

// FingerprintSum is how a document names a machine: SHA-256 over the UTF-8 bytes of its whole device
// string (what the desk shows as the fingerprint), 64 lower-case hex digits.
func FingerprintSum(fingerprint string) string {
	sum := sha256.Sum256([]byte(fingerprint))
	return hex.EncodeToString(sum[:])
}

// Claims is the text that the cloud signs. It refuses a document that VerifyImport would refuse.
func (i Import) Claims() ([]byte, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	c := importClaims{ID: i.ID, Product: i.Product, Instance: i.Instance, Features: i.Features, From: i.From.Unix(),
		Form: i.Form, FileName: i.FileName, Content: i.Content, Fingerprint: i.Fingerprint, Issued: i.Issued.Unix()}
	if !i.Until.IsZero() {
		c.Until = i.Until.Unix()
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode licence document: %w", err)
	}
	return b, nil
}

// VerifyImport checks form, signature and bounds against the cloud's keys (GET /v1/keys) and returns
// the document. Errors wrap ErrUntrusted. It does not look at the time and not at the machine: the
// caller compares Product, Fingerprint, From and Until. FileName is checked for length only: the
// caller takes it as a bare name, or not at all. White space around the text is the caller's to cut.
func VerifyImport(jws string, keys jose.JSONWebKeySet) (Import, error) {
	payload, why := payloadOf(jws, ImportType, MaxImport, keys)
	if why != "" {
		return Import{}, untrustedImport(why)
	}
	var c importClaims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Import{}, untrustedImport("its claims are not the JSON object of a licence document")
	}
	i := Import{ID: c.ID, Product: c.Product, Instance: c.Instance, Features: c.Features, From: second(c.From), Form: c.Form,
		FileName: c.FileName, Content: c.Content, Fingerprint: c.Fingerprint, Issued: second(c.Issued)}
	if c.Until != 0 {
		i.Until = second(c.Until)
	}
	return i, i.check()
}

func (i Import) check() error {
	for _, t := range []struct{ name, value string }{{"jti", i.ID}, {"product", i.Product}, {"instance", i.Instance}} {
		if t.value == "" || len(t.value) > MaxText || !utf8.ValidString(t.value) {
			return untrustedImport("its member " + t.name + " is empty or too long")
		}
	}
	if len(i.FileName) > MaxText || !utf8.ValidString(i.FileName) {
		return untrustedImport("its file name is too long")
	}
	if why := badFeatures(i.Features); why != "" {
		return untrustedImport(why)
	}
	if i.Form != FormString && i.Form != FormFile {
		return untrustedImport("its form is neither string nor file")
	}
	if len(i.Content) == 0 || len(i.Content) > MaxImportContent {
		return untrustedImport("its content is empty or too long")
	}
	if i.Form == FormString && (!utf8.Valid(i.Content) || utf8.RuneCount(i.Content) > 1024 || strings.ContainsRune(string(i.Content), 0)) {
		return untrustedImport("its content is no text of at most 1024 characters")
	}
	if i.Fingerprint != "" {
		if b, err := hex.DecodeString(i.Fingerprint); err != nil || len(b) != sha256.Size || strings.ToLower(i.Fingerprint) != i.Fingerprint {
			return untrustedImport("its fingerprint is not 64 lower-case hex digits")
		}
	}
	for _, t := range []time.Time{i.From, i.Issued} {
		if u := t.Unix(); u <= 0 || u > latest {
			return untrustedImport("a time is out of range")
		}
	}
	if !i.Until.IsZero() && (i.Until.Unix() <= 0 || i.Until.Unix() > latest || i.Until.Before(i.From)) {
		return untrustedImport("it ends before it begins, or its end is out of range")
	}
	return nil
}

func untrustedImport(why string) error {
	return fmt.Errorf("verify licence document: %w: %s", ErrUntrusted, why)
}
