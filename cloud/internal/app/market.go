package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/cloud/internal/pages"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// shop is the marketplace's rooms, which the doors share.
type shop struct {
	box      *seal.Box
	caller   *produce.Caller
	sender   *produce.Sender
	queue    *produce.Queue
	orders   *market.Room
	codes    *market.Codes
	licenses *market.Licenses
	cases    *cases.Room
	probes   bool
}

// newShop puts the rooms together over a store. It starts nothing: see start.
func newShop(c Config, store meta.Store, box *seal.Box) *shop {
	s := &shop{box: box, caller: produce.NewCaller(c.Reach)}
	s.sender = produce.NewSender(produce.SenderConfig{Caller: s.caller, Clock: c.Clock, RequireSign: c.RequireSign, Readings: c.Readings})
	if c.Plans == nil && c.Readings.SaaSRetries {
		c.Plans = produce.SaaSPlans()
	}
	s.queue = produce.NewQueue(produce.Config{Store: store, Sender: s.sender, Targets: produce.Listings{Store: store, Box: box},
		Clock: c.Clock, Log: c.Log, Plans: c.Plans, Readings: c.Readings})
	// A resource tells its code what has become of it, and an activation tells the resource.
	s.codes = market.NewCodes(store, func(ctx context.Context, resource string, from, until time.Time) error {
		return s.orders.Activated(ctx, resource, from, until)
	})
	s.orders = market.New(market.Config{Store: store, Queue: s.queue, Clock: c.Clock, Log: c.Log, Readings: c.Readings, Follow: s.codes.Follow})
	s.licenses = market.NewLicenses(store, c.Clock, s.queue.Plans, s.queue.Wake)
	s.licenses.Readings = c.Readings
	s.queue.Handle(wire.ActivityGetLicenseAsync, s.licenses.Handler())
	s.cases = cases.New(cases.Config{Store: store, Box: box, Sender: s.sender, Clock: c.Clock, Log: c.Log, Wait: c.CaseWait, NoSale: c.NoSaleAfter})
	s.probes = c.Probe
	return s
}

// start begins the calls to merchants and what is due by the clock; close ends both.
func (s *shop) start(ctx context.Context) {
	s.queue.Start(ctx)
	s.orders.Start(ctx)
	if s.probes {
		s.cases.Start(ctx)
	}
}

func (s *shop) close() {
	s.cases.Close()
	s.orders.Close()
	s.queue.Close()
}

// openAPI is what merchants call.
func (s *shop) openAPI(c Config, store meta.Store, gates *limit.Gates) *openapi.API {
	a := openapi.New(openapi.Config{Store: store, Box: s.box, Gates: gates, Clock: c.Clock, Log: c.Log, OrderPrefix: c.OrderPrefix, Readings: c.Readings})
	a.HandleUploads(s.licenses)
	a.HandleCodes(s.codes)
	a.HandleUsage()
	return a
}

// ServeHTTP gives each path to its door: the open API, the console, or the JSON API, which also answers
// what does not exist.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch p := r.URL.Path; {
	case strings.HasPrefix(p, openapi.PrefixNew), strings.HasPrefix(p, openapi.PrefixOld):
		a.merchants.ServeHTTP(w, r)
	case strings.HasPrefix(p, pages.Root):
		a.console.ServeHTTP(w, r)
	default:
		a.API.ServeHTTP(w, r)
	}
}
