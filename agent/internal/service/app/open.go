package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/files"
	"github.com/iscdesk/iscdesk/agent/internal/service/identity"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/service/license"
	"github.com/iscdesk/iscdesk/agent/internal/service/signin"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// open makes the rooms, each after those that it needs.
func (r *rooms) open(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(r.cfg.State), 0o700); err != nil {
		return fmt.Errorf("make the folder of the state folder: %w", err)
	}
	machine := identity.Machine(ctx)
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
	return r.openRooms()
}

// openRooms makes what the local API asks. Sign-in comes first: the others ask it who
// is signed in.
func (r *rooms) openRooms() error {
	r.identity = identity.New(identity.Config{System: r.cfg.System})
	r.signin = signin.New(signin.Config{
		Cloud: r.cloud, Store: r.store, Events: r.events, Clock: r.cfg.Clock, Log: r.cfg.Log,
		Worker: func(ctx context.Context, a caller.Actor) (signin.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		OnSignIn:  func(uid caller.UID) { r.files.Wake(uid); r.license.Wake(uid) },
		OnSignOut: func(uid caller.UID) { r.license.Wake(uid) },
	})
	r.closers = append(r.closers, r.signin.Close)
	keys, err := r.importKeys()
	if err != nil {
		return err
	}
	r.license, err = license.New(license.Config{
		ImportKeys: keys, Cloud: r.cloud, Store: r.store, Events: r.events, Clock: r.cfg.Clock, Log: r.cfg.Log,
		User: r.signin.User, Account: r.signin.Account, Fingerprint: r.identity.Fingerprint,
		Worker: func(ctx context.Context, a caller.Actor) (license.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		WorkerUser: func(ctx context.Context, uid caller.UID) (license.Worker, error) {
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
		User: func(ctx context.Context, uid caller.UID) (files.Cloud, error) {
			u, err := r.signin.User(ctx, uid)
			if err != nil {
				return nil, err
			}
			return u, nil
		},
		Worker: func(ctx context.Context, a caller.Actor) (files.Worker, error) {
			return worker(r.launch.Acquire(ctx, a))
		},
		WorkerUser: func(ctx context.Context, uid caller.UID) (files.Worker, error) {
			return worker(r.launch.AcquireUser(ctx, uid))
		},
	})
	r.closers = append(r.closers, r.files.Close)
	return nil
}

func (r *rooms) openCloud(machine map[string]string) error {
	var err error
	if r.cfg.CA != "" {
		if r.caPEM, err = readNamed("ca", r.cfg.CA, maxCA); err != nil {
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
