// Package app puts the cloud together from its data folder: keys, database and front door. The
// main package and test harnesses call it. It holds no rule of its own and never listens:
// who serves the handler decides where.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/blob/disk"
	"github.com/iscdesk/iscdesk/cloud/internal/certs"
	"github.com/iscdesk/iscdesk/cloud/internal/files"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi"
	"github.com/iscdesk/iscdesk/cloud/internal/issue"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/cloud/internal/pages"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Database is the file of the embedded store inside the data folder.
const Database = "cloud.db"

// blobsDir is the folder of packs and manifests inside the data folder.
const blobsDir = "blobs"

// Config is what a cloud is made of. Data, Clock and Log are required.
type Config struct {
	Data      string // folder, made with 0700 when it does not exist
	Names     []string
	Clock     clock.Clock
	Log       *slog.Logger
	Build     string
	Limits    limit.Limits
	Terms     httpapi.LeaseTerms
	Passwords password.Params // zero takes the defaults
	BodyTime  time.Duration   // zero takes the default
	Reach     produce.Reach   // where calls to merchants may go
	// RequireSign takes no answer of a merchant without Body-Sign; otherwise it is checked where there is one.
	RequireSign bool
	Plans       produce.Plans // when calls to merchants are repeated; nil takes the documented plans
	// OrderPrefix stands before the codes of the order query: "MKT." or "CBC."; "" is "MKT.".
	OrderPrefix string
	Readings    readings.Readings // where the marketplace's pages are read otherwise than docs/market.md says
	LicenseWait time.Duration     // how long an agent's request waits for a merchant; zero takes the default
	Probe       bool              // replay the saved cases of what is on sale twice a day
	NoSaleAfter int               // failing days of probes in a row that take a listing off sale; 0 for never
	CaseWait    time.Duration     // how long a debugging call waits for an upload; zero takes the default
}

// App is a cloud that is ready to be served. It implements http.Handler.
type App struct {
	API       *httpapi.API
	Store     meta.Store
	Issuer    *issue.Issuer
	merchants *openapi.API
	console   *pages.Console
	shop      *shop
	clock     clock.Clock
	log       *slog.Logger
	stop      context.CancelFunc
	wg        sync.WaitGroup
}

// sweepEvery is how often ended tokens and nonces are deleted.
const sweepEvery = 10 * time.Minute

// Open reads or makes everything in the data folder and starts the housekeeping. Close ends it.
func Open(ctx context.Context, c Config) (*App, error) {
	if err := atomicfile.MkdirPrivate(c.Data); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	issuer, err := issue.Open(c.Data)
	if err != nil {
		return nil, err
	}
	box, err := seal.Open(c.Data)
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(c.Data, Database))
	if err != nil {
		return nil, err
	}
	blobs, err := disk.Open(disk.Config{Dir: filepath.Join(c.Data, blobsDir), Max: cloudapi.MaxManifest})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	gates := limit.New(c.Limits)
	people := members.New(store, password.New(c.Passwords, runtime.GOMAXPROCS(0)))
	s := newShop(c, store, box)
	console, err := pages.New(pages.Config{Store: store, Members: people, Orders: s.orders, Licenses: s.licenses, Codes: s.codes, Issuer: issuer,
		Box: box, Caller: s.caller, Cases: s.cases, Gates: gates, Clock: c.Clock, Log: c.Log})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	a := &App{Store: store, console: console, shop: s, merchants: s.openAPI(c, store, gates), Issuer: issuer, clock: c.Clock, log: c.Log}
	a.API = httpapi.New(httpapi.Config{
		Store: store, Files: files.New(store, blobs), Issuer: issuer, Clock: c.Clock, Log: c.Log, Members: people, Gates: gates,
		Box: box, Merchants: s.caller, Licenses: s.licenses, Orders: s.orders, Codes: s.codes, Cases: s.cases,
		Names: certs.Names(c.Names), Build: c.Build, Terms: c.Terms, BodyTime: c.BodyTime, LicenseWait: c.LicenseWait,
	})
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.wg.Go(func() { a.sweep(ctx) }) // ends with stop; Close waits
	s.start(ctx)
	return a, nil
}

func (a *App) sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		if _, err := a.Store.Sweep(ctx, a.clock.Now()); err != nil && ctx.Err() == nil {
			a.log.Error("sweep failed", "error", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Stopping answers the agents that wait for a merchant's licence at once, so that who serves the handler
// can end; they come again.
func (a *App) Stopping() { a.shop.licenses.Release() }

// Close ends the housekeeping, the calls to merchants and the store. Whoever serves the handler stops serving before.
func (a *App) Close() error {
	a.stop()
	a.wg.Wait()
	a.shop.close()
	return a.Store.Close()
}

// codeLife is how long a one-time code is good for.
const codeLife = 24 * time.Hour

// SetupCode makes a new one-time code for the first administrator; older ones end. It is
// empty when the administrator exists. The code is kept as a hash only, so it is shown now or never.
func (a *App) SetupCode(ctx context.Context) (string, error) {
	done, err := a.Store.SetupDone(ctx)
	if err != nil || done {
		return "", err
	}
	t := rand.Text()[:20] // 100 bits
	code := strings.Join([]string{t[:5], t[5:10], t[10:15], t[15:]}, "-")
	err = a.Store.SetSetupCode(ctx, meta.HashOf(members.NormalCode(code)), a.clock.Now().Add(codeLife))
	if meta.CodeOf(err) == cloudapi.ErrSetupDone {
		return "", nil
	}
	return code, err
}
