// Package httpapi is the cloud's front door: HTTPS requests come in, are checked, and
// become commands of package meta and of the rooms behind it. One file serves
// one family of paths; frame.go is what every request passes through. The wiring in
// package app and tests may call it. It never signs anything itself (package
// issue does), never reads a file that a request named, and never tells a caller more
// about a refusal than its code, its sentence and the parameters that belong to it.
//
// The order of checks is always the same: token, permission, method, size, syntax, meaning.
package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/files"
	"github.com/iscdesk/iscdesk/cloud/internal/issue"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Config is what the door needs. Every member without a default is required.
type Config struct {
	Store     meta.Store
	Files     *files.Files
	Issuer    *issue.Issuer
	Clock     clock.Clock
	Log       *slog.Logger
	Names     []string // host names of this cloud: what a device's proof may be addressed to
	Build     string
	Gates     *limit.Gates
	Members   *members.Room
	Box       *seal.Box // for the secrets of merchants
	Merchants *produce.Caller
	Terms     LeaseTerms    // zero members take their defaults
	BodyTime  time.Duration // how long a JSON body may take to arrive; default 30 seconds
	Licenses  *market.Licenses
	Orders    *market.Room
	Codes     *market.Codes
	Cases     *cases.Room
	// LicenseWait is how long an agent's request waits for a merchant's licence before it is told to come
	// again; default 20 seconds, at most what cloudapi.LicenseSilence leaves.
	LicenseWait time.Duration
}

// LeaseTerms say how long a signed lease is good for.
type LeaseTerms struct {
	Lease   time.Duration // until it must have been renewed; default 7 days
	Grace   time.Duration // further time without a cloud; default 7 days
	Refresh time.Duration // when the agent begins to ask again; default 1 day
	Devices int           // devices one account may hold an instance on; default 5
}

func (t *LeaseTerms) fill() {
	const day = 24 * time.Hour
	if t.Lease <= 0 {
		t.Lease = 7 * day
	}
	if t.Grace <= 0 {
		t.Grace = 7 * day
	}
	if t.Refresh <= 0 {
		t.Refresh = min(day, t.Lease/2)
	}
	if t.Devices <= 0 {
		t.Devices = 5
	}
}

// API is the whole HTTP interface. It implements http.Handler.
type API struct {
	c      Config
	mux    *http.ServeMux
	routes []Route
}

// New builds the door. It starts nothing; the caller serves it and closes the store afterwards.
func New(c Config) *API {
	c.Terms.fill()
	if c.BodyTime <= 0 {
		c.BodyTime = 30 * time.Second
	}
	if c.LicenseWait <= 0 {
		c.LicenseWait = 20 * time.Second
	}
	a := &API{c: c, mux: http.NewServeMux()}
	a.routes = slices.Concat(
		a.serverRoutes(),
		a.authRoutes(),
		a.memberRoutes(),
		a.departmentRoutes(),
		a.deviceRoutes(),
		a.licenseRoutes(),
		a.applicationRoutes(),
		a.auditRoutes(),
		a.spaceRoutes(),
		a.objectRoutes(),
		a.transferRoutes(),
		a.merchantRoutes(),
		a.listingRoutes(),
		a.codeRoutes(),
		a.orderRoutes(),
		a.callRoutes(),
		a.caseRoutes(),
	)
	for _, r := range a.routes {
		a.mux.HandleFunc(r.Pattern, a.serve(r))
	}
	return a
}

// Routes lists what is served, for the test that compares it with openapi.yaml.
func (a *API) Routes() []Route { return slices.Clone(a.routes) }

// serverRoutes: what anyone may ask without a token.
func (a *API) serverRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/server", Need: Open, Handle: a.getServer},
	}
}

func (a *API) getServer(c *Call) error {
	done, err := a.c.Store.SetupDone(c.Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Server{Build: a.c.Build, API: 1, Time: meta.Stamp(c.Now), SetupDone: done})
}
