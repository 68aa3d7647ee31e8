package openapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestFaults counts what each call sends when something breaks: a call that may not be repeated is sent
// exactly once as soon as it may have been done.
func TestFaults(t *testing.T) {
	for _, tr := range trials() {
		good := says(200, tr.answer)
		for _, tt := range []struct {
			name           string
			script         []http.HandlerFunc
			repeated, once int // requests of a call that may be repeated, and of one that may not
			ends           error
			step           wire.Step // of what may be repeated, when it fails at last
			fails          bool      // also what may be repeated
		}{
			{"answered", []http.HandlerFunc{good}, 1, 1, nil, "", false},
			{"reset once", []http.HandlerFunc{reset, good}, 2, 1, ErrLost, "", false},
			{"reset always", []http.HandlerFunc{reset}, 4, 1, ErrLost, wire.StepAsk, true},
			{"cut in the answer", []http.HandlerFunc{cut}, 4, 1, ErrLost, wire.StepAsk, true},
			{"cut, then answered", []http.HandlerFunc{cut, cut, cut, good}, 4, 1, ErrLost, "", false},
			{"silent", []http.HandlerFunc{silent}, 4, 1, ErrLost, wire.StepAsk, true},
			{"500 without a body", []http.HandlerFunc{says(500, "")}, 4, 1, ErrAnswer, wire.StepAsk, true},
			{"502 of a proxy", []http.HandlerFunc{says(502, "<html>"), good}, 2, 1, ErrAnswer, "", false},
			{"504 of the gateway", []http.HandlerFunc{says(504, `{"error_code":"APIGW.0201","error_msg":"Backend timeout."}`)}, 4, 1, nil, wire.StepAsk, true},
			{"413 of the gateway", []http.HandlerFunc{says(413, `{"error_code":"APIGW.0201","error_msg":"Request entity too large."}`)}, 1, 1, nil, wire.StepFix, true},
			{"500 with a code that is a 400", []http.HandlerFunc{says(500, `{"error_code":"APIGW.0201"}`)}, 4, 1, nil, wire.StepAsk, true},
			{"not JSON", []http.HandlerFunc{says(200, "OK")}, 4, 1, ErrAnswer, wire.StepAsk, true},
			{"no object", []http.HandlerFunc{says(200, "[]")}, 4, 1, ErrAnswer, wire.StepAsk, true},
			{"no code", []http.HandlerFunc{says(200, "{}")}, 4, 1, ErrAnswer, wire.StepAsk, true},
			{"a code that nobody knows", []http.HandlerFunc{says(200, `{"error_code":"12345"}`)}, 4, 1, nil, wire.StepAsk, true},
			{"a code that nobody knows, 400", []http.HandlerFunc{says(400, `{"error_code":"12345"}`)}, 1, 1, nil, wire.StepFix, true},
			{"success with 500", []http.HandlerFunc{says(500, tr.answer)}, 4, 1, nil, wire.StepAsk, true},
			{"huge", []http.HandlerFunc{huge}, 4, 1, ErrAnswer, wire.StepAsk, true},
			{"throttled twice", []http.HandlerFunc{throttled, throttled, good}, 3, 3, nil, "", false},
			{"throttled always", []http.HandlerFunc{throttled}, 4, 4, nil, wire.StepLater, true},
			{"throttled, then reset", []http.HandlerFunc{throttled, reset}, 4, 2, ErrLost, wire.StepAsk, true},
			{"wrong signature", []http.HandlerFunc{says(401, `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: verify aksk signature fail"}`)}, 1, 1, nil, wire.StepKeys, true},
		} {
			t.Run(tr.call.name+"/"+tt.name, func(t *testing.T) {
				m := newMarket(t, tt.script...)
				c, _ := client(t, nil, m)
				err := tr.run(t.Context(), c)
				want := tt.repeated
				fails := tt.fails
				if tr.call.again == unsent {
					want = tt.once
					fails = fails || tt.once < tt.repeated
				}
				if got := len(m.requests()); got != want {
					t.Errorf("sent %d times, want %d", got, want)
				}
				for i, r := range m.requests() {
					if r.err != nil {
						t.Errorf("request %d: its signature: %v", i, r.err)
					}
				}
				if (err != nil) != fails {
					t.Fatalf("got %v", err)
				}
				if err == nil {
					return
				}
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("got a %T", err)
				}
				if tt.ends != nil && !errors.Is(err, tt.ends) {
					t.Errorf("got %v, want %v", err, tt.ends)
				}
				if tt.fails && e.Step != tt.step {
					t.Errorf("step %q, want %q: %v", e.Step, tt.step, err)
				}
				if e.Maybe != (e.Step == wire.StepAsk) {
					t.Errorf("maybe done is %v at step %q: %v", e.Maybe, e.Step, err)
				}
				if tt.name == "huge" && !strings.Contains(err.Error(), "over 1048576 bytes") {
					t.Errorf("got %v", err)
				}
				if e.Explain("en") == "" || e.Explain("zh") == "" || strings.Contains(err.Error(), keys.Secret) {
					t.Errorf("explained as %q, %q, %q", err, e.Explain("en"), e.Explain("zh"))
				}
			})
		}
	}
}

// Every call, with hosts that cannot be reached: these may be asked again, whatever the call is.
func TestHosts(t *testing.T) {
	for _, tr := range trials() {
		t.Run(tr.call.name, func(t *testing.T) {
			m := newMarket(t, says(200, tr.answer))
			c, p := client(t, nil, nobody(t), m)
			if err := tr.run(t.Context(), c); err != nil || len(m.requests()) != 1 || len(p.list) != 0 {
				t.Errorf("the fallback: %v after %d requests and %d pauses", err, len(m.requests()), len(p.list))
			}
			c, p = client(t, nil, nobody(t), nobody(t))
			err := tr.run(t.Context(), c)
			var e *Error
			if !errors.Is(err, ErrNotSent) || !errors.As(err, &e) || e.Maybe || e.Step != wire.StepLater || len(p.list) != 3 {
				t.Errorf("nobody: %v after %d pauses", err, len(p.list))
			}
			for i, d := range p.list {
				if low := firstPause << i / 2; d < low || d > 2*low {
					t.Errorf("pause %d is %s", i, d)
				}
			}
		})
	}
}

// The primary takes the request and dies: the fallback may get it only where a repeat is told.
func TestFallbackIsNoWayAroundTheRule(t *testing.T) {
	for _, tr := range trials() {
		t.Run(tr.call.name, func(t *testing.T) {
			primary, fallback := newMarket(t, reset), newMarket(t, says(200, tr.answer))
			c, _ := client(t, nil, primary, fallback)
			err := tr.run(t.Context(), c)
			want := 1
			if tr.call.again == unsent {
				want = 0
			}
			if len(primary.requests()) != 1 || len(fallback.requests()) != want || (err == nil) != (want == 1) {
				t.Errorf("%d and %d requests, %v", len(primary.requests()), len(fallback.requests()), err)
			}
		})
	}
	// One that answers is not left for the other.
	primary, fallback := newMarket(t, throttled), newMarket(t, says(200, someOrder))
	c, p := client(t, nil, primary, fallback)
	if _, err := c.Order(t.Context(), "CS1", ""); err == nil || len(fallback.requests()) != 0 {
		t.Errorf("throttled: %v, %d at the fallback", err, len(fallback.requests()))
	}
	for i, d := range p.list {
		if d != 7*time.Second {
			t.Errorf("pause %d is %s, want what Retry-After says", i, d)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := newMarket(t, says(200, someOrder))
	for _, status := range []int{301, 302, 303, 307, 308} {
		m := newMarket(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/x", status) })
		c, _ := client(t, nil, m, other)
		_, err := c.Order(t.Context(), "CS1", "")
		if !errors.Is(err, ErrRedirect) || len(m.requests()) != 1 || len(other.requests()) != 0 {
			t.Errorf("%d: %v after %d and %d requests", status, err, len(m.requests()), len(other.requests()))
		}
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	m, fallback := newMarket(t, says(200, someOrder)), newMarket(t, says(200, someOrder))
	for name, change := range map[string]func(*Config){
		"nobody's":          func(c *Config) { c.RootCAs = nil },
		"for another name":  func(c *Config) { c.Primary = strings.Replace(c.Primary, "127.0.0.1", "localhost", 1) },
		"fallback would do": func(c *Config) { c.RootCAs = nil; c.Fallback = fallback.URL },
	} {
		c, p := client(t, change, m)
		_, err := c.Order(t.Context(), "CS1", "")
		var e *Error
		if !errors.Is(err, ErrCertificate) || !errors.As(err, &e) || e.Maybe || len(p.list) != 0 {
			t.Errorf("%s: %v after %d pauses", name, err, len(p.list))
		}
	}
	if len(m.requests())+len(fallback.requests()) != 0 {
		t.Error("something was sent")
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := newMarket(t, func(w http.ResponseWriter, r *http.Request) { cancel(); silent(w, r) })
	c, p := client(t, nil, m)
	_, err := c.Order(ctx, "CS1", "")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrLost) || len(m.requests()) != 1 || len(p.list) != 0 {
		t.Errorf("got %v after %d requests", err, len(m.requests()))
	}
	if _, err := c.Order(ctx, "CS1", ""); !errors.Is(err, ErrNotSent) || len(m.requests()) != 1 {
		t.Errorf("ended before: %v after %d requests", err, len(m.requests()))
	}
}

func TestAttemptsEnd(t *testing.T) {
	m := newMarket(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(http.ErrAbortHandler) })
	c, _ := client(t, func(c *Config) { c.Timeout, c.Attempts = 50*time.Millisecond, 2 }, m)
	c.limit = context.WithTimeout
	if _, err := c.Order(t.Context(), "CS1", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestConfigurations(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		ok     bool
	}{
		{"right", func(*Config) {}, true},
		{"with a port", func(c *Config) { c.Primary = "https://mkt.example.test:8443" }, true},
		{"no access key", func(c *Config) { c.Keys.Access = "" }, false},
		{"no secret", func(c *Config) { c.Keys.Secret = "" }, false},
		{"no host", func(c *Config) { c.Primary = "" }, false},
		{"http", func(c *Config) { c.Primary = "http://mkt.example.test" }, false},
		{"a path", func(c *Config) { c.Primary = "https://mkt.example.test/" }, false},
		{"a query", func(c *Config) { c.Primary = "https://mkt.example.test?x" }, false},
		{"a user", func(c *Config) { c.Primary = "https://u:p@mkt.example.test" }, false},
		{"http as fallback", func(c *Config) { c.Fallback = "http://mkt.example.test" }, false},
		{"attempts", func(c *Config) { c.Attempts = 21 }, false},
		{"negative time", func(c *Config) { c.Timeout = -1 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := Config{Keys: keys, Primary: "https://mkt.example.test"}
			tt.change(&config)
			if _, err := New(config); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBackOff(t *testing.T) {
	for attempt := 1; attempt < 100; attempt++ {
		if d := backOff(attempt); d < firstPause/2 || d > maxPause {
			t.Errorf("attempt %d: %s", attempt, d)
		}
	}
}

func TestForeignTextsAreCleaned(t *testing.T) {
	m := newMarket(t, says(400, `{"error_code":"92020002","error_msg":"a\nb\u0007`+strings.Repeat("x", 2000)+`"}`))
	c, _ := client(t, nil, m)
	_, err := c.Heartbeat(t.Context(), wire.Heartbeat{License: "PL1"})
	var e *Error
	if !errors.As(err, &e) || strings.ContainsAny(e.Message, "\n\a") || len([]rune(e.Message)) != maxMessage || e.Step != wire.StepFix {
		t.Errorf("got %v", err)
	}
}

// extra_info says more in some failures; its type is printed nowhere.
func TestExtraInfo(t *testing.T) {
	for body, want := range map[string]string{
		`{"resultCode":"MKT.0100"}`:                                  "",
		`{"resultCode":"MKT.0100","extra_info":null}`:                "",
		`{"resultCode":"MKT.0100","extra_info":"orderId\n is long"}`: "orderId  is long",
		`{"resultCode":"MKT.0100","extra_info":{"field":"orderId"}}`: `{"field":"orderId"}`,
	} {
		if e := judge(callOrder, 500, []byte(body)); e == nil || e.Extra != want || e.Step != wire.StepFix || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: got %v", body, e)
		}
	}
}
