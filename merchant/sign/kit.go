package sign

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// Names of the headers of the joint-operation kit's calls.
const (
	HeaderKitSign      = "X-Sign"
	HeaderKitTimestamp = "X-Timestamp"
	HeaderKitNonce     = "X-Nonce"
)

// Kit is the x-sign of a kit call (marketplace: HTTP body signature, kit), in lower-case hex. Unlike
// Production it takes the body itself, not its hash.
func Kit(key, nonce, timestamp string, body []byte) string {
	return hex.EncodeToString(mac(key, key, nonce, timestamp, string(body)))
}

// SignKit sets the three headers of a kit call with this body.
func SignKit(header http.Header, key, nonce string, at time.Time, body []byte) {
	_ = Reading{}.SignKit(header, key, nonce, at, body) // fails where members are ordered only
}

// SignKit is the function of that name by this reading. It fails as Reading.Production does, and sets nothing then.
func (r Reading) SignKit(header http.Header, key, nonce string, at time.Time, body []byte) error {
	timestamp := r.Timestamp(at)
	sum, err := r.kit(key, nonce, timestamp, body)
	if err != nil {
		return err
	}
	header.Set(HeaderKitSign, r.hex(sum))
	header.Set(HeaderKitTimestamp, timestamp)
	header.Set(HeaderKitNonce, nonce)
	return nil
}

// VerifyKit checks a kit call; see VerifyProduction. A body that is no JSON object is refused:
// timestamp and body are signed without anything between them, so a number's last digits could
// otherwise move from one to the other.
func VerifyKit(key string, header http.Header, body []byte, now time.Time) (Stamp, error) {
	return Reading{}.VerifyKit(key, header, body, now)
}

// VerifyKit is the function of that name by this reading.
func (r Reading) VerifyKit(key string, header http.Header, body []byte, now time.Time) (Stamp, error) {
	for _, name := range []string{HeaderKitSign, HeaderKitTimestamp, HeaderKitNonce} {
		if len(header.Values(name)) > 1 {
			return Stamp{}, fmt.Errorf("read %s, given more than once: %w", name, ErrMalformed)
		}
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return Stamp{}, fmt.Errorf("read body, no JSON object: %w", ErrMalformed)
	}
	return r.verifyStamped(key, header.Get(HeaderKitSign), header.Get(HeaderKitNonce), header.Get(HeaderKitTimestamp), now,
		func(timestamp, nonce string) ([]byte, error) { return r.kit(key, nonce, timestamp, body) })
}
