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
	return hex.EncodeToString(kit(key, nonce, timestamp, body))
}

func kit(key, nonce, timestamp string, body []byte) []byte {
	return mac(key, key, nonce, timestamp, string(body))
}

// SignKit sets the three headers of a kit call with this body.
func SignKit(header http.Header, key, nonce string, at time.Time, body []byte) {
	timestamp := Timestamp(at)
	header.Set(HeaderKitSign, Kit(key, nonce, timestamp, body))
	header.Set(HeaderKitTimestamp, timestamp)
	header.Set(HeaderKitNonce, nonce)
}

// VerifyKit checks a kit call; see VerifyProduction. A body that is no JSON object is refused:
// timestamp and body are signed without anything between them, so a number's last digits could
// otherwise move from one to the other.
func VerifyKit(key string, header http.Header, body []byte, now time.Time) (Stamp, error) {
	for _, name := range []string{HeaderKitSign, HeaderKitTimestamp, HeaderKitNonce} {
		if len(header.Values(name)) > 1 {
			return Stamp{}, fmt.Errorf("read %s, given more than once: %w", name, ErrMalformed)
		}
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return Stamp{}, fmt.Errorf("read body, no JSON object: %w", ErrMalformed)
	}
	return verifyStamped(key, header.Get(HeaderKitSign), header.Get(HeaderKitNonce), header.Get(HeaderKitTimestamp), now,
		func(timestamp, nonce string) []byte { return kit(key, nonce, timestamp, body) })
}
