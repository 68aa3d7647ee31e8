package issue

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxContent is the most characters of a licence in string form.
const MaxContent = 1024

// ErrTooLong is a licence that would not fit into MaxContent.
var ErrTooLong = errors.New("make license: product, instance and features do not fit into one licence text")

// Content is what the built-in issuer says about one instance on one machine.
type Content struct {
	Product     string
	Instance    string
	Until       time.Time
	Fingerprint string // the documented device string; only its SHA-256 goes into the text
	Features    []string
}

// License writes the built-in issuer's licence, one line:
//
//	MINICAD1|<product>|<instance>|<until RFC 3339 UTC>|<hex SHA-256 of the fingerprint>|<features, comma joined>|<base64 Ed25519>
//
// The signature is over everything before the last '|'. The same Content always gives
// the same text. ErrTooLong when it does not fit into MaxContent characters.
func (i *Issuer) License(c Content) (string, error) {
	for _, s := range append([]string{c.Product, c.Instance}, c.Features...) {
		if s == "" || strings.ContainsAny(s, "|,\r\n\x00") || !utf8.ValidString(s) {
			return "", fmt.Errorf("make license: %q cannot stand in a licence text", s)
		}
	}
	sum := sha256.Sum256([]byte(c.Fingerprint))
	body := strings.Join([]string{"MINICAD1", c.Product, c.Instance, c.Until.UTC().Truncate(time.Second).Format(time.RFC3339),
		hex.EncodeToString(sum[:]), strings.Join(c.Features, ",")}, "|")
	text := body + "|" + base64.StdEncoding.EncodeToString(ed25519.Sign(i.issuer, []byte(body)))
	if utf8.RuneCountInString(text) > MaxContent {
		return "", ErrTooLong
	}
	return text, nil
}

// IssuerKey is the public half of the built-in issuer's key, 32 bytes in hex: what an
// application compiles in to check the text of License.
func (i *Issuer) IssuerKey() string {
	return hex.EncodeToString(i.issuer.Public().(ed25519.PublicKey))
}
