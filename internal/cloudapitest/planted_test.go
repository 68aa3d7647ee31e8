package cloudapitest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/need"
)

// heard is a contract that remembers what broke it.
type heard struct {
	mu  sync.Mutex // guards all
	all []string
}

func (h *heard) broken(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, err.Error())
}

func (h *heard) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.Join(h.all, "\n")
	h.all = nil
	return text
}

func listen(t *testing.T) (*Contract, *heard) {
	t.Helper()
	h := &heard{}
	c, err := Load(".", h.broken)
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}

// call is one request and what a planted cloud answers.
type call struct {
	method, path, body string
	status             int
	header             http.Header // beside the two that every answer bears; "" takes one away
	answer             string
}

func (c call) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set(cloudapi.HeaderAPI, "1")
	h.Set("Iscdesk-Request", "planted")
	if c.answer != "" {
		h.Set("Content-Type", "application/json")
	}
	for k, v := range c.header {
		if h.Set(k, v[0]); v[0] == "" {
			h.Del(k)
		}
	}
	w.WriteHeader(c.status)
	_, _ = io.WriteString(w, c.answer)
}

const (
	goodServer = `{"build":"x","api":1,"time":"2026-03-10T09:00:00Z","setupDone":true}`
	goodSpace  = `{"id":"sp","name":"Parts","role":"owner"}`
)

// Every kind of fault, and for each the good call beside it: what is not told apart
// here would pass in all tests.
var planted = []struct {
	name  string
	call  call
	fault string // part of what must be said; "" is a call that keeps the contract
}{
	{"good answer", call{method: "GET", path: "/v1/server", status: 200, answer: goodServer}, ""},
	{"good request", call{method: "POST", path: "/v1/spaces", body: `{"name":"Parts"}`, status: 201, answer: goodSpace}, ""},
	{"bad request refused", call{method: "POST", path: "/v1/spaces", body: `{"name":7}`, status: 400,
		answer: `{"error":{"code":"invalid_argument","message":"m"}}`}, ""},
	{"good request refused", call{method: "POST", path: "/v1/spaces", body: `{"name":"Parts"}`, status: 400,
		answer: `{"error":{"code":"invalid_argument","message":"the member is too long","params":{"member":"name"}}}`}, "refused a request that the file allows"},
	{"good request refused by a rule that no schema says", call{method: "POST", path: "/v1/members", body: `{"account":"li","name":"Li","password":"aaaaaaaa","role":"member"}`, status: 400,
		answer: `{"error":{"code":"invalid_argument","message":"the password must have a letter and a digit","params":{"member":"password"}}}`}, ""},
	{"good request refused by a bound that a schema says", call{method: "POST", path: "/v1/members", body: `{"account":"li","name":"Li","password":"aaaaaaaa","role":"member"}`, status: 400,
		answer: `{"error":{"code":"invalid_argument","message":"the password must have 8 to 128 characters","params":{"member":"password"}}}`}, "refused a request that the file allows"},
	{"path that nobody knows refused", call{method: "GET", path: "/v1/nothing", status: 404, answer: `{}`}, ""},
	{"unknown member in the answer", call{method: "GET", path: "/v1/server", status: 200, answer: goodServer[:len(goodServer)-1] + `,"extra":1}`}, `property "extra" is unsupported`},
	{"member missing from the answer", call{method: "GET", path: "/v1/server", status: 200, answer: `{"build":"x"}`}, `property "api" is missing`},
	{"wrong type in the answer", call{method: "GET", path: "/v1/server", status: 200, answer: strings.Replace(goodServer, `true`, `"yes"`, 1)}, "value must be a boolean"},
	{"wrong status", call{method: "POST", path: "/v1/spaces", body: `{"name":"Parts"}`, status: 200, answer: goodSpace}, "is not what the file says"},
	{"good status without its body", call{method: "POST", path: "/v1/logout", status: 200}, "is not what the file says"},
	{"missing header", call{method: "GET", path: "/v1/server", status: 200, header: http.Header{"Iscdesk-Request": {""}}, answer: goodServer}, "Iscdesk-Request"},
	{"HTML for JSON", call{method: "GET", path: "/v1/server", status: 200, header: http.Header{"Content-Type": {"text/html"}}, answer: "<html>"}, "text/html"},
	{"refusal with a code of its own", call{method: "GET", path: "/v1/server", status: 503, answer: `{"error":{"code":"tired","message":"m"}}`}, "is not one of the allowed values"},
	{"refusal without a body", call{method: "GET", path: "/v1/server", status: 503}, "is not what the file says"},
	{"bad request taken", call{method: "POST", path: "/v1/spaces", body: `{"name":7}`, status: 201, answer: goodSpace}, "took a request"},
	{"request without its member taken", call{method: "POST", path: "/v1/spaces", body: `{}`, status: 201, answer: goodSpace}, "took a request"},
	{"path that nobody knows answered", call{method: "GET", path: "/v1/nothing", status: 200, answer: `{}`}, "find route"},
	{"method that nobody knows answered", call{method: "PATCH", path: "/v1/spaces", status: 200, answer: `{}`}, "find route"},
}

// send makes the call over HTTPS.
func (c call) send(t *testing.T, client *http.Client, base string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != c.answer || res.StatusCode != c.status {
		t.Errorf("the call was changed on its way: %d %s, %v", res.StatusCode, b, err)
	}
}

// TestPlantedFaultsFire tries every fault through every side on which the contract stands.
func TestPlantedFaultsFire(t *testing.T) {
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			c, h := listen(t)
			said := func(side string) {
				t.Helper()
				if got := h.take(); (p.fault == "") != (got == "") || !strings.Contains(got, p.fault) {
					t.Errorf("%s: said %q, want %q", side, got, p.fault)
				}
			}
			bare := httptest.NewTLSServer(p.call)
			defer bare.Close()
			p.call.send(t, &http.Client{Transport: c.Client(bare.Client().Transport)}, bare.URL)
			said("client")
			fake := httptest.NewTLSServer(c.Fake(p.call))
			defer fake.Close()
			p.call.send(t, fake.Client(), fake.URL)
			said("fake")
			if p.call.header == nil { // an interface has no headers
				c.Says(p.call.method, p.call.path, raw(p.call.body), p.call.status, raw(p.call.answer))
				said("interface")
			}
		})
	}
}

// raw is JSON text, or nothing.
func raw(text string) any {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// TestAnswersOfNoCloud: from the real one an answer without the API's header is off
// the contract; in a fake it is planted.
func TestAnswersOfNoCloud(t *testing.T) {
	c, h := listen(t)
	page := call{method: "GET", path: "/v1/server", status: 200, header: http.Header{cloudapi.HeaderAPI: {""}}, answer: goodServer}
	s := httptest.NewTLSServer(c.Fake(page))
	defer s.Close()
	page.send(t, s.Client(), s.URL)
	if got := h.take(); got != "" {
		t.Errorf("a planted page was compared: %s", got)
	}
	page.send(t, &http.Client{Transport: c.Client(s.Client().Transport)}, s.URL)
	if got := h.take(); !strings.Contains(got, cloudapi.HeaderAPI) {
		t.Errorf("a cloud without its header: %q", got)
	}
}

// TestFront stands a front before the real cloud, which keeps the contract, and
// before the same one with a description that it cannot keep.
func TestFront(t *testing.T) {
	exe, data := filepath.Join(t.TempDir(), "iscdesk-cloud"), t.TempDir()
	build := exec.Command(need.Command(t, "go"), "build", "-o", exe, "github.com/iscdesk/iscdesk/cloud")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the cloud: %v\n%s", err, out)
	}
	cmd := exec.Command(exe, "serve", "--data", data, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(end)
	base := ""
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "ready: "); {
		if address, ok := strings.CutPrefix(lines.Text(), "address: "); ok {
			base = address
		}
	}
	ca, err := os.ReadFile(filepath.Join(data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca) // as agents trust it: the cloud's own file
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport}
	last := ""
	for _, tt := range []struct{ dir, want string }{{".", ""}, {bent(t), `property "moon" is missing`}} {
		h := &heard{}
		c, err := Load(tt.dir, h.broken)
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.Front(data, base)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		res, err := client.Get(f.URL + "/v1/server")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := h.take(); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("said %q, want %q", got, tt.want)
		}
		last = f.URL
	}
	end()
	if res, err := client.Get(last + "/v1/server"); err == nil {
		res.Body.Close()
		t.Errorf("a cloud that is away answered %d", res.StatusCode)
	}
}

// bent is a folder with a description that no cloud keeps.
func bent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("../../cloud/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const members = "required: [build, api, time, setupDone"
	off := strings.Replace(string(text), members, members+", moon", 1)
	if off == string(text) {
		t.Fatal("the fault could not be planted")
	}
	if err := os.MkdirAll(filepath.Join(dir, "cloud"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cloud", "openapi.yaml"), []byte(off), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
