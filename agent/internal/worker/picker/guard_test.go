package picker

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// TestRefusals tries every door of a page from outside it.
func TestRefusals(t *testing.T) {
	r, _, _ := newTestRoom(t)
	_, base, token := open(t, r, workerapi.Page{Operation: 1, Purpose: purposePick})
	_, otherBase, otherToken := open(t, r, workerapi.Page{Operation: 2, Purpose: purposePick})
	page, other := newClient(t, base), newClient(t, otherBase)

	if status, _, _ := page.do(http.MethodPost, "/session", url.Values{"token": {otherToken}}); status != http.StatusForbidden {
		t.Errorf("another page's token: %d", status)
	}
	page.login(token)
	other.login(otherToken)
	bare := strings.TrimPrefix(base, "http://")
	big := url.Values{"account": {strings.Repeat("a", maxBody)}, "password": {"x"}}

	for _, c := range []struct {
		name   string
		method string
		path   string
		values url.Values
		change []change
		want   int
	}{
		{"own request", "GET", "/ui/home", nil, nil, 200},
		{"rebound name", "GET", "/", nil, []change{host("evil.example:80")}, 421},
		{"rebound name, our port", "GET", "/", nil, []change{host("evil.example:" + bare[strings.Index(bare, ":")+1:])}, 421},
		{"localhost by name", "GET", "/", nil, []change{host("localhost:" + bare[strings.Index(bare, ":")+1:])}, 421},
		{"other page's host", "GET", "/ui/home", nil, []change{host(strings.TrimPrefix(otherBase, "http://"))}, 421},
		{"foreign origin", "POST", "/ui/cancel", url.Values{}, []change{header("Origin", "https://evil.example")}, 403},
		{"foreign origin reads", "GET", "/ui/home", nil, []change{header("Origin", "https://evil.example")}, 403},
		{"other page's origin", "POST", "/ui/cancel", url.Values{}, []change{header("Origin", otherBase)}, 403},
		{"null origin", "POST", "/ui/cancel", url.Values{}, []change{header("Origin", "null")}, 403},
		{"no origin", "POST", "/ui/cancel", url.Values{}, []change{func(r *http.Request) { r.Header.Del("Origin") }}, 403},
		{"cross-site script", "GET", "/ui/home", nil, []change{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "cors")}, 403},
		{"cross-site picture", "GET", "/assets/icon.svg", nil, []change{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "no-cors")}, 403},
		{"same machine, other port", "GET", "/ui/home", nil, []change{header("Sec-Fetch-Site", "same-site")}, 403},
		{"no bearer", "GET", "/ui/home", nil, []change{func(r *http.Request) { r.Header.Del("Authorization") }}, 401},
		{"other operation's bearer", "GET", "/ui/home", nil, []change{header("Authorization", "Bearer "+other.bearer)}, 401},
		{"token as bearer", "GET", "/ui/home", nil, []change{header("Authorization", "Bearer "+token)}, 401},
		{"bearer in a cookie", "GET", "/ui/home", nil, []change{header("Authorization", ""), header("Cookie", "bearer="+page.bearer)}, 401},
		{"wrong scheme", "GET", "/ui/home", nil, []change{header("Authorization", "Basic "+page.bearer)}, 401},
		{"no bearer writes", "POST", "/ui/choose", url.Values{"object": {"ob1"}}, []change{func(r *http.Request) { r.Header.Del("Authorization") }}, 401},
		{"no bearer closes", "POST", "/closed", url.Values{}, []change{func(r *http.Request) { r.Header.Del("Authorization") }}, 401},
		{"token again", "POST", "/session", url.Values{"token": {token}}, nil, 403},
		{"no token", "POST", "/session", url.Values{}, nil, 403},
		{"method", "GET", "/session", nil, nil, 405},
		{"delete", "DELETE", "/ui/choose", nil, nil, 405},
		{"unknown path", "GET", "/etc/passwd", nil, nil, 404},
		{"up and out", "GET", "/assets/../picker.go", nil, nil, 404},
		{"save path on a pick page", "POST", "/ui/folder", url.Values{"name": {"x"}}, nil, 404},
		{"large body", "POST", "/ui/sign-in", big, nil, 413},
		{"large body without length", "POST", "/ui/sign-in", big, []change{func(r *http.Request) { r.ContentLength = -1 }}, 413},
		{"not a form", "POST", "/ui/sign-in", nil, []change{header("Content-Type", "application/x-www-form-urlencoded"), func(r *http.Request) { r.Body = body("%zz") }}, 400},
		{"seq not a number", "POST", "/alive", url.Values{"seq": {"x"}}, nil, 400},
		{"version not a number", "POST", "/ui/choose", url.Values{"object": {"ob1"}, "version": {"-1"}}, nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := *page
			who.t = t
			status, out, h := who.do(c.method, c.path, c.values, c.change...)
			if status != c.want {
				t.Errorf("status %d, want %d: %s", status, c.want, out)
			}
			if h.Get("Content-Security-Policy") != csp || h.Get("X-Content-Type-Options") != "nosniff" ||
				h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", h)
			}
			if h.Get("Set-Cookie") != "" || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// TestNothingInline keeps the templates to what the policy allows.
func TestNothingInline(t *testing.T) {
	files, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := templates.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, banned := range []string{"<script>", "<style", " style=", " onclick", "hx-on", "javascript:", "js:", "http://", "https://"} {
			if strings.Contains(string(text), banned) {
				t.Errorf("%s contains %q", f.Name(), banned)
			}
		}
	}
}
