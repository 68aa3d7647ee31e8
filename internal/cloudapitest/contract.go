// Package cloudapitest holds what is said to and by a cloud against
// cloud/openapi.yaml: the real one from a client's side or by a front that stands
// before it, and the fakes of other packages' tests, so that no fake speaks an API
// that is not the cloud's. Tests and the demo use it, nothing that is shipped. It never
// changes what is said.
package cloudapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract is openapi.yaml and who is told what breaks it. A nil Contract holds
// nothing: for measurements, because the comparison would be measured.
type Contract struct {
	doc    *openapi3.T
	router routers.Router
	broken func(error)
}

// Load reads cloud/openapi.yaml, looked for in dir and in the folders above it.
// broken is told each request and answer that is not what the file says, from any
// goroutine.
func Load(dir string, broken func(error)) (*Contract, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for {
		file := filepath.Join(dir, "cloud", "openapi.yaml")
		if _, err := os.Stat(file); err == nil {
			doc, err := openapi3.NewLoader().LoadFromFile(file)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
			if err := doc.Validate(context.Background()); err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
			router, err := gorillamux.NewRouter(doc)
			return &Contract{doc: doc, router: router, broken: broken}, err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, errors.New("cloud/openapi.yaml is not in the folder or above it")
		}
		dir = up
	}
}

// loaded is read once for all tests of a process: it takes longer than most of them.
var loaded = sync.OnceValues(func() (*Contract, error) { return Load(".", nil) })

// For is the contract for a test, whose errors are what breaks it. A benchmark gets nil.
func For(t testing.TB) *Contract {
	t.Helper()
	if _, measured := t.(*testing.B); measured {
		return nil
	}
	c, err := loaded()
	if err != nil {
		t.Fatalf("read openapi.yaml: %v", err)
	}
	return &Contract{doc: c.doc, router: c.router, broken: func(err error) { t.Errorf("openapi.yaml: %v", err) }}
}

// Document is the valid cloud/openapi.yaml; nobody may change it.
func (c *Contract) Document() *openapi3.T { return c.doc }

// hold compares a call with the file. Every answer must be what the file says. A
// request that succeeds must be what the file says, and one that is refused for what its members
// are must not be, but for the rules of unsaid: so the file is neither stricter than the
// cloud nor looser, as far as tests go to the bounds.
func (c *Contract) hold(req *http.Request, body []byte, res *http.Response, answer []byte) {
	if err := c.compare(req, body, res, answer); err != nil {
		c.broken(fmt.Errorf("%s %s, status %d: %w", req.Method, req.URL.Path, res.StatusCode, err))
	}
}

func (c *Contract) compare(req *http.Request, body []byte, res *http.Response, answer []byte) error {
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
	if bad == nil && res.StatusCode == http.StatusBadRequest && !unsayable(req.Method+" "+route.Path, body, answer) {
		return fmt.Errorf("the cloud refused a request that the file allows: %.300s", answer)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: opts}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(req.Context(), out); err != nil {
		return fmt.Errorf("the answer is not what the file says: %w", err)
	}
	return nil
}
