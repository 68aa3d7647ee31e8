package sign

import (
	"net/http"
	"testing"
)

func TestEcho(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "https://mkt.example.test/test?b=2&a=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := Echo(r, PayloadHash(nil)); got != "" {
		t.Errorf("of an unsigned request: %q", got)
	}
	r.Header.Set("X-Sdk-Date", "20230527T015431Z")
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature="+PayloadHash(nil))
	want := "GET|/test/|a=1&b=2|host:mkt.example.test|x-sdk-date:20230527T015431Z||host;x-sdk-date|" + PayloadHash(nil)
	if got := Echo(r, PayloadHash(nil)); got != want {
		t.Errorf("%q instead of %q", got, want)
	}
	r.Header.Set(HeaderPayload, Unsigned)
	if got := Echo(r, PayloadHash(nil)); got != want[:len(want)-64]+Unsigned {
		t.Errorf("with a payload of its own: %q", got)
	}
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-other, Signature="+PayloadHash(nil))
	if got := Echo(r, PayloadHash(nil)); got != "" {
		t.Errorf("without a signed header: %q", got)
	}
}
