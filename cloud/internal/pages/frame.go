package pages

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/record"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// ServeHTTP is the frame around every request below Root: headers, the log, and the panic guard.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &record.Writer{ResponseWriter: w}
	harden(rec.Header())
	id, begun := strings.ToLower(rand.Text()), c.c.Clock.Now()
	rec.Header().Set("Iscdesk-Request", id)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p) // net/http's own way to cut a connection
			}
			c.c.Log.Error("panic in a page", "request", id, "pattern", r.Pattern, "panic", p, "stack", string(debug.Stack()))
			if rec.Status != 0 {
				panic(http.ErrAbortHandler) // half a page must not look whole
			}
			http.Error(rec, "internal error; request "+id, http.StatusInternalServerError)
		}
		c.c.Log.Info("page", "request", id, "method", r.Method, "pattern", r.Pattern, "status", rec.Status,
			"bytes", rec.Bytes, "ms", c.c.Clock.Now().Sub(begun).Milliseconds(), "address", r.RemoteAddr)
	}()
	c.mux.ServeHTTP(rec, r)
}

// serve is the handler of one page.
func (c *Console) serve(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{R: r, W: w, Now: c.c.Clock.Now(), c: c, page: p, ID: w.Header().Get("Iscdesk-Request")}
		v.language = languageOf(r)
		err := v.pass()
		if err == nil {
			return
		}
		v.problem = c.explain(v, err)
		if v.ready && p.Back != nil && v.problem.Status != http.StatusInternalServerError {
			again := p.Back(v)
			if again == nil {
				return
			}
			if meta.CodeOf(again) == "" {
				c.c.Log.Error("page behind a refusal failed", "request", v.ID, "error", again)
			}
		}
		if err := v.Show("error", nil); err != nil {
			c.c.Log.Error("page of an error failed", "request", v.ID, "error", err)
			http.Error(w, "internal error; request "+v.ID, http.StatusInternalServerError)
		}
	}
}

// pass walks the checks in their order: limit by address, session, limit by account, right,
// origin, size, syntax, the session's form token; then the page itself.
func (v *Visit) pass() error {
	g := v.c.c.Gates
	if v.page.Need == Anyone {
		gate := g.Open
		if v.R.Method == http.MethodPost {
			gate = g.Strict // what guesses passwords
		}
		if wait := gate.Take(limit.Subnet(v.R.RemoteAddr), v.Now); wait > 0 {
			return limit.Refuse(wait)
		}
	}
	if err := v.authenticate(); err != nil {
		return err
	}
	if v.SignedIn() {
		if wait := g.Account.Take(v.User.Account, v.Now); wait > 0 {
			return limit.Refuse(wait)
		}
	}
	if v.R.Method == http.MethodPost && !ours(v.R) {
		return meta.Refuse(cloudapi.ErrForbidden, "the form was not sent by this site", "reason", "origin")
	}
	if v.page.Need != Anyone && !v.SignedIn() {
		return v.askSignIn()
	}
	if !v.allowed(v.page.Need) {
		return meta.Refuse(cloudapi.ErrForbidden, "the account may not see this page", "reason", "page")
	}
	if v.R.Method == http.MethodPost {
		if err := v.readForm(); err != nil {
			return err
		}
		if v.SignedIn() && !sameToken(v.form.Get("csrf"), csrfOf(v.secret)) {
			return meta.Refuse(cloudapi.ErrForbidden, "the form is not of this session", "reason", "csrf")
		}
	}
	if v.switchLanguage() {
		return nil
	}
	v.ready = true
	return v.page.Handle(v)
}

// askSignIn sends a reader to the sign-in and back; a form that was sent is lost, and says so.
func (v *Visit) askSignIn() error {
	if v.R.Method != http.MethodGet {
		return meta.Refuse(cloudapi.ErrUnauthenticated, "the session has ended; nothing was changed")
	}
	if v.R.Header.Get("HX-Request") != "" { // a part of a page: the whole page goes
		v.W.Header().Set("HX-Redirect", Root+"sign-in")
		v.W.WriteHeader(http.StatusNoContent)
		return nil
	}
	to := ""
	if v.R.URL.Path != Root {
		to = v.R.URL.RequestURI()
	}
	return v.Redirect(Link(Root+"sign-in", "to", to))
}

// switchLanguage keeps the language that ?lang= names, and shows the same page without it.
func (v *Visit) switchLanguage() bool {
	q := v.R.URL.Query()
	want := q.Get("lang")
	if v.R.Method != http.MethodGet || want != "en" && want != "zh" {
		return false
	}
	q.Del("lang")
	u := url.URL{Path: v.R.URL.Path, RawQuery: q.Encode()}
	v.setCookie(languageCookie, want, 365*24*time.Hour)
	return v.Redirect(u.String()) == nil
}

func nowhere(*Visit) error {
	return meta.Refuse(cloudapi.ErrNotFound, "there is no such page", "reason", "page")
}
