package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// HeaderBodySign carries the signature of an answer.
const HeaderBodySign = "Body-Sign"

const (
	bodySignHead = `sign_type="HMAC-SHA256", signature= "`
	bodySignTail = `"`
)

// BodySign is the value of the Body-Sign header for an answer whose body is exactly these bytes
// (marketplace: HTTP body signature), blank after "signature=" included, as the samples have it. The key is the
// access key alone, also for V1 interfaces.
func BodySign(key string, body []byte) string {
	return bodySignHead + base64.StdEncoding.EncodeToString(macBytes(key, body)) + bodySignTail
}

// ParseBodySign returns the 32 bytes that a Body-Sign header holds. The form is the samples' to
// the letter: the marketplace asks for exactly that, and a reader that takes more would let an ISV
// pass here and fail there.
func ParseBodySign(header string) ([]byte, error) {
	if header == "" {
		return nil, fmt.Errorf("read Body-Sign: %w", ErrMissing)
	}
	text, ok := strings.CutPrefix(header, bodySignHead)
	if ok {
		text, ok = strings.CutSuffix(text, bodySignTail)
	}
	if !ok || len(text) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return nil, fmt.Errorf(`read Body-Sign, want %s<base64 of 32 bytes>%s: %w`, bodySignHead, bodySignTail, ErrMalformed)
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("read Body-Sign, its value is no base64 of 32 bytes: %w", ErrMalformed)
	}
	return sum, nil
}

// VerifyBodySign checks an answer's header against its body's bytes. Its error is one of
// ErrMissing, ErrMalformed, ErrWrong, ErrKey.
func VerifyBodySign(key, header string, body []byte) error {
	if key == "" {
		return fmt.Errorf("check Body-Sign: %w", ErrKey)
	}
	got, err := ParseBodySign(header)
	if err != nil {
		return err
	}
	if !hmac.Equal(got, macBytes(key, body)) {
		return fmt.Errorf("check Body-Sign: %w", ErrWrong)
	}
	return nil
}
