package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
)

func TestSession(t *testing.T) {
	c, b := start(t)
	b.get("/console/", "Hello, The Boss", "You are an administrator of Works.")
	secret := b.cookies["__Host-iscdesk-console"]
	apitest.NotInFiles(t, c.Data, secret)

	t.Run("cookie", func(t *testing.T) {
		stranger := newBrowser(t, c)
		a := stranger.send("/console/sign-in", url.Values{"account": {"boss"}, "password": {apitest.Password}})
		got := a.header.Get("Set-Cookie")
		for _, want := range []string{"__Host-iscdesk-console=iscs_", "Path=/", "Max-Age=43200", "HttpOnly", "Secure", "SameSite=Strict"} {
			if !strings.Contains(got, want) {
				t.Errorf("cookie %q without %s", got, want)
			}
		}
	})
	t.Run("no bearer of the API", func(t *testing.T) {
		c.Refused(t, "GET", "/v1/me", apitest.Bearer(secret), nil, "unauthenticated")
	})
	t.Run("an API token is no session", func(t *testing.T) {
		other := newBrowser(t, c)
		other.cookies["__Host-iscdesk-console"] = c.Boss.AccessToken
		other.get("/console/", "Sign in")
	})
	t.Run("idle", func(t *testing.T) {
		c.Clock.Advance(11 * time.Hour)
		b.get("/console/", "Hello") // prolongs
		c.Clock.Advance(11 * time.Hour)
		b.get("/console/", "Hello")
		c.Clock.Advance(6 * time.Hour)
		b.do("GET", "/console/", nil, func(r *http.Request) { r.Header.Set("HX-Request", "true") }) // does not
		c.Clock.Advance(6 * time.Hour)
		b.get("/console/", `action="/console/sign-in"`)
	})
	t.Run("sign out", func(t *testing.T) {
		b.signIn("boss")
		held := b.cookies["__Host-iscdesk-console"]
		b.post("/console/sign-out", nil, "You are signed out.")
		b.cookies["__Host-iscdesk-console"] = held
		b.get("/console/", `action="/console/sign-in"`)
	})
	t.Run("password change", func(t *testing.T) {
		delete(b.cookies, "__Host-iscdesk-console")
		b.signIn("boss")
		other := newBrowser(t, c)
		other.signIn("boss")
		pw := url.Values{"old": {apitest.Password}, "new": {"another2horse"}, "again": {"another2horsf"}}
		b.refused("/console/password", pw, http.StatusBadRequest, "The two new passwords differ")
		pw.Set("new", "short1")
		pw.Set("again", "short1")
		b.refused("/console/password", pw, http.StatusBadRequest, "This password cannot be used")
		pw.Set("new", "another2horse")
		pw.Set("again", "another2horse")
		pw.Set("old", "wrong9horse")
		if a := b.refused("/console/password", pw, http.StatusUnauthorized, "The account or the password is wrong"); strings.Contains(a.body, "another2horse") {
			t.Error("a password came back")
		}
		pw.Set("old", apitest.Password)
		b.post("/console/password", pw, "Your password is changed")
		other.get("/console/", `action="/console/sign-in"`)
	})
	t.Run("two cookies", func(t *testing.T) {
		a := b.do("GET", "/console/", nil, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "__Host-iscdesk-console", Value: secret})
			r.AddCookie(&http.Cookie{Name: "__Host-iscdesk-console", Value: secret})
		})
		if a.status != http.StatusSeeOther {
			t.Errorf("status %d", a.status)
		}
	})
}

// TestSignInIsTheSameDoor: guesses at the console and at the JSON API count together.
func TestSignInIsTheSameDoor(t *testing.T) {
	c := apitest.Start(t)
	b := newBrowser(t, c)
	wrong := url.Values{"account": {"boss"}, "password": {"wrong1horse"}}
	for range 4 {
		a := b.refused("/console/sign-in", wrong, http.StatusUnauthorized, "The account or the password is wrong", `value="boss"`)
		if strings.Contains(a.body, "wrong1horse") {
			t.Error("the password came back")
		}
	}
	c.Refused(t, "POST", "/v1/login", nil, map[string]string{"account": "boss", "password": "wrong1horse"}, "wrong_credentials")
	wrong.Set("password", apitest.Password)
	if a := b.refused("/console/sign-in", wrong, http.StatusTooManyRequests, "Wait 2 seconds"); a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	c.Clock.Advance(5 * time.Second)
	b.signIn("BOSS ")
	list, err := c.Store.Audit(context.Background(), "", 0, 100)
	if err != nil || len(list) != 0 {
		t.Errorf("entries of no organisation: %v %v", list, err)
	}
}

func TestSignInLeadsBack(t *testing.T) {
	c := apitest.Start(t)
	for _, tt := range []struct{ to, want string }{
		{"", "/console/"},
		{"/console/members?q=a%26b", "/console/members?q=a%26b"},
		{"https://evil.example/console/", "/console/"},
		{"//evil.example/console/", "/console/"},
		{`/\evil.example/console/`, "/console/"},
		{"/console/../v1/me", "/console/"},
		{"/v1/me", "/console/"},
		{"/console/sign-out", "/console/"},
		{"javascript:alert(1)", "/console/"},
	} {
		b := newBrowser(t, c)
		a := b.send("/console/sign-in", url.Values{"account": {"boss"}, "password": {apitest.Password}, "to": {tt.to}})
		if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != tt.want {
			t.Errorf("%q leads to %d %q, want %q", tt.to, a.status, got, tt.want)
		}
	}
	b := newBrowser(t, c)
	if a := b.do("GET", "/console/members?q=x", nil, nil); a.header.Get("Location") != "/console/sign-in?to=%2Fconsole%2Fmembers%3Fq%3Dx" {
		t.Errorf("a page without session leads to %q", a.header.Get("Location"))
	}
}

func TestHeaders(t *testing.T) {
	_, b := start(t)
	for _, path := range []string{"/console/", "/console/sign-in", "/console/nothing", "/console/assets/app.js"} {
		a := b.do("GET", path, nil, nil)
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s %q", path, name, got)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" && !strings.Contains(path, "assets") {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, " style=") || strings.Contains(a.body, " onclick") {
			t.Errorf("%s has what the policy forbids", path)
		}
	}
}

func TestLanguage(t *testing.T) {
	c := apitest.Start(t)
	for accept, want := range map[string]string{"": "en", "en-GB,en;q=0.9": "en", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "zh-TW": "zh-CN", "de,zh;q=0.5": "zh-CN",
		"fr": "en", "en;q=0.3,zh;q=0.9": "zh-CN", ";;;": "en", strings.Repeat("zh,", 200): "en"} {
		b := newBrowser(t, c)
		b.lang = accept
		b.get("/console/sign-in", `<html lang="`+want+`">`)
	}
	b := newBrowser(t, c)
	b.get("/console/sign-in?lang=zh&to=%2Fconsole%2F", `<html lang="zh-CN">`, "登录", `href="/console/sign-in?lang=en&amp;to=%2Fconsole%2F"`)
	b.get("/console/sign-in", `<html lang="zh-CN">`) // kept
	b.get("/console/sign-in?lang=en", `<html lang="en">`)
	b.get("/console/sign-in?lang=xx", `<html lang="en">`)
}

func TestNoticeIsOurs(t *testing.T) {
	_, b := start(t)
	if a := b.get("/console/?done=<b>bought</b>"); strings.Contains(a.body, "bought") {
		t.Error("an address put words onto the page")
	}
}
