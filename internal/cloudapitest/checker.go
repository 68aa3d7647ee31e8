// Package cloudapitest holds what is said to and by a cloud against
// cloud/openapi.yaml: the real one from a client's side, and the fakes of other
// packages' tests from their own, so that no fake speaks an API that is not the
// cloud's. Tests only.
package cloudapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// described is openapi.yaml, read once for all tests of a process: it takes longer than most of them.
var described = sync.OnceValues(func() (*openapi3.T, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		file := filepath.Join(dir, "cloud", "openapi.yaml")
		if _, err := os.Stat(file); err == nil {
			doc, err := openapi3.NewLoader().LoadFromFile(file)
			if err != nil {
				return nil, err
			}
			return doc, doc.Validate(context.Background())
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, errors.New("cloud/openapi.yaml is not above the test's folder")
		}
		dir = up
	}
})

// routed is the router over described.
var routed = sync.OnceValues(func() (routers.Router, error) {
	doc, err := described()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// Document is the valid cloud/openapi.yaml; nobody may change it.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := described()
	if err != nil {
		t.Fatalf("read openapi.yaml: %v", err)
	}
	return doc
}

// checker compares calls with the file. Every answer must be what the file says. A
// request that succeeds must be what the file says; one that the file does not allow must be
// refused: so the file is neither looser nor stricter than the cloud.
type checker struct {
	t      testing.TB
	next   http.RoundTripper // of a client
	serve  http.Handler      // of a fake
	router routers.Router
}

func newChecker(t testing.TB) *checker {
	t.Helper()
	router, err := routed()
	if err != nil {
		t.Fatalf("route openapi.yaml: %v", err)
	}
	return &checker{t: t, router: router}
}

// Client stands between a test and the cloud.
func Client(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	c := newChecker(t)
	c.next = next
	return c
}

// Fake stands before a fake cloud. An answer without the API's header is meant to be
// no cloud's (a log-in page, a cut connection) and is not compared.
func Fake(t testing.TB, fake http.Handler) http.Handler {
	t.Helper()
	c := newChecker(t)
	c.serve = fake
	return c
}

// ServeHTTP has the fake answer and compares request and answer. A fake that
// aborts its connection aborts here as well, uncompared.
func (c *checker) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the caller has gone
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	rec := httptest.NewRecorder()
	c.serve.ServeHTTP(rec, req)
	res, answer := rec.Result(), rec.Body.Bytes()
	if res.Header.Get(cloudapi.HeaderAPI) != "" {
		asked := req.Clone(req.Context())
		asked.URL.Scheme, asked.URL.Host = "https", req.Host
		if err := c.check(asked, body, res, answer); err != nil {
			c.t.Errorf("the fake and openapi.yaml: %s %s, status %d: %v", req.Method, req.URL.Path, res.StatusCode, err)
		}
	}
	maps.Copy(w.Header(), res.Header)
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // a caller that has gone needs no answer
}

// RoundTrip sends the request and checks both directions.
func (c *checker) RoundTrip(req *http.Request) (*http.Response, error) {
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
	if err := c.check(req, body, res, answer); err != nil {
		c.t.Errorf("openapi.yaml: %s %s, status %d: %v", req.Method, req.URL.Path, res.StatusCode, err)
	}
	return res, nil
}

func (c *checker) check(req *http.Request, body []byte, res *http.Response, answer []byte) error {
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusMethodNotAllowed || res.StatusCode == http.StatusUnauthorized {
			return nil
		}
		return fmt.Errorf("find route: %w", err)
	}
	again := req.Clone(req.Context())
	if body != nil {
		again.Body = io.NopCloser(bytes.NewReader(body))
	}
	// Who may call is the cloud's own business; the tests of roles try it.
	opts := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: opts}
	bad := openapi3filter.ValidateRequest(req.Context(), in)
	if bad != nil && res.StatusCode < 400 {
		return fmt.Errorf("the cloud took a request that the file does not allow: %w", bad)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: opts}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(req.Context(), out); err != nil {
		return fmt.Errorf("the answer is not what the file says: %w", err)
	}
	return nil
}
