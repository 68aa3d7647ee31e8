package sign

import (
	"errors"
	"strings"
	"testing"
)

func TestBodySignRefusals(t *testing.T) {
	body := []byte("{\"resultCode\":\"000000\"}")
	right := BodySign(vectorKey, body)
	value := strings.TrimSuffix(strings.TrimPrefix(right, bodySignHead), bodySignTail)
	for _, tt := range []struct {
		name, header, body string
		want               error
	}{
		{"as it was made", right, string(body), nil},
		{"none", "", string(body), ErrMissing},
		{"no blank", strings.Replace(right, "= ", "=", 1), string(body), ErrMalformed},
		{"no quotes", strings.ReplaceAll(right, `"`, ""), string(body), ErrMalformed},
		{"another type", strings.Replace(right, "HMAC-SHA256", "HMAC-SHA1", 1), string(body), ErrMalformed},
		{"something behind", right + ";", string(body), ErrMalformed},
		{"something before", " " + right, string(body), ErrMalformed},
		{"the value alone", value, string(body), ErrMalformed},
		{"cut", right[:len(right)-4] + `"`, string(body), ErrMalformed},
		{"no padding", strings.Replace(right, "=\"", "A\"", 1), string(body), ErrMalformed},
		{"bits behind the end", strings.Replace(right, value, value[:42]+"/=", 1), string(body), ErrMalformed},
		{"url alphabet", strings.Replace(right, value, strings.Repeat("-", 43)+"=", 1), string(body), ErrMalformed},
		{"a line break behind the body", right, string(body) + "\n", ErrWrong},
		{"another body", right, `{"resultCode":"000001"}`, ErrWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := VerifyBodySign(vectorKey, tt.header, []byte(tt.body)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if err := VerifyBodySign("", BodySign("", body), body); !errors.Is(err, ErrKey) {
		t.Errorf("an empty key signs nothing: got %v", err)
	}
}

func FuzzBodySign(f *testing.F) {
	f.Add(BodySign(vectorKey, nil))
	f.Add("")
	f.Add(bodySignHead + bodySignTail)
	f.Add(`sign_type="HMAC-SHA256", signature="x"`)
	f.Fuzz(func(t *testing.T, header string) {
		sum, err := ParseBodySign(header)
		if (err == nil) != (len(sum) == 32) {
			t.Fatalf("got %d bytes and %v", len(sum), err)
		}
		if err != nil && !errors.Is(err, ErrMissing) && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if VerifyBodySign(vectorKey, header, nil) == nil && header != BodySign(vectorKey, nil) {
			t.Fatalf("%q passes beside the one form", header)
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"", "1680508066618", "1680508066", "0", "-1", "9223372036854775808", "99999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseTimestamp(s)
		if err != nil {
			if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseTimestamp(Timestamp(at))
		if len(s) >= 12 && (err != nil || !again.Equal(at) || Timestamp(at) != s) {
			t.Fatalf("%s: written again %s, %v", s, Timestamp(at), err)
		}
	})
}
