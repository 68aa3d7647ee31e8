package httpapi

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/record"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// HeaderRequest tells the request's id, the same as in the cloud's log.
const HeaderRequest = "Iscdesk-Request"

// Need says which token a route asks for. The frame checks it before it looks at the body.
type Need int

// The needs.
const (
	Open            Need = iota // none; limited by address
	OfUser                      // a user's access token
	OfAdmin                     // of an administrator
	OfOperator                  // of an administrator of the organisation that setup made
	OfMerchant                  // of an administrator of an organisation that sells; Call.Merchant is set
	OfUserOnDevice              // a user's, and a device's in header Iscdesk-Device-Token
	OfTransfer                  // a transfer token of any mode
	OfTransferWrite             // a transfer token of mode "write"
)

// Route is one method and path. Pattern is net/http's ("GET /v1/members").
type Route struct {
	Pattern string
	Need    Need
	// Strict marks routes that guess secrets or make rows without a token: they get the
	// smaller limit by address.
	Strict bool
	// Permit, when set, decides about the right person at the wrong thing (roles in a
	// space). It runs before the body's size and syntax are looked at.
	Permit func(*Call) error
	// MaxBody is the largest body in bytes; 0 takes cloudapi.MaxJSON.
	MaxBody int64
	// Time is how long the body may take to arrive; 0 takes Config.BodyTime.
	Time   time.Duration
	Handle func(*Call) error
}

// ServeHTTP is the frame around every request: headers, log, panic guard, and the
// answers to paths and methods that do not exist.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &record.Writer{ResponseWriter: w}
	c := &Call{R: r, W: rec, ID: strings.ToLower(rand.Text()), Now: a.c.Clock.Now(), api: a}
	h := rec.Header()
	h.Set(cloudapi.HeaderAPI, "1")
	h.Set(HeaderRequest, c.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	defer a.access(c, rec)
	defer a.guard(c, rec)
	handler, pattern := a.mux.Handler(r)
	if pattern == "" || path.Clean(r.URL.Path) != r.URL.Path {
		if pattern != "" { // an escaped ".." or "/" inside a route's path: never asked of the route itself
			handler = http.NotFoundHandler()
		}
		c.fail(a.unmatched(c, handler))
		return
	}
	a.mux.ServeHTTP(rec, r.WithContext(withCall(r.Context(), c)))
}

// serve is the handler of one route: everything between the mux and Route.Handle.
func (a *API) serve(r Route) http.HandlerFunc {
	if r.MaxBody == 0 {
		r.MaxBody = cloudapi.MaxJSON
	}
	if r.Time == 0 {
		r.Time = a.c.BodyTime // a slow or stopped client must not hold a request open
	}
	return func(w http.ResponseWriter, req *http.Request) {
		c := callOf(req.Context())
		c.R, c.Pattern = req, r.Pattern // the mux has set the path values on this request
		c.fail(a.pass(c, r))
	}
}

// pass walks the order of checks; what it returns becomes the answer.
func (a *API) pass(c *Call, r Route) error {
	if err := a.addressLimit(c, r); err != nil {
		return err
	}
	if err := a.authenticate(c, r.Need); err != nil {
		return err
	}
	if err := a.principalLimit(c); err != nil {
		return err
	}
	if err := a.permit(c, r.Need); err != nil {
		return err
	}
	if r.Permit != nil {
		if err := r.Permit(c); err != nil {
			return err
		}
	}
	if c.R.ContentLength > r.MaxBody {
		return tooLarge(r.MaxBody)
	}
	c.max = r.MaxBody
	c.R.Body = http.MaxBytesReader(c.W, c.R.Body, r.MaxBody)
	// Deadlines count on the machine's clock, whatever the configured one says. A
	// connection that cannot have one (a test's recorder) is served without.
	ctl := http.NewResponseController(c.W)
	_ = ctl.SetReadDeadline(deadline(r.Time))
	return r.Handle(c)
}

// unmatched answers a path or method that no route has. Only someone with a token
// learns which it was, unless the path is open to everyone.
func (a *API) unmatched(c *Call, handler http.Handler) error {
	probe := &discard{header: http.Header{}}
	handler.ServeHTTP(probe, c.R)
	allow := probe.header.Get("Allow")
	if !a.open(c.R.URL.Path, allow) {
		if err := a.authenticate(c, OfUser); err != nil {
			return err
		}
		if err := a.principalLimit(c); err != nil {
			return err
		}
	} else if err := a.addressLimit(c, Route{}); err != nil {
		return err
	}
	if probe.status == http.StatusMethodNotAllowed {
		c.W.Header().Set("Allow", allow)
		return &refusal{http.StatusMethodNotAllowed, cloudapi.Error{Code: cloudapi.ErrInvalid, Message: "the path does not take this method"}}
	}
	return &refusal{http.StatusNotFound, cloudapi.Error{Code: cloudapi.ErrNotFound, Message: "there is no such path"}}
}

// open says whether a path takes some method without a token.
func (a *API) open(p, allow string) bool {
	for _, method := range strings.Split(allow, ", ") {
		for _, r := range a.routes {
			if r.Need == Open && r.Pattern == method+" "+p {
				return true
			}
		}
	}
	return false
}

// guard turns a defect into an answer: one request fails, the cloud goes on.
func (a *API) guard(c *Call, rec *record.Writer) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p) // net/http's own way to cut a connection
	}
	a.c.Log.Error("panic in a request", "request", c.ID, "pattern", c.Pattern, "panic", p, "stack", string(debug.Stack()))
	if rec.Status == 0 {
		c.fail(errPanic)
		return
	}
	panic(http.ErrAbortHandler) // half an answer must not look whole
}

// access writes one line for each request. It holds no token, no body and no query.
func (a *API) access(c *Call, rec *record.Writer) {
	level := slog.LevelInfo
	if rec.Status >= 500 {
		level = slog.LevelError
	}
	a.c.Log.Log(c.R.Context(), level, "request", "request", c.ID, "method", c.R.Method, "pattern", c.Pattern,
		"status", rec.Status, "bytes", rec.Bytes, "ms", a.c.Clock.Now().Sub(c.Now).Milliseconds(),
		"address", c.R.RemoteAddr, "account", c.User.Account, "device", c.Device)
}

// discard asks the mux why it did not match, without answering anyone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
