package picker

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// client is a caller without a browser: it sends exactly what a test says.
type client struct {
	t      *testing.T
	base   string
	bearer string
	http   *http.Client
}

func newClient(t *testing.T, base string) *client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, base: base, http: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

// change alters a request before it is sent.
type change func(*http.Request)

func header(name, value string) change { return func(r *http.Request) { r.Header.Set(name, value) } }
func host(name string) change          { return func(r *http.Request) { r.Host = name } }

// do sends a request as the page's own script would, but for the changes.
func (c *client) do(method, path string, values url.Values, changes ...change) (status int, body string, h http.Header) {
	c.t.Helper()
	var in io.Reader
	if values != nil {
		in = strings.NewReader(values.Encode())
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	if values != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method == http.MethodPost {
		req.Header.Set("Origin", c.base)
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for _, change := range changes {
		change(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(out), res.Header
}

// login exchanges the address's token.
func (c *client) login(token string) {
	c.t.Helper()
	status, body, _ := c.do(http.MethodPost, "/session", url.Values{"token": {token}})
	if status != http.StatusOK {
		c.t.Fatalf("exchange token: %d %s", status, body)
	}
	var got struct{ Bearer string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Bearer) != 43 {
		c.t.Fatalf("bearer %q: %v", got.Bearer, err)
	}
	c.bearer = got.Bearer
}

// get asks for a path and wants 200 and all of the texts.
func (c *client) get(path string, texts ...string) string {
	c.t.Helper()
	status, body, _ := c.do(http.MethodGet, path, nil)
	return c.check(path, status, body, http.StatusOK, texts)
}

// post sends a form and wants a status and all of the texts.
func (c *client) post(path string, values url.Values, want int, texts ...string) string {
	c.t.Helper()
	status, body, _ := c.do(http.MethodPost, path, values)
	return c.check(path, status, body, want, texts)
}

func (c *client) check(path string, status int, body string, want int, texts []string) string {
	c.t.Helper()
	if status != want {
		c.t.Fatalf("%s: status %d, want %d:\n%s", path, status, want, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			c.t.Errorf("%s: %q is not in\n%s", path, text, body)
		}
	}
	return body
}

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
