// Package sign makes and checks the signatures and ciphers of the marketplace's interfaces:
// production calls, Body-Sign, the kit's x-sign, the V1 authToken, usage pushes, AK/SK requests,
// the AES fields of V1 and the kit's clientSecret. It is a leaf that both ends share: an ISV's
// server and client, and the platform.
//
// All functions are pure: time is an argument, nothing is kept, and they may be called by any
// number of goroutines. Whether a nonce was seen before is for who has a store. Signatures are
// compared in constant time; no error holds a key, a signature or a text that was decrypted.
package sign

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// What can be wrong with a signature. Whoever sent it is told one code for all of them
// (000001, APIGW.0301); a log says which, by errors.Is.
var (
	ErrMissing   = errors.New("missing")            // nothing is signed: a part is not there
	ErrMalformed = errors.New("malformed")          // a part has not the form that it must have
	ErrOld       = errors.New("outside the window") // the time is too old, or too far ahead
	ErrUnknown   = errors.New("unknown access key") // AK/SK: no secret for this key
	ErrWrong     = errors.New("wrong")              // well formed, and not made with this key over this
	ErrKey       = errors.New("unusable key")       // our own key is empty, too short or no key at all
)

// NewNonce is what a call says once: 64 upper-case hex digits, as the marketplace's samples show.
func NewNonce() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, says its page
	return strings.ToUpper(hex.EncodeToString(b))
}

func mac(key string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

func macBytes(key string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write(body)
	return h.Sum(nil)
}

// hexSum reads 64 hex digits of either case: the marketplace's samples have both.
func hexSum(s string) ([]byte, bool) {
	if len(s) != 2*sha256.Size {
		return nil, false
	}
	b, err := hex.DecodeString(s)
	return b, err == nil
}
