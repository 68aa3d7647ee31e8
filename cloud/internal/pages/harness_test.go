package pages_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
)

// browser is a person's browser without script: it keeps cookies, follows redirects, and fills in
// what a form holds.
type browser struct {
	t       testing.TB
	c       *apitest.Cloud
	cookies map[string]string
	lang    string
}

// answer is a page as it came.
type answer struct {
	status int
	header http.Header
	body   string
	path   string
}

func newBrowser(t testing.TB, c *apitest.Cloud) *browser {
	return &browser{t: t, c: c, cookies: map[string]string{}, lang: "en"}
}

// during lets a subtest use the browser.
func (b *browser) during(t *testing.T) {
	before := b.t
	b.t = t
	t.Cleanup(func() { b.t = before })
}

// start is a cloud with the administrator boss, and boss's browser signed in.
func start(t testing.TB, change ...func(*app.Config)) (*apitest.Cloud, *browser) {
	t.Helper()
	c := apitest.Start(t, change...)
	b := newBrowser(t, c)
	b.signIn("boss")
	return c, b
}

func (b *browser) signIn(account string) {
	b.t.Helper()
	a := b.post("/console/sign-in", url.Values{"account": {account}, "password": {apitest.Password}})
	if a.status != http.StatusOK || b.cookies["__Host-iscdesk-console"] == "" {
		b.t.Fatalf("sign in %s: %d\n%s", account, a.status, a.body)
	}
}

// do sends one request without following anything; change may spoil it.
func (b *browser) do(method, path string, form url.Values, change func(*http.Request)) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.c.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", b.lang)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "null") // as browsers do under no-referrer
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	if change != nil {
		change(r)
	}
	client := *b.c.Plain
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{res.StatusCode, res.Header, string(body), path}
}

func (b *browser) follow(a answer) answer {
	b.t.Helper()
	for range 5 {
		if a.status != http.StatusSeeOther {
			return a
		}
		a = b.do(http.MethodGet, a.header.Get("Location"), nil, nil)
	}
	b.t.Fatalf("%s redirects without end", a.path)
	return a
}

// get opens a page, which must hold every one of want.
func (b *browser) get(path string, want ...string) answer {
	b.t.Helper()
	return b.holds(b.follow(b.do(http.MethodGet, path, nil, nil)), http.StatusOK, want)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]*)"`)

func (b *browser) csrf() string {
	b.t.Helper()
	m := csrfField.FindStringSubmatch(b.do(http.MethodGet, "/console/", nil, nil).body)
	if m == nil {
		return ""
	}
	return m[1]
}

// post sends a form with the session's token and follows its redirect; the page there must hold
// every one of want.
func (b *browser) post(path string, form url.Values, want ...string) answer {
	b.t.Helper()
	return b.holds(b.follow(b.send(path, form)), http.StatusOK, want)
}

// refused is post for a form that is refused with the status.
func (b *browser) refused(path string, form url.Values, status int, want ...string) answer {
	b.t.Helper()
	return b.holds(b.send(path, form), status, want)
}

func (b *browser) send(path string, form url.Values) answer {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrf", b.csrf())
	return b.do(http.MethodPost, path, form, nil)
}

func (b *browser) holds(a answer, status int, want []string) answer {
	b.t.Helper()
	if a.status != status {
		b.t.Errorf("%s: status %d, want %d\n%s", a.path, a.status, status, a.body)
	}
	for _, w := range want {
		if !strings.Contains(a.body, w) {
			b.t.Errorf("%s: no %q in\n%s", a.path, w, a.body)
		}
	}
	if i := strings.Index(a.body, "[no."); i >= 0 {
		b.t.Errorf("%s: a sentence is missing: %.60s", a.path, a.body[i:])
	}
	return a
}
