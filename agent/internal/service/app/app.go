// Package app puts the agent together: it is the only package that knows every
// room. agent's main package runs it. It decides nothing of its own besides the
// order in which rooms begin and end, and answers what the agent knows about
// itself (agent.status, agent.doctor).
package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/files"
	"github.com/iscdesk/iscdesk/agent/internal/service/identity"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/service/license"
	"github.com/iscdesk/iscdesk/agent/internal/service/localapi"
	"github.com/iscdesk/iscdesk/agent/internal/service/product"
	"github.com/iscdesk/iscdesk/agent/internal/service/signin"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Bounds of the files that the configuration names: private authorities, and keys for licence documents.
const (
	maxCA   = 1 << 20
	maxKeys = 64 << 10
)

// Config of a run.
type Config struct {
	config.Config
	Build string
	Clock clock.Clock
	Log   *slog.Logger // nil discards
	Ready func()       // called once, when applications can connect; may be nil
}

// rooms is everything that runs.
type rooms struct {
	cfg     Config
	started time.Time
	caPEM   []byte

	store    *state.Store
	http     *cloudhttp.Client
	cloud    *cloud.Cloud
	events   *events.Events
	launch   *launch.Launcher
	identity *identity.Room
	signin   *signin.Room
	license  *license.Room
	files    *files.Room

	closers []func() error // in the order in which things began
}

// Run is the agent from start to ctx's end. It returns when everything that it
// began has ended.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &rooms{cfg: cfg, started: cfg.Clock.Now()}
	err := r.serve(ctx)
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	return err
}

// serve opens the rooms, serves until ctx ends, and stops what takes requests.
// What was opened is closed by Run, last first.
func (r *rooms) serve(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	server := localapi.New(localapi.Config{
		UID: caller.Own(), Build: r.cfg.Build, Clock: r.cfg.Clock, Log: r.cfg.Log, Events: r.events,
		Product: r.allow, Auth: r.signin, Identity: r.identity, License: r.license, Files: r.files, Agent: r,
	})
	ln, err := localapi.Listen(r.cfg.Socket, r.cfg.System) // a system's agent for everybody
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	r.cfg.Log.Info("agent ready", "build", r.cfg.Build, "socket", r.cfg.Socket, "cloud", r.http.Base(), "system", r.cfg.System)
	if r.cfg.Ready != nil {
		r.cfg.Ready()
	}
	r.identity.Start()
	r.signin.Start()
	r.license.Start()
	r.files.Resume(ctx)
	select {
	case <-ctx.Done():
		err = ln.Close()
		err = errors.Join(err, <-ended)
	case err = <-ended:
	}
	r.cfg.Log.Info("agent stopping")
	r.events.Stop() // tells every session, ends every operation's context
	server.Shutdown()
	return err
}

// allow answers at hello whether the caller's program may be the product.
func (r *rooms) allow(id string, p *caller.Peer) error {
	return product.Registry{Dir: r.cfg.Products}.Allow(id, p.Executable)
}

func (r *rooms) reachable() bool { return r.cloud.Reachable() }
