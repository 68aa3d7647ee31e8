package sign

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTimestamps(t *testing.T) {
	for _, tt := range []struct {
		in   string
		unix int64 // milliseconds
		want error
	}{
		{"", 0, ErrMissing},
		{"1680508066618", 1680508066618, nil},
		{"1680508066", 1680508066000, nil},
		{"99999999999", 99999999999000, nil}, // 11 digits are seconds
		{"100000000000", 100000000000, nil},  // 12 are milliseconds
		{"1", 1000, nil},
		{"9223372036854775807", 9223372036854775807, nil}, // 19 digits
		{"9223372036854775808", 0, ErrMalformed},
		{"12345678901234567890", 0, ErrMalformed},
		{"01680508066618", 0, ErrMalformed},
		{"0", 0, ErrMalformed},
		{"-1680508066618", 0, ErrMalformed},
		{"+1680508066618", 0, ErrMalformed},
		{"1680508066618 ", 0, ErrMalformed},
		{"1680508066.618", 0, ErrMalformed},
		{"1e12", 0, ErrMalformed},
		{"１６８０５０８０６６", 0, ErrMalformed},
	} {
		t.Run(tt.in, func(t *testing.T) {
			at, err := ParseTimestamp(tt.in)
			if !errors.Is(err, tt.want) || err == nil && at.UnixMilli() != tt.unix {
				t.Errorf("got %d, %v", at.UnixMilli(), err)
			}
		})
	}
}

// A call that is right in every way but one.
func TestProductionRefusals(t *testing.T) {
	body := []byte(`{"activity":"newInstance"}`)
	right := func() url.Values { return SignProduction(vectorKey, vectorNonce, vectorAt, body) }
	signed := func(key, nonce, timestamp string) url.Values {
		return url.Values{"signature": {Production(key, nonce, timestamp, body)}, "timestamp": {timestamp}, "nonce": {nonce}}
	}
	drop := func(name string) url.Values { q := right(); q.Del(name); return q }
	set := func(name, value string) url.Values { q := right(); q.Set(name, value); return q }
	ms := func(d time.Duration) string { return strconv.FormatInt(vectorAt.Add(d).UnixMilli(), 10) }
	for _, tt := range []struct {
		name  string
		query url.Values
		body  string
		want  error
	}{
		{"as it was made", right(), "", nil},
		{"upper-case hex", set("signature", strings.ToUpper(right().Get("signature"))), "", nil},
		{"further parameters", set("contentType", "application/json"), "", nil},
		{"seconds", signed(vectorKey, vectorNonce, strconv.FormatInt(vectorAt.Unix(), 10)), "", nil},
		{"no signature", drop("signature"), "", ErrMissing},
		{"no timestamp", drop("timestamp"), "", ErrMissing},
		{"no nonce", drop("nonce"), "", ErrMissing},
		{"two signatures", url.Values{"signature": {right().Get("signature"), "x"}, "timestamp": {vectorTime}, "nonce": {vectorNonce}}, "", ErrMalformed},
		{"63 digits", set("signature", right().Get("signature")[:63]), "", ErrMalformed},
		{"65 digits", set("signature", right().Get("signature")+"0"), "", ErrMalformed},
		{"no hex", set("signature", strings.Repeat("g", 64)), "", ErrMalformed},
		{"base64", set("signature", "FQzN51i4njkI8hUtdRWnlgH2yOXQ3LEKXRth2lR/SLw="), "", ErrMalformed},
		{"nonce of 128", signed(vectorKey, strings.Repeat("n", 128), vectorTime), "", nil},
		{"nonce of 129", signed(vectorKey, strings.Repeat("n", 129), vectorTime), "", ErrMalformed},
		{"nonce with a blank", signed(vectorKey, "a b", vectorTime), "", ErrMalformed},
		{"60 s old", signed(vectorKey, vectorNonce, ms(-60*time.Second)), "", nil},
		{"60.001 s old", signed(vectorKey, vectorNonce, ms(-60001*time.Millisecond)), "", ErrOld},
		{"60 s ahead", signed(vectorKey, vectorNonce, ms(60*time.Second)), "", nil},
		{"60.001 s ahead", signed(vectorKey, vectorNonce, ms(60001*time.Millisecond)), "", ErrOld},
		{"another key", signed(vectorKey+"x", vectorNonce, vectorTime), "", ErrWrong},
		{"another nonce", set("nonce", vectorNonce+"0"), "", ErrWrong},
		{"another time", set("timestamp", "1680508066619"), "", ErrWrong},
		{"another body", right(), `{"activity":"newInstance" }`, ErrWrong},
		{"members ordered otherwise", right(), `{"b":1,"a":2}`, ErrWrong},
		{"no body", right(), "-", ErrWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := body
			if tt.body != "" {
				got = []byte(strings.TrimPrefix(tt.body, "-"))
			}
			stamp, err := VerifyProduction(vectorKey, tt.query, got, vectorAt)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if (stamp.Nonce == "") != (err != nil) {
				t.Errorf("got nonce %q with %v", stamp.Nonce, err)
			}
			if err != nil && strings.Contains(err.Error(), vectorKey) {
				t.Error("the error holds the key")
			}
		})
	}
	if _, err := VerifyProduction("", SignProduction("", vectorNonce, vectorAt, body), body, vectorAt); !errors.Is(err, ErrKey) {
		t.Errorf("an empty key signs nothing: got %v", err)
	}
}

// Nonce and timestamp are signed without anything between them: no other cut of the two may pass, or a
// call that was caught could be sent again under a nonce that nobody has seen.
func TestNoOtherCutOfNonceAndTimestamp(t *testing.T) {
	body := []byte(`{"a":1}`)
	for _, nonce := range []string{"A0", "A00", "A000000000000", "A1", "A168", "A1680508066618", "10", "A1680508066", "0"} {
		q := SignProduction(vectorKey, nonce, vectorAt, body)
		header := http.Header{}
		SignKit(header, vectorKey, nonce, vectorAt, body)
		whole := nonce + vectorTime
		for cut := 1; cut < len(whole); cut++ {
			if whole[:cut] == nonce {
				continue
			}
			other := url.Values{"signature": q["signature"], "nonce": {whole[:cut]}, "timestamp": {whole[cut:]}}
			if _, err := VerifyProduction(vectorKey, other, body, vectorAt); err == nil {
				t.Errorf("production: passes as nonce %s, timestamp %s", whole[:cut], whole[cut:])
			}
		}
		// A kit call's body follows its timestamp: digits may not go over to it either.
		all := nonce + vectorTime + string(body)
		for from := 1; from < len(all); from++ {
			for to := from + 1; to < len(all); to++ {
				if all[:from] == nonce && to == len(nonce)+len(vectorTime) {
					continue
				}
				header.Set(HeaderKitNonce, all[:from])
				header.Set(HeaderKitTimestamp, all[from:to])
				if _, err := VerifyKit(vectorKey, header, []byte(all[to:]), vectorAt); err == nil {
					t.Errorf("kit: passes as nonce %s, timestamp %s, body %s", all[:from], all[from:to], all[to:])
				}
			}
		}
	}
}

func TestKitRefusals(t *testing.T) {
	body := []byte(" \n{\"flag\":1}")
	for _, tt := range []struct {
		name   string
		change func(http.Header)
		body   string
		want   error
	}{
		{"as it was made", func(http.Header) {}, string(body), nil},
		{"upper-case hex", func(h http.Header) { h.Set("x-sign", strings.ToUpper(h.Get("x-sign"))) }, string(body), nil},
		{"no sign", func(h http.Header) { h.Del("x-sign") }, string(body), ErrMissing},
		{"no time", func(h http.Header) { h.Del("x-timestamp") }, string(body), ErrMissing},
		{"two nonces", func(h http.Header) { h.Add("x-nonce", "b") }, string(body), ErrMalformed},
		{"old", func(h http.Header) { h.Set("x-timestamp", "1680508000000") }, string(body), ErrOld},
		{"another body", func(http.Header) {}, `{"flag":2}`, ErrWrong},
		{"an array", func(http.Header) {}, `[1]`, ErrMalformed},
		{"nothing", func(http.Header) {}, ``, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			SignKit(header, vectorKey, vectorNonce, vectorAt, body)
			tt.change(header)
			if _, err := VerifyKit(vectorKey, header, []byte(tt.body), vectorAt); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestUsageRefusals(t *testing.T) {
	body := []byte(`{"usage_records":[]}`)
	for _, tt := range []struct {
		name   string
		change func(http.Header)
		want   error
	}{
		{"as it was made", func(http.Header) {}, nil},
		{"no signature", func(h http.Header) { h.Del("signature") }, ErrMissing},
		{"no ts", func(h http.Header) { h.Del("ts") }, ErrMissing},
		{"no nonce", func(h http.Header) { h.Del("nonce") }, ErrMissing},
		{"two of one", func(h http.Header) { h.Add("ts", "1") }, ErrMalformed},
		{"no base64", func(h http.Header) { h.Set("signature", "!") }, ErrMalformed},
		{"over 1000 characters", func(h http.Header) { h.Set("signature", strings.Repeat("A", 1004)) }, ErrMalformed},
		{"a shorter sum", func(h http.Header) { h.Set("signature", "AAAA") }, ErrWrong},
		{"15 minutes and more", func(h http.Header) { h.Set("ts", Timestamp(vectorAt.Add(-DateWindow-time.Millisecond))) }, ErrOld},
		{"another time", func(h http.Header) { h.Set("ts", Timestamp(vectorAt.Add(1))) }, nil},
		{"another nonce", func(h http.Header) { h.Set("nonce", "x") }, ErrWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			SignUsage(header, vectorKey, vectorNonce, vectorAt, body)
			tt.change(header)
			if _, err := VerifyUsage(vectorKey, header, body, vectorAt); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := VerifyUsage("", http.Header{}, body, vectorAt); !errors.Is(err, ErrKey) {
		t.Errorf("got %v", err)
	}
}
