package sign

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	base := url.Values{"activity": {"getLicense"}, "orderId": {"CS1"}, "timeStamp": {"20230327065233980"}}
	with := func(name string, values ...string) url.Values {
		v := maps.Clone(base)
		v[name] = values
		return v
	}
	without := func(name string) url.Values {
		v := maps.Clone(base)
		delete(v, name)
		return v
	}
	for _, tt := range []struct {
		name   string
		values url.Values
		form   TokenForm
		same   bool // as base's token
		want   error
	}{
		{"base", base, TokenQuery, true, nil},
		{"authToken itself", with("authToken", "anything"), TokenQuery, true, nil},
		{"a blank value in a query", with("productId", ""), TokenQuery, false, nil},
		{"a blank value in a body", with("productId", " "), TokenBody, true, nil},
		{"another value", with("orderId", "CS2"), TokenQuery, false, nil},
		{"a plus that was decoded", with("customerName", "a b+c"), TokenQuery, false, nil},
		{"an & in a name of people", with("customerName", "R&D = all"), TokenQuery, false, nil},
		{"a parameter within a value", with("orderId", "CS1&testFlag=1"), TokenQuery, false, ErrMalformed},
		{"a parameter within a name", with("a=1&b", "2"), TokenQuery, false, ErrMalformed},
		{"a name twice", with("orderId", "CS1", "CS1"), TokenQuery, false, ErrMalformed},
		{"no time", without("timeStamp"), TokenQuery, false, ErrMissing},
		{"32 KiB", with("memo", strings.Repeat("x", 32<<10)), TokenQuery, false, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Token(vectorKey, tt.values, tt.form)
			if !errors.Is(err, tt.want) || err == nil && (got == "WSqWnE+NMDZpK2GS2aGqbbXhC5PRFUG63eJA4kUh56E=") != tt.same {
				t.Fatalf("got %s, %v", got, err)
			}
			if err == nil {
				if _, err := VerifyToken(vectorKey, got, tt.values, tt.form); err != nil {
					t.Error(err)
				}
			}
		})
	}
	many := maps.Clone(base)
	for i := range maxTokenParams {
		many["p"+strings.Repeat("x", i)] = []string{"1"}
	}
	if _, err := Token(vectorKey, many, TokenQuery); !errors.Is(err, ErrMalformed) {
		t.Errorf("too many parameters: got %v", err)
	}
	if _, err := Token("", base, TokenQuery); !errors.Is(err, ErrKey) {
		t.Errorf("no key: got %v", err)
	}
}

func TestTokenRefusals(t *testing.T) {
	values := url.Values{"activity": {"getLicense"}, "orderId": {"CS1"}, "timeStamp": {"20230327065233980"}}
	right, err := Token(vectorKey, values, TokenQuery)
	if err != nil {
		t.Fatal(err)
	}
	odd := url.Values{"timeStamp": {"20231327065233980"}} // a thirteenth month
	oddToken, err := Token(vectorKey, odd, TokenQuery)
	if err != nil {
		t.Fatal(err)
	}
	short := url.Values{"timeStamp": {"20230327065233"}}
	shortToken, err := Token(vectorKey, short, TokenQuery)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, token string
		values      url.Values
		want        error
	}{
		{"right", right, values, nil},
		{"none", "", values, ErrMissing},
		{"short", right[1:], values, ErrMalformed},
		{"no base64", strings.Repeat("!", 44), values, ErrMalformed},
		{"another", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", values, ErrWrong},
		{"a time that is none", oddToken, odd, ErrMalformed},
		{"a time without milliseconds", shortToken, short, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := VerifyToken(vectorKey, tt.token, tt.values, TokenQuery); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	f.Add("activity=getLicense&orderId=CS1&timeStamp=20230327065233980&authToken=x")
	f.Add("timeStamp=20230327065233980&customerName=%26a%3D1")
	f.Add("timeStamp=1")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		token, err := Token(vectorKey, values, TokenQuery)
		if err != nil {
			return
		}
		if _, err := VerifyToken(vectorKey, token, values, TokenQuery); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		// One query, one token: what is joined can be read in one way only.
		values.Add("zzz", "1")
		if other, err := Token(vectorKey, values, TokenQuery); err == nil && other == token {
			t.Fatal("a parameter more has the same token")
		}
	})
}

// FuzzBoundary holds the scan against the form that it looks for.
func FuzzBoundary(f *testing.F) {
	form := regexp.MustCompile(`&[A-Za-z][A-Za-z0-9]*=`)
	for _, s := range []string{"", "&", "&=", "&a=", "&a1=b", "&1a=", "a&&b=", "&a&b&c=", "&a b=", "x=y", "&ab", "&é="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got, want := boundary(value), form.MatchString(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	})
}
