package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse: whatever comes, a request is either refused with a problem that fits into an answer,
// or means the same when it is encoded and read again, by us and by encoding/json.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	for _, s := range []string{"", "{}", "null", `{"activity":"newInstance"}`, `{"activity":"newInstance","activity":"x"}`, `{"a":[[[[[[[[[[[]]]]]]]]]]]}`,
		"{\"activity\":\"\xff\"}", `{"activity":"\ud83d"}`, `{"activity":"newInstance"}{}`, `{"testFlag":1e9}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Parse(body)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || utf8.RuneCountInString(p.Error()) > maxMsg {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse(again)
		if err != nil || !reflect.DeepEqual(second, r) {
			t.Fatalf("%s\n%+v\n%s\n%+v, %v", body, r, again, second, err)
		}
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil || members["activity"] != r.Activity() {
			t.Fatalf("%s is not JSON to others: %v", body, err)
		}
	})
}

// FuzzTimes: what is read is what is written, and nothing but the documented forms is read.
func FuzzTimes(f *testing.F) {
	for _, s := range []string{"20231027103015", "20231027103015256", "2023-10-27 10:30:15 z", "2023-10-27 10:30:15 UTC", "00000000000000", "99991231235960", " z", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := ParseTime(s); err == nil {
			if got := FormatMillis(at); got[:14] != s[:14] || len(s) == 17 && got != s {
				t.Fatalf("%q is read as %v", s, at)
			}
		}
		if at, err := ParseLicenseTime(s); err == nil {
			again, err := ParseLicenseTime(FormatLicenseTime(at))
			if err != nil || !again.Equal(at.Truncate(time.Second)) {
				t.Fatalf("%q: %v, then %v, %v", s, at, again, err)
			}
		}
	})
}

// FuzzQuery: no parameter is read twice or in two ways.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=1&a=1", "a=%00", "=", "&&", "a=%E8%AE%A2", "a=+", "a=b=c", "activity=newInstance&testFlag=1"} {
		f.Add(s)
	}
	table := []Field{{Name: "a", Required: true, Max: 3}, {Name: "n", Kind: Integer, Max: 4}, {Name: "t", Kind: Time, Max: 20}}
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := ParseQuery(raw)
		if err != nil {
			return
		}
		if o.Check(table) != nil {
			return
		}
		if n := utf8.RuneCountInString(o.Text("a")); n == 0 || n > 3 || o.Int("n") < 0 || o.Int("n") > 9999 {
			t.Fatalf("%q: a %q, n %d", raw, o.Text("a"), o.Int("n"))
		}
	})
}

// FuzzParseAnswer: an ISV's answer cannot break the platform.
func FuzzParseAnswer(f *testing.F) {
	f.Add(ActivityNewInstance, []byte(`{"resultCode":"000000","resultMsg":"success","instanceId":"i"}`))
	f.Add(ActivityQueryInstance, []byte(`{"resultCode":"000000","info":[{"instanceId":"i","appInfo":{"frontEndUrl":"u"},"usageInfo":[{"usageValue":1e3,"statisticalTime":"20231027103015256"}]}]}`))
	f.Add("", []byte(`{"resultCode":"","resultCode":"000000"}`))
	f.Fuzz(func(t *testing.T, activity string, body []byte) {
		a, err := ParseAnswer(activity, body)
		if err != nil {
			return
		}
		again, err := a.Encode()
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if _, err := ParseAnswer(activity, again); err != nil {
			t.Fatalf("%s, then %s: %v", body, again, err)
		}
	})
}

// TestHalfPairs: which escapes are half a character, also beside a replacement character that is meant.
func TestHalfPairs(t *testing.T) {
	for text, want := range map[string]bool{
		`\ud800`: true, `\udc00`: true, `\ud83d`: true, `\ud83dx`: true, `\ud83d\n`: true, `\ud83d\ud83d\ude00`: true, `\ude00\ud83d`: true,
		`\uD83D\uDE00`: false, `\ud83d\ude00`: false, `\\ud800`: false, `\\\ud800`: true, `\ufffd`: false, "\ufffd": false, `\u0000`: false, ``: false,
		`\ufffd","b":"\ud800`: true, "\ufffd\",\"b\":\"\\ud800": true,
	} {
		_, err := ParseObject([]byte(`{"a":"` + text + `"}`))
		if (err != nil) != want {
			t.Errorf("%q: %v, want refused %v", text, err, want)
		}
		if _, err := ParseObject([]byte(`{"` + text + `":1}`)); (err != nil) != want && !strings.Contains(text, ":") {
			t.Errorf("name %q: %v, want refused %v", text, err, want)
		}
	}
}

// FuzzHalfPair holds the scan against what encoding/json makes of the same text.
func FuzzHalfPair(f *testing.F) {
	for _, s := range []string{`\ud800`, `\ud83d\ude00`, `\\ud800`, `\ud83d\u0041`, `a\udc00`, `\"\ud800\\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = `"` + text + `"`
		var s string
		if strings.Contains(strings.ToLower(text), `\ufffd`) || strings.ContainsRune(text, utf8.RuneError) || !utf8.ValidString(text) || json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		if got := halfPair([]byte(text)); got != strings.ContainsRune(s, utf8.RuneError) {
			t.Errorf("%s: half %v, read as %q", text, got, s)
		}
	})
}
