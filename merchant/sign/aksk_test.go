package sign

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	pair   = KeyPair{"AK1", "SK1"}
	asked  = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	secret = func(access string) (string, error) {
		if access == pair.Access {
			return pair.Secret, nil
		}
		return "", nil
	}
)

const licenseURL = "https://mkt.example.test/api/v1/license/activate?b=2&a=1"

func signed(t *testing.T, kind, body, payload string, names ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, licenseURL, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if payload == "" {
		payload = PayloadHash([]byte(body))
	}
	if err := SignRequest(r, pair, payload, asked, names...); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequestRefusals(t *testing.T) {
	const js, form, body = "application/json", "multipart/form-data; boundary=x", `{"license":"PLXXXXXX"}`
	replace := func(r *http.Request, old, with string) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
	for _, tt := range []struct {
		name    string
		kind    string
		payload string // "" for the hash
		change  func(*http.Request)
		head    error // of VerifyRequest
		body    error // of CheckBody
	}{
		{"as it was made", js, "", func(*http.Request) {}, nil, nil},
		{"upper-case signature", js, "", func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-64]+strings.ToUpper(a[len(a)-64:]))
		}, nil, nil},
		{"query in another order", js, "", func(r *http.Request) { r.URL.RawQuery = "a=1&b=2" }, nil, nil},
		{"a slash at the end of the path", js, "", func(r *http.Request) { r.URL.Path += "/" }, nil, nil},
		{"a path spelled otherwise", js, "", func(r *http.Request) { r.URL.RawPath = "/%61pi/v1/license/activate" }, nil, nil},
		{"headers that are not signed", js, "", func(r *http.Request) { r.Header.Set("X-Request-Id", "1") }, nil, nil},
		{"blanks around a value", js, "", func(r *http.Request) { r.Header.Set("Content-Type", "  application/json ") }, nil, nil},
		{"upload, unsigned payload", form, Unsigned, func(*http.Request) {}, nil, nil},
		{"upload, hash of the body", form, "", func(*http.Request) {}, nil, nil},
		{"upload that became JSON", form, Unsigned, func(r *http.Request) { r.Header.Set("Content-Type", js) }, ErrMalformed, nil},
		{"unsigned payload without a type", "", Unsigned, func(*http.Request) {}, ErrMalformed, nil},
		{"unsigned payload, two types", form, Unsigned, func(r *http.Request) { r.Header.Add("Content-Type", js) }, ErrMalformed, nil},
		{"unsigned payload of JSON", js, Unsigned, func(*http.Request) {}, ErrMalformed, nil},
		{"unsigned payload of JSON in capitals", "Application/JSON; charset=utf8", Unsigned, func(*http.Request) {}, ErrMalformed, nil},
		{"unsigned payload said afterwards", form, "", func(r *http.Request) { r.Header.Set(HeaderPayload, Unsigned) }, ErrWrong, nil},
		{"hash said afterwards, and right", js, "", func(r *http.Request) { r.Header.Set(HeaderPayload, PayloadHash([]byte(body))) }, nil, nil},
		{"hash said afterwards, and another", js, "", func(r *http.Request) { r.Header.Set(HeaderPayload, PayloadHash(nil)) }, ErrWrong, nil},
		{"payload that is no hash", js, "", func(r *http.Request) { r.Header.Set(HeaderPayload, "x") }, ErrMalformed, nil},
		{"no Authorization", js, "", func(r *http.Request) { r.Header.Del("Authorization") }, ErrMissing, nil},
		{"two Authorizations", js, "", func(r *http.Request) { r.Header.Add("Authorization", "x") }, ErrMalformed, nil},
		{"another algorithm", js, "", func(r *http.Request) { replace(r, Algorithm, "SDK-HMAC-SM3") }, ErrMalformed, nil},
		{"no date", js, "", func(r *http.Request) { r.Header.Del(HeaderDate) }, ErrMalformed, nil},
		{"date not signed", js, "", func(r *http.Request) { replace(r, ";x-sdk-date", "") }, ErrMissing, nil},
		{"date of another form", js, "", func(r *http.Request) { r.Header.Set(HeaderDate, "2024-01-02T03:04:05Z") }, ErrMalformed, nil},
		{"another date", js, "", func(r *http.Request) { r.Header.Set(HeaderDate, "20240102T030406Z") }, nil, ErrWrong},
		{"unknown access key", js, "", func(r *http.Request) { replace(r, "AK1", "AK2") }, ErrUnknown, nil},
		{"another method", js, "", func(r *http.Request) { r.Method = http.MethodPut }, nil, ErrWrong},
		{"another host", js, "", func(r *http.Request) { r.Host = "evil.example.test" }, nil, ErrWrong},
		{"another path", js, "", func(r *http.Request) { r.URL.Path = "/api/v2/license/activate" }, nil, ErrWrong},
		{"a path that climbs", js, "", func(r *http.Request) { r.URL.Path = "/api/../api/v1/license/activate" }, ErrMalformed, nil},
		{"a path with an empty part", js, "", func(r *http.Request) { r.URL.Path = "/api//v1/license/activate" }, ErrMalformed, nil},
		{"another query", js, "", func(r *http.Request) { r.URL.RawQuery = "a=1&b=3" }, nil, ErrWrong},
		{"a query that is none", js, "", func(r *http.Request) { r.URL.RawQuery = "a=%" }, ErrMalformed, nil},
		{"a signed header that is gone", js, "", func(r *http.Request) { r.Header.Del("Content-Type") }, ErrMissing, nil},
		{"a signed header twice", js, "", func(r *http.Request) { r.Header.Add("Content-Type", "x") }, nil, ErrWrong},
		{"another key", js, "", func(r *http.Request) { _ = SignRequest(r, KeyPair{"AK1", "SK2"}, PayloadHash([]byte(body)), asked) }, nil, ErrWrong},
		{"Authorization signed by itself", js, "", func(r *http.Request) { replace(r, "SignedHeaders=", "SignedHeaders=authorization;") }, ErrMalformed, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := signed(t, tt.kind, body, tt.payload)
			tt.change(r)
			in, err := VerifyRequest(r, secret, asked)
			if !errors.Is(err, tt.head) {
				t.Fatalf("head: got %v, want %v", err, tt.head)
			}
			if err != nil {
				return
			}
			if err := in.CheckBody(PayloadHash([]byte(body))); !errors.Is(err, tt.body) {
				t.Errorf("body: got %v, want %v", err, tt.body)
			}
			if err := in.CheckBody(PayloadHash([]byte(body + " "))); in.Payload != Unsigned && !errors.Is(err, ErrWrong) {
				t.Errorf("another body: got %v", err)
			}
		})
	}
}

func TestRequestDates(t *testing.T) {
	r := signed(t, "application/json", "{}", "")
	for _, tt := range []struct {
		name string
		off  time.Duration
		want error
	}{
		{"now", 0, nil},
		{"15 minutes later", 15 * time.Minute, nil},
		{"a second more", 15*time.Minute + time.Second, ErrOld},
		{"15 minutes earlier", -15 * time.Minute, nil},
		{"a second more, earlier", -15*time.Minute - time.Second, ErrOld},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := VerifyRequest(r, secret, asked.Add(tt.off)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	down := errors.New("the store is down")
	if _, err := VerifyRequest(r, func(string) (string, error) { return "", down }, asked); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

func TestSigningRefusals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pair  KeyPair
		url   string
		names []string
		want  error
	}{
		{"no access key", KeyPair{"", "s"}, licenseURL, nil, ErrKey},
		{"no secret", KeyPair{"a", ""}, licenseURL, nil, ErrKey},
		{"a comma in the access key", KeyPair{"a,b", "s"}, licenseURL, nil, ErrKey},
		{"a header that is not there", pair, licenseURL, []string{"x-stage"}, ErrMissing},
		{"Authorization itself", pair, licenseURL, []string{"Authorization"}, ErrMalformed},
		{"a path that climbs", pair, "https://mkt.example.test/a/%2e%2e/b", nil, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, tt.url, nil)
			if err := SignRequest(r, tt.pair, PayloadHash(nil), asked, tt.names...); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	r := httptest.NewRequest(http.MethodGet, licenseURL, nil)
	r.Header.Set(HeaderPayload, Unsigned)
	if err := SignRequest(r, pair, PayloadHash(nil), asked); !errors.Is(err, ErrMalformed) {
		t.Errorf("a payload that is said otherwise: got %v", err)
	}
}

func TestAuthorizationHeaders(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for _, tt := range []struct {
		name, header string
		want         error
	}{
		{"shortest", "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=" + sum, nil},
		{"64 headers", "SDK-HMAC-SHA256 Access=a, SignedHeaders=" + headerList(64) + ", Signature=" + sum, nil},
		{"65 headers", "SDK-HMAC-SHA256 Access=a, SignedHeaders=" + headerList(65) + ", Signature=" + sum, ErrMalformed},
		{"access key of 128", "SDK-HMAC-SHA256 Access=" + strings.Repeat("a", 128) + ", SignedHeaders=h, Signature=" + sum, nil},
		{"access key of 129", "SDK-HMAC-SHA256 Access=" + strings.Repeat("a", 129) + ", SignedHeaders=h, Signature=" + sum, ErrMalformed},
		{"empty", "", ErrMissing},
		{"a comma behind the algorithm", "SDK-HMAC-SHA256, Access=a, SignedHeaders=h, Signature=" + sum, ErrMalformed},
		{"no access key", "SDK-HMAC-SHA256 Access=, SignedHeaders=h, Signature=" + sum, ErrMalformed},
		{"parts in another order", "SDK-HMAC-SHA256 Access=a, Signature=" + sum + ", SignedHeaders=h", ErrMalformed},
		{"headers not sorted", "SDK-HMAC-SHA256 Access=a, SignedHeaders=x;h, Signature=" + sum, ErrMalformed},
		{"a header twice", "SDK-HMAC-SHA256 Access=a, SignedHeaders=h;h, Signature=" + sum, ErrMalformed},
		{"a capital", "SDK-HMAC-SHA256 Access=a, SignedHeaders=Host, Signature=" + sum, ErrMalformed},
		{"no header", "SDK-HMAC-SHA256 Access=a, SignedHeaders=, Signature=" + sum, ErrMalformed},
		{"a line break", "SDK-HMAC-SHA256 Access=a\n, SignedHeaders=h, Signature=" + sum, ErrMalformed},
		{"short signature", "SDK-HMAC-SHA256 Access=a, SignedHeaders=h, Signature=0a", ErrMalformed},
		{"8 KiB and more", "SDK-HMAC-SHA256 Access=a, SignedHeaders=" + strings.Repeat("h", 8<<10) + ", Signature=" + sum, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, _, err := ParseAuthorization([]string{tt.header}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func headerList(n int) string {
	var names []string
	for i := range n {
		names = append(names, "h"+strings.Repeat("x", i))
	}
	slices.Sort(names)
	return strings.Join(names, ";")
}

func FuzzAuthorization(f *testing.F) {
	f.Add("")
	f.Add("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=" + strings.Repeat("0a", 32))
	f.Add("SDK-HMAC-SHA256 Access=a, SignedHeaders=;, Signature=" + strings.Repeat("0A", 32))
	f.Fuzz(func(t *testing.T, header string) {
		access, names, sum, err := ParseAuthorization([]string{header})
		if err != nil {
			if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if access == "" || len(names) == 0 || len(sum) != 32 || !slices.IsSorted(names) {
			t.Fatalf("%q: %q, %q, %d bytes", header, access, names, len(sum))
		}
		r := httptest.NewRequest(http.MethodPost, licenseURL, nil)
		r.Header.Set("Authorization", header)
		r.Header.Set(HeaderDate, "20240102T030405Z")
		if in, err := VerifyRequest(r, func(string) (string, error) { return "SK", nil }, asked); err == nil && in.CheckBody(PayloadHash(nil)) == nil {
			t.Fatalf("%q passes", header)
		}
	})
}

// FuzzCanonical: whatever path and query an incoming request has, what we sign of it we accept.
func FuzzCanonical(f *testing.F) {
	f.Add("/a/b", "x=1&y=2")
	f.Add("/a%2Fb/%E4%B8%AD", "a=+&a=%20&=&b")
	f.Add("//", "%")
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest(http.MethodGet, "https://h/", nil)
		r.URL.Path, r.URL.RawQuery = path, query
		if err := SignRequest(r, pair, PayloadHash(nil), asked); err != nil {
			return
		}
		in, err := VerifyRequest(r, secret, asked)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.CheckBody(PayloadHash(nil)); err != nil {
			t.Fatal(err)
		}
	})
}
