package sign

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

// Names of the headers of a usage push.
const (
	HeaderUsageSign  = "Signature"
	HeaderUsageTime  = "Ts"
	HeaderUsageNonce = "Nonce"
)

// maxUsageSign is the field's length in the interface.
const maxUsageSign = 1000

// Usage is the signature of a usage push (marketplace: pay-per-use push), in base64. The body is to have
// its members in natural order of their names, and is signed as the bytes that are sent.
func Usage(key, timestamp, nonce string, body []byte) string {
	return base64.StdEncoding.EncodeToString(usage(key, timestamp, nonce, body))
}

func usage(key, timestamp, nonce string, body []byte) []byte {
	return mac(key, "ts=", timestamp, "&nonce=", nonce, "&body=", string(body))
}

// SignUsage sets the three headers of a usage push with this body. Besides them the request is
// signed with AK/SK.
func SignUsage(header http.Header, key, nonce string, at time.Time, body []byte) {
	timestamp := Timestamp(at)
	header.Set(HeaderUsageSign, Usage(key, timestamp, nonce, body))
	header.Set(HeaderUsageTime, timestamp)
	header.Set(HeaderUsageNonce, nonce)
}

// VerifyUsage checks the headers of a usage push against its body. The page names no window; the one
// of AK/SK, which the same request passes, is taken.
func VerifyUsage(key string, header http.Header, body []byte, now time.Time) (Stamp, error) {
	if key == "" {
		return Stamp{}, fmt.Errorf("check signature: %w", ErrKey)
	}
	for _, name := range []string{HeaderUsageSign, HeaderUsageTime, HeaderUsageNonce} {
		if len(header.Values(name)) > 1 {
			return Stamp{}, fmt.Errorf("read %s, given more than once: %w", name, ErrMalformed)
		}
	}
	signature, timestamp, nonce := header.Get(HeaderUsageSign), header.Get(HeaderUsageTime), header.Get(HeaderUsageNonce)
	if signature == "" {
		return Stamp{}, fmt.Errorf("read signature: %w", ErrMissing)
	}
	if len(signature) > maxUsageSign {
		return Stamp{}, fmt.Errorf("read signature: %w", ErrMalformed)
	}
	got, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return Stamp{}, fmt.Errorf("read signature: %w", ErrMalformed)
	}
	stamp, err := Reading{}.stamp(nonce, timestamp, now, DateWindow)
	if err != nil {
		return Stamp{}, err
	}
	if !hmac.Equal(got, usage(key, timestamp, nonce, body)) {
		return Stamp{}, fmt.Errorf("check signature: %w", ErrWrong)
	}
	return stamp, nil
}
