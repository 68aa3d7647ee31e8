package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of the launcher.
const (
	idleAfter     = time.Minute      // a worker without work lives this long
	startTimeout  = 10 * time.Second // from exec to the answer to worker.start
	stopTimeout   = 5 * time.Second  // from the closed link to the kill
	maxIdentities = 16               // workers of one uid: group sets or logon sessions of one user are few
)

// Config of the launcher. Handle and Notice take what workers ask and tell; uid
// is the worker's identity as the launcher gave it, never a word of the worker.
type Config struct {
	Start  func() workerapi.Start // what a new worker is told first
	Handle func(ctx context.Context, uid caller.UID, method string, params json.RawMessage) (any, error)
	Notice func(uid caller.UID, method string, params json.RawMessage) // must not block
	Log    *slog.Logger                                                // nil discards

	Users Users         // nil: the system's user database
	Idle  time.Duration // from a worker's last use to its end; 0: a minute
	Stop  time.Duration // from the closed link to the kill; 0: five seconds
}

// Users is a user database. On Windows it is asked for AcquireUser only: a token knows its user.
type Users func(ctx context.Context, uid caller.UID) (User, error)

// User is what the user database says about a uid.
type User struct {
	Name          string
	caller.Rights // only for AcquireUser; the kernel's word about the caller is used otherwise
	Home          string
}

// Launcher starts workers and shares each among the requests of one identity.
type Launcher struct {
	cfg    Config
	spawn  *spawner
	ending sync.WaitGroup // one for each process that has not been waited for

	mu      sync.Mutex // guards what follows; nothing blocks while it is held
	workers map[string]*shared
	closed  bool
}

// New prepares the launcher and pins the running program; no process is started yet.
func New(cfg Config) (*Launcher, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Users == nil {
		cfg.Users = lookup
	}
	if cfg.Idle == 0 {
		cfg.Idle = idleAfter
	}
	if cfg.Stop == 0 {
		cfg.Stop = stopTimeout
	}
	s, err := newSpawner()
	if err != nil {
		return nil, fmt.Errorf("prepare workers: %w", err)
	}
	return &Launcher{cfg: cfg, spawn: s, workers: make(map[string]*shared)}, nil
}

// Close ends every worker, waits for them, and refuses new ones. Later calls do nothing.
func (l *Launcher) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	all := make([]*shared, 0, len(l.workers))
	for _, s := range l.workers {
		all = append(all, s)
		if s.idle != nil {
			s.idle.Stop()
		}
	}
	l.mu.Unlock()
	for _, s := range all {
		<-s.ready
		if s.proc != nil {
			s.proc.end()
		}
	}
	l.ending.Wait()
	return l.spawn.close()
}

// Acquire returns the worker of the actor's uid and rights, starting it when there is
// none. api.RootCaller for the system's own callers when the service is the system's;
// api.Forbidden for another user's where the service is a user's, whose workers all
// have that service's rights. Release it.
func (l *Launcher) Acquire(ctx context.Context, a caller.Actor) (*Worker, error) {
	id := identity{a.UID, a.Rights}
	if err := l.spawn.may(id); err != nil {
		return nil, err
	}
	if l.spawn.own() {
		id = l.spawn.self
	}
	return l.acquire(ctx, id)
}

// AcquireUser is Acquire for work that is left from before a restart: the rights come
// from the user database, on Windows from the session in which the user is logged on.
// When that gives no answer, the error is ErrLost, as of a worker that died: it may
// give one later.
func (l *Launcher) AcquireUser(ctx context.Context, uid caller.UID) (*Worker, error) {
	id := identity{UID: uid}
	if l.spawn.own() && uid == l.spawn.self.UID {
		id = l.spawn.self
	}
	if err := l.spawn.may(id); err != nil {
		return nil, err
	}
	if l.spawn.own() {
		return l.acquire(ctx, id)
	}
	// Not a refusal: a user database that does not answer now, or whose look-up was
	// killed, may answer later, and what is left to be done waits for it.
	u, err := l.cfg.Users(ctx, uid)
	if err != nil {
		lost := &api.Error{Code: api.Internal, Detail: fmt.Sprintf("look up user %s: %v", uid, err)}
		return nil, fmt.Errorf("%w: %w: %w", ErrLost, lost, err)
	}
	id.Rights = u.Rights
	if err := l.spawn.may(id); err != nil {
		return nil, err
	}
	return l.acquire(ctx, id)
}

func (l *Launcher) acquire(ctx context.Context, id identity) (*Worker, error) {
	s, starts, err := l.use(id)
	if err != nil {
		return nil, err
	}
	if starts {
		go l.start(s, id)
	}
	w := &Worker{l: l, s: s}
	select {
	case <-s.ready:
	case <-ctx.Done():
		w.Release()
		return nil, fmt.Errorf("wait for the worker: %w", context.Cause(ctx))
	}
	if s.err != nil {
		w.Release()
		return nil, s.err
	}
	return w, nil
}
