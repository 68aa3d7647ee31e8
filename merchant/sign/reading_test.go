package sign

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestReadings: both ends with the same reading agree, with ours and another they do not, but where ours takes both.
func TestReadings(t *testing.T) {
	const key, nonce = "key", "N0NCE"
	at := time.UnixMilli(1_680_508_066_618)
	body := []byte(`{"b": {"d":1, "c":2},"a":"x"}`)
	for _, tt := range []struct {
		name       string
		r          Reading
		production bool // ours takes what this one has signed
		kit        bool
		mine       bool // this one takes what ours has signed, production
	}{
		{"ours", Reading{}, true, true, true},
		{"PlainDigest", Reading{PlainDigest: true}, false, true, false},
		{"Ascending", Reading{Ascending: true}, false, false, false},
		{"Descending", Reading{Descending: true}, false, false, false},
		{"KitDigest", Reading{KitDigest: true}, true, false, true},
		{"Seconds", Reading{Seconds: true}, true, true, false},
		{"Millis", Reading{Millis: true}, true, true, true},
		{"UpperHex", Reading{UpperHex: true}, true, true, false},
		{"LowerHex", Reading{LowerHex: true}, true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timestamp := tt.r.Timestamp(at)
			signature, err := tt.r.Production(key, nonce, timestamp, body)
			if err != nil {
				t.Fatal(err)
			}
			query := map[string][]string{ParamSignature: {signature}, ParamTimestamp: {timestamp}, ParamNonce: {nonce}}
			if _, err := tt.r.VerifyProduction(key, query, body, at); err != nil {
				t.Errorf("its own: %v", err)
			}
			if _, err := VerifyProduction(key, query, body, at); (err == nil) != tt.production {
				t.Errorf("ours says %v", err)
			}
			if _, err := tt.r.VerifyProduction(key, SignProduction(key, nonce, at, body), body, at); (err == nil) != tt.mine {
				t.Errorf("it says of ours %v", err)
			}
			h := http.Header{}
			if err := tt.r.SignKit(h, key, nonce, at, body); err != nil {
				t.Fatal(err)
			}
			if _, err := tt.r.VerifyKit(key, h, body, at); err != nil {
				t.Errorf("its own kit call: %v", err)
			}
			if _, err := VerifyKit(key, h, body, at); (err == nil) != tt.kit {
				t.Errorf("ours says of a kit call %v", err)
			}
		})
	}
	// What is ordered is what an ascending body without blanks is.
	got, err := Reading{Ascending: true}.arranged(body)
	if err != nil || string(got) != `{"a":"x","b":{"d":1,"c":2}}` {
		t.Errorf("ordered: %s, %v", got, err)
	}
	if got, err = (Reading{Descending: true}).arranged(body); err != nil || string(got) != `{"b":{"d":1,"c":2},"a":"x"}` {
		t.Errorf("ordered downwards: %s, %v", got, err)
	}
	for _, none := range []string{"", "[]", "{", `{"a":1,"a":2}`, `{"a":}`, "x"} {
		if _, err := (Reading{Ascending: true}).Production(key, nonce, "1", []byte(none)); err == nil {
			t.Errorf("%q has members", none)
		}
	}
	if s := strings.ToUpper(Production(key, nonce, Timestamp(at), body)); s != (Reading{UpperHex: true}).hex(must(Reading{}.production(key, nonce, Timestamp(at), body))) {
		t.Error("upper case is another signature")
	}
}

func must(b []byte, _ error) []byte { return b }

// TestBlankValuesOfAToken: the code of the pages leaves them out of a POST's token, their words do not.
func TestBlankValuesOfAToken(t *testing.T) {
	values := map[string][]string{"a": {"1"}, "blank": {" "}, ParamTimeStamp: {"20230327065233980"}}
	without, err := Token("key", values, TokenBody)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Token("key", values, TokenWholeBody)
	if err != nil || whole == without {
		t.Errorf("a blank value changes nothing: %v", err)
	}
	if _, err := VerifyToken("key", whole, values, TokenWholeBody); err != nil {
		t.Error(err)
	}
}
