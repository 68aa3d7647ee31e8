package sign

import (
	"fmt"
	"strconv"
	"time"
)

const (
	// Window is how far a call's time may lie from now, in both directions (marketplace: request
	// authentication).
	Window = 60 * time.Second
	// MaxNonce bounds a nonce. The samples have 32 and 64 characters.
	MaxNonce = 128
	// maxTimestamp is the longest number that fits; the interfaces name 20 characters for it.
	maxTimestamp = 19
	// millisDigits is from how many digits on a number is one of milliseconds.
	millisDigits = 12
)

// Stamp is what makes a call unique: who keeps nonces keeps this one until At+Window.
type Stamp struct {
	Nonce string
	At    time.Time
}

// ParseTimestamp reads Unix time: milliseconds when it has 12 digits or more, seconds
// otherwise, because the marketplace's pages name either. A leading zero is refused: nonce and
// timestamp are signed without anything between them, so "…0" + "168…" would read as "…" + "0168…".
// Its error is ErrMissing or ErrMalformed.
func ParseTimestamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, fmt.Errorf("read timestamp: %w", ErrMissing)
	}
	if len(s) > maxTimestamp || s[0] == '0' {
		return time.Time{}, fmt.Errorf("read timestamp: %w", ErrMalformed)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, fmt.Errorf("read timestamp: %w", ErrMalformed)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read timestamp: %w", ErrMalformed)
	}
	if len(s) >= millisDigits {
		return time.UnixMilli(n).UTC(), nil
	}
	return time.Unix(n, 0).UTC(), nil
}

// Timestamp writes a time as calls carry it, in milliseconds as all samples do.
func Timestamp(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

func (r Reading) stamp(nonce, timestamp string, now time.Time, window time.Duration) (Stamp, error) {
	if nonce == "" {
		return Stamp{}, fmt.Errorf("read nonce: %w", ErrMissing)
	}
	if len(nonce) > MaxNonce || !visible(nonce) {
		return Stamp{}, fmt.Errorf("read nonce: %w", ErrMalformed)
	}
	at, err := r.parseTimestamp(timestamp)
	if err != nil {
		return Stamp{}, err
	}
	if d := now.Sub(at); d > window || d < -window {
		return Stamp{}, fmt.Errorf("check timestamp: %w", ErrOld)
	}
	return Stamp{nonce, at}, nil
}

// visible says whether all of s is printed ASCII without the blank.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
