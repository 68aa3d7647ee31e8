package picker

import (
	"net/http"
	"net/url"
	"strings"
)

// csp forbids whatever the pages do not need: no inline script or style, no
// eval, no other origin, no frame, no form that the browser itself would send.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// harden sets what every answer carries, refusals included.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// ours lets through what a page of this server asked: the Host is the address it
// was opened with (a name that was rebound to 127.0.0.1 is not), and no other
// origin sent it.
func (p *page) ours(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != p.host {
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
			return
		}
		if origins := r.Header.Values("Origin"); len(origins) > 1 || len(origins) == 1 && origins[0] != "http://"+p.host {
			http.Error(w, "wrong origin", http.StatusForbidden)
			return
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin": // older browser, typed or opened by the application, our own page
		default:
			// Another site may point a whole window here, as a link does; it reads nothing.
			if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.URL.Path != "/" {
				http.Error(w, "wrong site", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// writes lets POST through only with our Origin, and bounds its body.
func (p *page) writes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if r.Header.Get("Origin") != "http://"+p.host {
				http.Error(w, "no origin", http.StatusForbidden)
				return
			}
			if r.ContentLength > maxBody {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// bearerOnly lets through who exchanged the address's token. Each such request is a
// sign of life.
func (p *page) bearerOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !p.allowed(bearer) {
			http.Error(w, "no bearer of this page", http.StatusUnauthorized)
			return
		}
		p.state.touch()
		next(w, r)
	})
}

// form reads a POST's body; over the bound is 413, anything but a form 400.
func form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if strings.Contains(err.Error(), "too large") {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "unreadable form", status)
		return nil, false
	}
	return r.PostForm, true
}
