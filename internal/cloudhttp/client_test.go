package cloudhttp

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// serve starts a TLS server whose answers bear the API's header, and a client that trusts it.
// These tests are about the transport: no path of the cloud's API is served, and what is
// wrong in an answer is planted, so nothing here is held against openapi.yaml.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(cloudapi.HeaderAPI, "1")
		h(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are the point of some tests
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, client(t, Config{Base: s.URL, CAPEM: caOf(s), Proxy: ProxyDirect})
}

func caOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.wait = func(context.Context, time.Duration) error { return nil }
	t.Cleanup(c.Close)
	return c
}

func get(c *Client, path string, result any) error {
	_, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: path, Result: result})
	return err
}

func TestJSONBothWays(t *testing.T) {
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"name":%q}`, strings.Join([]string{r.Method, r.URL.RequestURI(), string(b),
			r.Header.Get("Authorization"), r.Header.Get(cloudapi.HeaderDevice), r.Header.Get("User-Agent")}, " "))
	})
	c.agent = "iscdesk/test"
	var got cloudapi.NewSpace
	reply, err := c.Do(context.Background(), Request{Method: http.MethodPost, Path: "/a%2Fb", Query: map[string][]string{"q": {"1 2"}},
		Token: "tok", Device: "dev", JSON: cloudapi.NewSpace{Name: "n"}, Result: &got})
	if err != nil {
		t.Fatal(err)
	}
	if want := `POST /a%2Fb?q=1+2 {"name":"n"} Bearer tok dev iscdesk/test`; got.Name != want {
		t.Errorf("got %q, want %q", got.Name, want)
	}
	if reply.Time.IsZero() || !c.Reachable() {
		t.Errorf("time %v, reachable %v", reply.Time, c.Reachable())
	}
}

func TestStreams(t *testing.T) {
	var stored []byte
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			stored, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(stored)
	})
	pack := bytes.Repeat([]byte("0123456789"), 100_000)
	if _, err := c.Do(context.Background(), Request{Method: http.MethodPut, Path: "/p", Body: bytes.NewReader(pack), Size: int64(len(pack))}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	reply, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/p", Into: &out, Max: int64(len(pack))})
	if err != nil || !bytes.Equal(out.Bytes(), pack) || reply.Bytes != int64(len(pack)) {
		t.Fatalf("got %d bytes, %v", out.Len(), err)
	}
	_, err = c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/p", Into: io.Discard, Max: int64(len(pack)) - 1})
	if api.CodeOf(err) != api.TooLarge {
		t.Errorf("one byte over the bound: %v", err)
	}
}

func TestAnswersThatAreNotTheClouds(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
	}{
		{"a log-in page", func(w http.ResponseWriter) {
			w.Header().Del(cloudapi.HeaderAPI)
			fmt.Fprint(w, "<html>Please log in</html>")
		}},
		{"another server's JSON", func(w http.ResponseWriter) {
			w.Header().Set(cloudapi.HeaderAPI, "2")
			fmt.Fprint(w, `{}`)
		}},
		{"a redirect to a log-in page", func(w http.ResponseWriter) {
			w.Header().Del(cloudapi.HeaderAPI)
			w.Header().Set("Location", "https://portal.example/login")
			w.WriteHeader(http.StatusFound)
		}},
		{"a redirect of our own", func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}},
		{"500 without a body", func(w http.ResponseWriter) { w.WriteHeader(500) }},
		{"502 of a gateway", func(w http.ResponseWriter) {
			w.Header().Del(cloudapi.HeaderAPI)
			w.WriteHeader(502)
		}},
		{"broken JSON", func(w http.ResponseWriter) { fmt.Fprint(w, `{"spaces":[`) }},
		{"HTML with the header", func(w http.ResponseWriter) { fmt.Fprint(w, `<html>`) }},
		{"wrong types", func(w http.ResponseWriter) { fmt.Fprint(w, `{"spaces":7}`) }},
		{"endless JSON", func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"spaces":"`)
			for range 1 << 10 {
				if _, err := w.Write(bytes.Repeat([]byte("a"), 4<<10)); err != nil {
					return
				}
			}
		}},
		{"an error in HTML", func(w http.ResponseWriter) { w.WriteHeader(403); fmt.Fprint(w, "<html>") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			s, cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				if r.URL.Path != "/x" {
					t.Errorf("followed to %s", r.URL)
				}
				c.answer(w)
			})
			var got cloudapi.Spaces
			err := get(cl, "/x", &got)
			if api.CodeOf(err) != api.CloudAnswer || !Away(err) {
				t.Errorf("got %v, want CloudAnswer", err)
			}
			if asked == 0 {
				t.Error("the server was never asked")
			}
			_ = s
		})
	}
}

func TestUnreachableAndUntrusted(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }
	trusted, _ := serve(t, ok)
	other, _ := serve(t, ok)
	plain := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(plain.Close)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	goneAddr := gone.Addr().String()
	_ = gone.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(trusted.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, base string
		ca         []byte
		want       api.Code
	}{
		{"no CA configured", trusted.URL, nil, api.CloudUntrusted},
		{"another CA configured", trusted.URL, otherCA(t), api.CloudUntrusted},
		{"another name than the certificate's", "https://localhost:" + port, caOf(trusted), api.CloudUntrusted},
		{"its own CA", other.URL, caOf(other), api.OK},
		{"plain HTTP behind the port", strings.Replace(plain.URL, "http://", "https://", 1), nil, api.CloudAnswer},
		{"nobody listens", "https://" + goneAddr, nil, api.CloudUnreachable},
		{"a host that does not exist", "https://cloud.invalid", nil, api.CloudUnreachable},
		{"a server that hangs up", "https://" + silent.Addr().String(), nil, api.CloudUnreachable},
		{"no cloud configured", "", nil, api.CloudNotSet},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := client(t, Config{Base: c.base, CAPEM: c.ca, Proxy: ProxyDirect})
			err := get(cl, "/x", nil)
			if api.CodeOf(err) != c.want {
				t.Errorf("got %v, want code %d", err, c.want)
			}
			if cl.Reachable() != (c.want == api.OK) {
				t.Errorf("reachable %v", cl.Reachable())
			}
		})
	}
}

// TestCallerLeaves keeps a caller's own end apart from the cloud's silence.
func TestCallerLeaves(t *testing.T) {
	asked := make(chan struct{}, 8)
	_, c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // and then ends its answer in good order
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	_, err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/x"})
	if api.CodeOf(err) != api.Cancelled || !errors.Is(err, context.Canceled) || Away(err) {
		t.Errorf("cancelled call: %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Do(ctx, Request{Method: http.MethodGet, Path: "/x"})
	if api.CodeOf(err) != api.CloudUnreachable {
		t.Errorf("no answer in the caller's time: %v", err)
	}
}

func TestStall(t *testing.T) {
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_, _ = w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	c.stall = 100 * time.Millisecond
	var out bytes.Buffer
	_, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/x", Into: &out, Max: 100})
	if api.CodeOf(err) != api.CloudUnreachable || !strings.Contains(err.Error(), errStalled.Error()) {
		t.Errorf("got %v", err)
	}
}

// A cloud that takes the call and says nothing is given up once, not three times.
func TestHungCloud(t *testing.T) {
	var asked atomic.Int32
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	})
	c.quiet = 100 * time.Millisecond
	_, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/x"})
	if api.CodeOf(err) != api.CloudUnreachable || !errors.Is(err, errStalled) {
		t.Errorf("got %v", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A call whose answer may take its time is not given up before that.
func TestPatientCall(t *testing.T) {
	release := make(chan struct{})
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		_, _ = w.Write([]byte(`"late"`))
	})
	c.quiet = 50 * time.Millisecond
	time.AfterFunc(300*time.Millisecond, func() { close(release) })
	var text string
	_, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/x", Result: &text, Silence: 30 * time.Second})
	if err != nil || text != "late" {
		t.Errorf("got %q, %v", text, err)
	}
}

// Each call's answer has its own bound.
func TestAnswerBound(t *testing.T) {
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`"` + strings.Repeat("x", 98) + `"`))
	})
	for limit, want := range map[int64]api.Code{0: api.OK, 100: api.OK, 99: api.CloudAnswer} {
		var text string
		_, err := c.Do(context.Background(), Request{Method: http.MethodGet, Path: "/x", Result: &text, Max: limit})
		if api.CodeOf(err) != want {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

// A cloud that answers byte by byte is given up, whatever the call carries; a slow
// line that carries enough is not, although it takes longer than the limit.
func TestDrip(t *testing.T) {
	const whole, limit, every = 20_000, 700 * time.Millisecond, 100 * time.Millisecond
	tests := []struct {
		name  string
		piece int // bytes every so often; 1,434 within the limit are enough
		into  bool
		want  api.Code
	}{
		{"an answer of one byte at a time", 1, false, api.CloudUnreachable},
		{"content of one byte at a time", 1, true, api.CloudUnreachable},
		{"an answer on a slow line", 2000, false, api.OK},
		{"content on a slow line", 2000, true, api.OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body := []byte(`"` + strings.Repeat("x", whole-2) + `"`)
				for len(body) > 0 && r.Context().Err() == nil {
					n := min(tt.piece, len(body))
					_, _ = w.Write(body[:n])
					w.(http.Flusher).Flush()
					body = body[n:]
					_ = clock.Wait(r.Context(), every)
				}
			})
			c.stall, c.quiet = limit, limit
			var out bytes.Buffer
			var text string
			ask := Request{Method: http.MethodGet, Path: "/x", Result: &text}
			if tt.into {
				ask = Request{Method: http.MethodGet, Path: "/x", Into: &out, Max: 2 * whole}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // byte by byte it would take half an hour
			defer cancel()
			_, err := c.Do(ctx, ask)
			if api.CodeOf(err) != tt.want || tt.want != api.OK && !errors.Is(err, errStalled) {
				t.Errorf("got %v, want code %d", err, tt.want)
			}
			if got := max(out.Len(), len(text)+2); tt.want == api.OK && got != whole {
				t.Errorf("got %d bytes", got)
			}
		})
	}
}

func TestConfigRefusals(t *testing.T) {
	for _, c := range []Config{
		{Base: "http://plain.example"}, {Base: "ftp://x"}, {Base: "https://"}, {Base: "https://user:pw@host"},
		{Base: "https://host?x=1"}, {Base: "https://host#x"}, {Base: "::"},
		{Base: "https://host", CAPEM: []byte("not a certificate")},
		{Base: "https://host", Proxy: "gopher://x"}, {Base: "https://host", Proxy: "http://"}, {Base: "https://host", Proxy: "nonsense"},
	} {
		if _, err := New(c); api.CodeOf(err) != api.InvalidArgument {
			t.Errorf("%+v: got %v, want InvalidArgument", c, err)
		}
	}
}

func TestProxySetting(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://env.example:3128")
	t.Setenv("NO_PROXY", "inside.example")
	for _, c := range []struct{ base, proxy, want string }{
		{"https://cloud.example", "", "http://env.example:3128"},
		{"https://cloud.example", "system", "http://env.example:3128"},
		{"https://inside.example", "", "direct"},
		{"https://cloud.example", "direct", "direct"},
		{"https://cloud.example", "http://own.example:8080", "http://own.example:8080"},
		{"", "", "direct"},
	} {
		if got := client(t, Config{Base: c.base, Proxy: c.proxy}).Proxy(); got != c.want {
			t.Errorf("base %q proxy %q: got %q, want %q", c.base, c.proxy, got, c.want)
		}
	}
}

// TestProxyIsUsed reaches a cloud whose name only the proxy can resolve.
func TestProxyIsUsed(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	var asked string
	refuse := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Host
		if refuse {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		up, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "https://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer up.Close()
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer down.Close()
		fmt.Fprint(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, down) }()
		_, _ = io.Copy(down, up)
	}))
	t.Cleanup(proxy.Close)
	c := client(t, Config{Base: "https://example.com", CAPEM: caOf(s), Proxy: proxy.URL}) // httptest's certificate is for this name
	if err := get(c, "/x", nil); err != nil {
		t.Fatal(err)
	}
	if asked != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked %q", asked)
	}
	refuse = true
	c = client(t, Config{Base: "https://example.com", CAPEM: caOf(s), Proxy: proxy.URL})
	if err := get(c, "/x", nil); api.CodeOf(err) != api.CloudUnreachable || !strings.Contains(err.Error(), "Proxy Authentication Required") {
		t.Errorf("a proxy that wants a password: %v", err)
	}
}
