// Package app puts the agent together: it is the only package that knows every
// room. agent's main package runs it. It decides nothing of its own besides the
// order in which rooms begin and end, and answers what the agent knows about
// itself (agent.status, agent.doctor).
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
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

// maxCA bounds the file of private authorities.
const maxCA = 1 << 20

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
		UID: os.Geteuid(), Build: r.cfg.Build, Clock: r.cfg.Clock, Log: r.cfg.Log, Events: r.events,
		Product: r.allow, Auth: r.signin, Identity: r.identity, License: r.license, Files: r.files, Agent: r,
	})
	ln, err := r.listen()
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

// open makes the rooms, each after those that it needs.
func (r *rooms) open(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(r.cfg.State), 0o700); err != nil {
		return fmt.Errorf("make the folder of the state folder: %w", err)
	}
	machine := identity.Machine(ctx, "/")
	var err error
	if r.store, err = state.Open(state.Config{Dir: r.cfg.State, Machine: machine}); err != nil {
		return fmt.Errorf("open the agent's state: %w", err)
	}
	if reset := r.store.Reset(); reset != nil {
		r.cfg.Log.Warn("state begun anew: people sign in again", "cause", reset)
	}
	seal, open := r.store.Lines("operations")
	if r.events, err = events.Open(events.Config{Dir: r.cfg.State, Clock: r.cfg.Clock, Log: r.cfg.Log, Reachable: r.reachable, Seal: seal, Open: open}); err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	r.closers = append(r.closers, r.events.Close)
	if err := r.openCloud(machine); err != nil {
		return err
	}
	if r.launch, err = launch.New(launch.Config{Start: r.workerStart, Handle: r.handle, Notice: r.notice, Log: r.cfg.Log}); err != nil {
		return fmt.Errorf("open the launcher: %w", err)
	}
	r.closers = append(r.closers, r.launch.Close)
	r.identity = identity.New(identity.Config{Root: "/", System: r.cfg.System})
	r.signin = signin.New(signin.Config{
		Cloud: r.cloud, Store: r.store, Events: r.events, Clock: r.cfg.Clock, Log: r.cfg.Log,
		Worker: func(ctx context.Context, a caller.Actor) (signin.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		OnSignIn:  func(uid int) { r.files.Wake(uid); r.license.Wake(uid) },
		OnSignOut: func(uid int) { r.license.Wake(uid) },
	})
	r.closers = append(r.closers, r.signin.Close)
	r.license, err = license.New(license.Config{
		Cloud: r.cloud, Store: r.store, Events: r.events, Clock: r.cfg.Clock, Log: r.cfg.Log,
		User: r.signin.User, Account: r.signin.Account, Fingerprint: r.identity.Fingerprint,
		Worker: func(ctx context.Context, a caller.Actor) (license.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		WorkerUser: func(ctx context.Context, uid int) (license.Worker, error) {
			return worker(r.launch.AcquireUser(ctx, uid))
		},
	})
	if err != nil {
		return fmt.Errorf("open licences: %w", err)
	}
	r.closers = append(r.closers, r.license.Close)
	r.files = files.New(files.Config{
		Events: r.events, Clock: r.cfg.Clock, Cloud: r.http.Base(), Log: r.cfg.Log, Device: r.cloud.DeviceID,
		Account: r.signin.Account,
		User: func(ctx context.Context, uid int) (files.Cloud, error) {
			u, err := r.signin.User(ctx, uid)
			if err != nil {
				return nil, err
			}
			return u, nil
		},
		Worker: func(ctx context.Context, a caller.Actor) (files.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		WorkerUser: func(ctx context.Context, uid int) (files.Worker, error) {
			return worker(r.launch.AcquireUser(ctx, uid))
		},
	})
	r.closers = append(r.closers, r.files.Close)
	return nil
}

// worker keeps a nil *launch.Worker from becoming an interface that is not nil.
func worker(w *launch.Worker, err error) (workerCaller, error) {
	if err != nil {
		return nil, err
	}
	return w, nil
}

// workerCaller is what every room needs of a worker.
type workerCaller interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

func (r *rooms) openCloud(machine map[string]string) error {
	var err error
	if r.cfg.CA != "" {
		if r.caPEM, err = readCA(r.cfg.CA); err != nil {
			return err
		}
	}
	r.http, err = cloudhttp.New(cloudhttp.Config{
		Base: r.cfg.Cloud, CAPEM: r.caPEM, Proxy: r.cfg.Proxy, Build: r.cfg.Build,
		OnTime: func(t time.Time) {
			if r.license != nil {
				r.license.ServerTime(t)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("configure the way to the cloud: %w", err)
	}
	r.closers = append(r.closers, func() error { r.http.Close(); return nil })
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	r.cloud = cloud.New(cloud.Config{
		HTTP: r.http, Key: r.store.InstallKey(), Identity: identity.Digest(machine), Name: name,
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Clock: r.cfg.Clock, Store: r.store,
	})
	return nil
}

func (r *rooms) listen() (*net.UnixListener, error) {
	dir, mode := os.FileMode(0o700), os.FileMode(0o600)
	if r.cfg.System {
		dir, mode = 0o755, 0o666 // everybody may knock; the kernel says who does
	}
	return localapi.Listen(r.cfg.Socket, dir, mode)
}

// allow answers at hello whether the caller's program may be the product.
func (r *rooms) allow(id string, p *caller.Peer) error {
	return product.Registry{Dir: r.cfg.Products}.Allow(id, p.Executable)
}

func (r *rooms) reachable() bool { return r.cloud.Reachable() }
