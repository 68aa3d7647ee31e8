package sign

import (
	"crypto/hmac"
	"fmt"
	"net/url"
	"time"
)

// Names of the query parameters of a production call.
const (
	ParamSignature = "signature"
	ParamTimestamp = "timestamp"
	ParamNonce     = "nonce"
)

// Production is the signature of a production call (marketplace: request authentication), in
// lower-case hex: HMAC over key + nonce + timestamp + HMAC of the body's bytes as they are sent.
// The pages that order the body's members first contradict each other and their own samples, so
// nothing is ordered; see Reading.
func Production(key, nonce, timestamp string, body []byte) string {
	s, _ := Reading{}.Production(key, nonce, timestamp, body) // fails where members are ordered only
	return s
}

// Production is the function of that name by this reading. It fails with ErrMalformed when members are to be
// ordered and the body is no JSON object.
func (r Reading) Production(key, nonce, timestamp string, body []byte) (string, error) {
	sum, err := r.production(key, nonce, timestamp, body)
	return r.hex(sum), err
}

// SignProduction returns the query parameters signature, timestamp (milliseconds) and nonce that
// a call with this body carries. The nonce is NewNonce's; a repeat of the call takes a new one.
func SignProduction(key, nonce string, at time.Time, body []byte) url.Values {
	timestamp := Timestamp(at)
	return url.Values{
		ParamSignature: {Production(key, nonce, timestamp, body)},
		ParamTimestamp: {timestamp},
		ParamNonce:     {nonce},
	}
}

// VerifyProduction checks a call against the bytes of its body, exactly as they came. Its error
// is one of ErrMissing, ErrMalformed, ErrOld, ErrWrong, ErrKey. The caller refuses a Stamp whose
// nonce it has seen.
func VerifyProduction(key string, query url.Values, body []byte, now time.Time) (Stamp, error) {
	return Reading{}.VerifyProduction(key, query, body, now)
}

// VerifyProduction is the function of that name by this reading.
func (r Reading) VerifyProduction(key string, query url.Values, body []byte, now time.Time) (Stamp, error) {
	for _, name := range []string{ParamSignature, ParamTimestamp, ParamNonce} {
		if len(query[name]) > 1 {
			return Stamp{}, fmt.Errorf("read %s, given more than once: %w", name, ErrMalformed)
		}
	}
	return r.verifyStamped(key, query.Get(ParamSignature), query.Get(ParamNonce), query.Get(ParamTimestamp), now,
		func(timestamp, nonce string) ([]byte, error) { return r.production(key, nonce, timestamp, body) })
}

// verifyStamped is what production calls and the kit's have in common: a hex signature with
// nonce and time.
func (r Reading) verifyStamped(key, signature, nonce, timestamp string, now time.Time, sum func(timestamp, nonce string) ([]byte, error)) (Stamp, error) {
	if key == "" {
		return Stamp{}, fmt.Errorf("check signature: %w", ErrKey)
	}
	if signature == "" {
		return Stamp{}, fmt.Errorf("read signature: %w", ErrMissing)
	}
	got, ok := r.hexSum(signature)
	if !ok {
		return Stamp{}, fmt.Errorf("read signature: %w", ErrMalformed)
	}
	stamp, err := r.stamp(nonce, timestamp, now, Window)
	if err != nil {
		return Stamp{}, err
	}
	want, err := sum(timestamp, nonce)
	if err != nil {
		return Stamp{}, err
	}
	if !hmac.Equal(got, want) {
		return Stamp{}, fmt.Errorf("check signature: %w", ErrWrong)
	}
	return stamp, nil
}
