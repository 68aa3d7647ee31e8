package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reading is how production calls and the kit's are signed where the marketplace's pages contradict each other. Both
// ends have to use the same one. The zero value is ours, and what the functions of the package do.
type Reading struct {
	// PlainDigest: the digest of a production call's body is SHA-256 without a key, as two pages print the formula.
	// Ours: HMAC with the access key, as the page on authentication prints it.
	PlainDigest bool

	// Ascending and Descending order the body's members by their names before it is signed: one page has a before b, another one
	// b before a. Ours: the bytes as they are sent, as the third page and the samples' order have it.
	Ascending, Descending bool

	// KitDigest: a kit call is signed over its body's digest, as a production call is. Ours: over the body itself.
	KitDigest bool

	// Seconds and Millis are the one unit of timestamp that is taken; Seconds is sent too. Ours: milliseconds are sent, and the number
	// of digits tells which unit came.
	Seconds, Millis bool

	// UpperHex and LowerHex are the one case of a signature's digits that is taken; UpperHex is sent too. Ours: lower case is
	// sent, either is taken.
	UpperHex, LowerHex bool
}

// Timestamp writes a time as calls carry it.
func (r Reading) Timestamp(at time.Time) string {
	if r.Seconds {
		return strconv.FormatInt(at.Unix(), 10)
	}
	return Timestamp(at)
}

// parseTimestamp is ParseTimestamp for the units that are taken.
func (r Reading) parseTimestamp(s string) (time.Time, error) {
	at, err := ParseTimestamp(s)
	if err == nil && (r.Seconds && len(s) >= millisDigits || r.Millis && len(s) < millisDigits) {
		return time.Time{}, fmt.Errorf("read timestamp, of another unit: %w", ErrMalformed)
	}
	return at, err
}

func (r Reading) hex(sum []byte) string {
	if r.UpperHex {
		return strings.ToUpper(hex.EncodeToString(sum))
	}
	return hex.EncodeToString(sum)
}

// hexSum reads a signature.
func (r Reading) hexSum(s string) ([]byte, bool) {
	if r.UpperHex && s != strings.ToUpper(s) || r.LowerHex && s != strings.ToLower(s) {
		return nil, false
	}
	return hexSum(s)
}

func (r Reading) production(key, nonce, timestamp string, body []byte) ([]byte, error) {
	body, err := r.arranged(body)
	if err != nil {
		return nil, err
	}
	digest := macBytes(key, body)
	if r.PlainDigest {
		sum := sha256.Sum256(body)
		digest = sum[:]
	}
	return mac(key, key, nonce, timestamp, hex.EncodeToString(digest)), nil
}

func (r Reading) kit(key, nonce, timestamp string, body []byte) ([]byte, error) {
	if r.KitDigest {
		return r.production(key, nonce, timestamp, body)
	}
	body, err := r.arranged(body)
	if err != nil {
		return nil, err
	}
	return mac(key, key, nonce, timestamp, string(body)), nil
}

// arranged is the text that is signed for a body: the body itself, or its members in order, without blanks between them. Members
// of members stay as they are, which is what the samples have.
func (r Reading) arranged(body []byte) ([]byte, error) {
	if !r.Ascending && !r.Descending {
		return body, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); !json.Valid(body) || err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("order members, no JSON object: %w", ErrMalformed)
	}
	values := map[string]json.RawMessage{}
	var names []string
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if _, twice := values[name]; err != nil || !ok || twice {
			return nil, fmt.Errorf("order members, no JSON object with single names: %w", ErrMalformed)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("order members, no JSON object: %w", ErrMalformed)
		}
		names, values[name] = append(names, name), value
	}
	slices.Sort(names)
	if r.Descending {
		slices.Reverse(names)
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, fmt.Errorf("order members: %w", err)
		}
		b.Write(quoted)
		b.WriteByte(':')
		if err := json.Compact(&b, values[name]); err != nil {
			return nil, fmt.Errorf("order members: %w", ErrMalformed)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
