// Package openapi serves the marketplace's open API, which merchants call: the order query, and
// what other rooms add by Handle (uploads of licences, authorization codes, usage). It is
// the gateway before them: paths, sizes, AK/SK signatures, limits, a panic guard and a log line for
// each request, with the gateway's codes as they are printed. The wiring in package app makes
// it and mounts it beside the JSON API. It never hands a request on whose signature was not
// checked over the whole of it, and never logs a body or a signature.
package openapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/cloud/internal/record"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// Prefixes below which all paths of the open API lie.
const (
	PrefixNew = "/api/mkp-openapi-public/"
	PrefixOld = "/rest/marketplace/"
)

// Bounds of a request.
const (
	MaxBody        = 12 << 20 // bytes; the gateway's own bound
	maxJSON        = 1 << 20  // of routes that say nothing else
	maxURI         = 8 << 10
	maxHeaders     = 16 << 10
	bodyTime       = time.Minute // for a body to arrive
	atOnce         = 16          // bodies over maxJSON that are held in memory, of requests whose head is proved
	unprovedAtOnce = 4           // and of others
	merchantAtOnce = 4           // of one merchant, so that one with a slow line leaves places to others
)

// Config is what the open API needs; all members are required but OrderPrefix and Readings.
type Config struct {
	Store meta.Store
	Box   *seal.Box
	Gates *limit.Gates
	Clock clock.Clock
	Log   *slog.Logger
	// OrderPrefix stands before the order query's codes: "MKT." or "CBC.", for the pages print both; "" is "MKT.".
	OrderPrefix string
	Readings    readings.Readings
}

// API is the open API. It implements http.Handler.
type API struct {
	c   Config
	mux *http.ServeMux
	// A place for each large body in memory, of requests whose head is proved and of others.
	large, unproved chan struct{}

	// mu guards holding: how many of the large places each merchant has.
	mu      sync.Mutex
	holding map[string]int
}

// New makes the open API with the order query in it.
func New(c Config) *API {
	if c.OrderPrefix == "" {
		c.OrderPrefix = "MKT."
	}
	a := &API{c: c, mux: http.NewServeMux(), large: make(chan struct{}, atOnce), unproved: make(chan struct{}, unprovedAtOnce), holding: map[string]int{}}
	a.orderRoutes()
	return a
}

// Route is how one path is served.
type Route struct {
	// Max is the largest body in bytes, at most MaxBody; 0 takes 1 MiB.
	Max int64
	// Serve answers a request whose signature is good. An error that it returns is logged
	// and answered by Broken.
	Serve func(*Call) error
	// Broken answers a defect of ours in the printed form of the path.
	Broken func(*Call)
	// Limited answers a merchant who calls too often; nil answers as the gateway (APIGW.0308).
	Limited func(*Call)
}

// Handle adds a path in net/http's form ("POST /api/…/{event_id}/file"; without a method it
// gets all of them). Call it before the API serves.
func (a *API) Handle(pattern string, r Route) {
	if r.Max == 0 {
		r.Max = maxJSON
	}
	a.mux.HandleFunc(pattern, func(_ http.ResponseWriter, req *http.Request) {
		c := req.Context().Value(callKey{}).(*Call)
		c.R, c.pattern, c.route = req, pattern, r // the mux has set the path values on this request
		a.pass(c)
	})
}

// Call is one request on its way. It belongs to the request's goroutine.
type Call struct {
	R        *http.Request // its Body is used up
	Body     []byte        // whole, at most Route.Max
	Merchant string        // id of the merchant that the access key is of
	Now      time.Time     // read once, so that one request sees one time
	ID       string        // request id, also in the log

	w       *record.Writer
	pattern string
	route   Route
	access  string // AK, once it is known to exist
	on      readings.Readings
}

type callKey struct{}

// JSON answers v. It is always the handler's last act.
func (c *Call) JSON(status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a message of ours that cannot be written is a defect; the guard answers it
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	// An answer that the merchant does not take is the merchant's loss, not an error of the request.
	_, _ = c.w.Write(b)
}

// ServeHTTP is the frame around every request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &record.Writer{ResponseWriter: w}
	c := &Call{R: r, w: rec, ID: strings.ToLower(rand.Text()), Now: a.c.Clock.Now(), on: a.c.Readings}
	h := rec.Header()
	h.Set("X-Request-Id", c.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	defer a.access(c)
	defer a.guard(c)
	if len(r.RequestURI) > maxURI {
		c.gateway(http.StatusRequestURITooLong, "APIGW.0201", "Request URI too large.")
		return
	}
	if size(r.Header) > maxHeaders {
		c.gateway(494, "APIGW.0201", "Request headers too large.")
		return
	}
	// A path is signed with a slash at its end and sent with or without one.
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	if p := strings.TrimSuffix(r.URL.Path, "/"); p != r.URL.Path {
		u := *r.URL
		u.Path, u.RawPath = p, strings.TrimSuffix(u.RawPath, "/")
		r.URL = &u
	}
	if _, pattern := a.mux.Handler(r); pattern == "" || path.Clean(r.URL.Path) != r.URL.Path {
		c.gateway(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment.")
		return
	}
	a.mux.ServeHTTP(rec, r)
}
