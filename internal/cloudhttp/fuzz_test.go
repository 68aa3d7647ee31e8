package cloudhttp

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// FuzzRefusal: whatever stands in an answer that is not 2xx becomes a failure
// with a bounded text.
func FuzzRefusal(f *testing.F) {
	f.Add(409, `{"error":{"code":"held_by_other","message":"m","params":{"holder":"li"}}}`, "3")
	f.Add(500, `<html>`, "")
	f.Add(404, `{"error":{}}`, "-1")
	f.Add(429, `{"error":{"code":"`+strings.Repeat("x", 9000)+`"}}`, "99999999999999999999")
	f.Add(302, "\xff", "Sun, 06 Nov 1994 08:49:37 GMT")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body))}
		err := refusal(resp)
		var e *api.Error
		if !errors.As(err, &e) || e.Code >= 0 || len(e.Detail) > api.MaxText {
			t.Fatalf("got %#v", err)
		}
		if utf8.ValidString(body) && !utf8.ValidString(e.Detail) {
			t.Fatalf("detail is not UTF-8: %q", e.Detail)
		}
	})
}
