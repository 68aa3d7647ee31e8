package cloudapitest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// client is the transport that Client returns.
type client struct {
	*Contract
	next http.RoundTripper
}

// Client stands between a client and the cloud. Bodies are read whole, in both directions.
func (c *Contract) Client(next http.RoundTripper) http.RoundTripper {
	if c == nil {
		return next
	}
	return client{c, next}
}

// RoundTrip sends the request and compares both directions.
func (c client) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	c.hold(req, body, res, answer)
	return res, nil
}

// Fake stands before a fake cloud. An answer without the API's header is a planted
// fault that is no cloud's (a log-in page) and is not compared; nor is a
// connection that the fake aborts.
func (c *Contract) Fake(fake http.Handler) http.Handler {
	if c == nil {
		return fake
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the caller has gone
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		fake.ServeHTTP(rec, req)
		res, answer := rec.Result(), rec.Body.Bytes()
		if res.Header.Get(cloudapi.HeaderAPI) != "" {
			asked := req.Clone(req.Context())
			asked.URL.Scheme, asked.URL.Host = "https", req.Host
			c.hold(asked, body, res, answer)
		}
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(answer) // a caller that has gone needs no answer
	})
}

// Says is for a fake that is a Go interface and sends nothing: it compares the
// call that would have been sent, asked (nil for no body), with the good answer that the
// fake gives, both as JSON. answer is nil for a 204.
func (c *Contract) Says(method, path string, asked any, status int, answer any) {
	if c == nil {
		return
	}
	encode := func(v any) []byte {
		if v == nil {
			return nil
		}
		b, err := json.Marshal(v)
		if err != nil {
			c.broken(err)
		}
		return b
	}
	body, said := encode(asked), encode(answer)
	req := httptest.NewRequest(method, "https://cloud.example"+path, strings.NewReader(string(body)))
	res := &http.Response{StatusCode: status, Header: http.Header{cloudapi.HeaderAPI: {"1"}, "Iscdesk-Request": {"fake"}}}
	if asked != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if answer != nil {
		res.Header.Set("Content-Type", "application/json")
	}
	c.hold(req, body, res, said)
}
