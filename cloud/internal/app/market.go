package app

import (
	"net/http"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/cloud/internal/pages"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
)

// market is what the marketplace's parts share.
type market struct {
	box    *seal.Box
	caller *produce.Caller
}

func openMarket(c Config) (market, error) {
	box, err := seal.Open(c.Data)
	if err != nil {
		return market{}, err
	}
	return market{box: box, caller: produce.NewCaller(c.Reach)}, nil
}

// openAPI is what merchants call.
func (a *App) openAPI(c Config, m market, gates *limit.Gates) {
	a.merchants = openapi.New(openapi.Config{Store: a.Store, Box: m.box, Gates: gates, Clock: c.Clock, Log: c.Log, OrderPrefix: c.OrderPrefix})
}

// ServeHTTP gives each path to its door: the open API, the console, or the JSON API, which also answers
// what does not exist.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, openapi.PrefixNew) || strings.HasPrefix(r.URL.Path, openapi.PrefixOld) {
		a.merchants.ServeHTTP(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, pages.Root) {
		a.console.ServeHTTP(w, r)
		return
	}
	a.API.ServeHTTP(w, r)
}
