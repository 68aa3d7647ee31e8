package pages

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// csp forbids whatever the pages do not need: no inline script or style, no eval, no other
// origin, no frame; forms go to this origin only.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// maxForm bounds a form's body, in bytes: the longest text is 4096 characters, escaped up to nine times.
const maxForm = 64 << 10

func harden(h http.Header) {
	h.Set("Content-Security-Policy", csp)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Strict-Transport-Security", "max-age=31536000")
}

// ours says whether a page of this origin sent the POST. A form under no-referrer sends the Origin
// "null", so there Sec-Fetch-Site must vouch; a request that says nothing at all is refused.
func ours(r *http.Request) bool {
	origins, site := r.Header.Values("Origin"), r.Header.Values("Sec-Fetch-Site")
	if len(origins) > 1 || len(site) > 1 || len(site) == 1 && site[0] != "same-origin" {
		return false
	}
	if len(origins) == 1 && origins[0] != "null" {
		return origins[0] == "https://"+r.Host
	}
	return len(site) == 1
}

// readForm takes a POST's body in: size, kind, syntax.
func (v *Visit) readForm() error {
	if v.R.ContentLength > maxForm {
		return meta.Refuse(cloudapi.ErrTooLarge, "the form is too large")
	}
	if t, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return meta.Refuse(cloudapi.ErrInvalid, "the body is not a form", "member", "form")
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxForm)
	if err := v.R.ParseForm(); err != nil {
		return meta.Refuse(cloudapi.ErrInvalid, "the form cannot be read", "member", "form")
	}
	v.form = v.R.PostForm
	return nil
}

// csrfOf is the token that each form of a session carries. It is made of the session's secret, so that
// nothing has to be stored and it ends with it.
func csrfOf(session string) string {
	m := hmac.New(sha256.New, []byte(session))
	m.Write([]byte("iscdesk console form"))
	return hex.EncodeToString(m.Sum(nil))
}

func sameToken(got, want string) bool { return hmac.Equal([]byte(got), []byte(want)) }
