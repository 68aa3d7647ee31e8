package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	stopTimeout   = 5 * time.Second  // from the closed socketpair to SIGKILL
	maxIdentities = 16               // workers of one uid: group sets of one user are few
)

// Config of the launcher. Handle and Notice take what workers ask and tell; uid
// is the worker's identity as the launcher gave it, never a word of the worker.
type Config struct {
	Start  func() workerapi.Start // what a new worker is told first
	Handle func(ctx context.Context, uid int, method string, params json.RawMessage) (any, error)
	Notice func(uid int, method string, params json.RawMessage) // must not block
	Log    *slog.Logger                                         // nil discards

	Users func(ctx context.Context, uid int) (User, error) // nil: the system's user database
	Idle  time.Duration                                    // from a worker's last use to its end; 0: a minute
	Stop  time.Duration                                    // from the closed socketpair to SIGKILL; 0: five seconds
}

// User is what the user database says about a uid.
type User struct {
	Name   string
	GID    int
	Groups []int // only for AcquireUser; the kernel's list is used otherwise
	Home   string
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

// shared is one worker process, or the wait for it. ready closes when it is
// started or failed; then proc and err stand still.
type shared struct {
	key   string
	uid   int
	ready chan struct{}
	proc  *process
	err   error

	users int         // guarded by Launcher.mu
	idle  *time.Timer // guarded by Launcher.mu; runs while users is 0
}

// Worker is one use of a running worker process. Call may be used from any
// goroutine until Release.
type Worker struct {
	l       *Launcher
	s       *shared
	release sync.Once
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

// Acquire returns the worker of the actor's uid, gid and groups, starting it when
// there is none. api.RootCaller for root when the service is root. Release it.
func (l *Launcher) Acquire(ctx context.Context, a caller.Actor) (*Worker, error) {
	if err := l.spawn.may(a.UID); err != nil {
		return nil, err
	}
	return l.acquire(ctx, Identity{UID: a.UID, GID: a.GID, Groups: a.Groups})
}

// AcquireUser is Acquire for work that is left from before a restart: gid and
// groups come from the user database. When that gives no answer, the error is
// ErrLost, as of a worker that died: it may give one later.
func (l *Launcher) AcquireUser(ctx context.Context, uid int) (*Worker, error) {
	if err := l.spawn.may(uid); err != nil {
		return nil, err
	}
	if l.spawn.own() {
		return l.acquire(ctx, ownIdentity())
	}
	// Not a refusal: a user database that does not answer now, or whose look-up was
	// killed, may answer later, and what is left to be done waits for it.
	u, err := l.cfg.Users(ctx, uid)
	if err != nil {
		lost := &api.Error{Code: api.Internal, Detail: fmt.Sprintf("look up user %d: %v", uid, err)}
		return nil, fmt.Errorf("%w: %w: %w", ErrLost, lost, err)
	}
	return l.acquire(ctx, Identity{UID: uid, GID: u.GID, Groups: u.Groups})
}

func (l *Launcher) acquire(ctx context.Context, id Identity) (*Worker, error) {
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

// use finds or notes the worker of an identity and counts one use of it; starts
// tells the caller to start it.
func (l *Launcher) use(id Identity) (s *shared, starts bool, err error) {
	key := id.key()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false, &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
	}
	if s = l.workers[key]; s == nil {
		same := 0
		for _, other := range l.workers {
			if other.uid == id.UID {
				same++
			}
		}
		if same >= maxIdentities {
			return nil, false, &api.Error{Code: api.Busy, Detail: fmt.Sprintf("more than %d group sets of user %d at once", maxIdentities, id.UID)}
		}
		s, starts = &shared{key: key, uid: id.UID, ready: make(chan struct{})}, true
		l.workers[key] = s
		l.ending.Add(1)
	}
	s.users++
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
	return s, starts, nil
}

// start runs a worker from exec to its end.
func (l *Launcher) start(s *shared, id Identity) {
	defer l.ending.Done()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	s.proc, s.err = l.launch(ctx, id)
	cancel()
	if s.err != nil {
		l.cfg.Log.Error("worker not started", "uid", id.UID, "cause", s.err)
		s.err = &api.Error{Code: api.Internal, Detail: fmt.Sprintf("start a worker for user %d: %v", id.UID, s.err)}
		l.drop(s)
		close(s.ready)
		return
	}
	close(s.ready)
	cause := s.proc.wait()
	l.drop(s)
	l.cfg.Log.Info("worker ended", "uid", id.UID, "pid", s.proc.started.PID, "cause", cause)
}

func (l *Launcher) launch(ctx context.Context, id Identity) (*process, error) {
	u, err := l.cfg.Users(ctx, id.UID)
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	p, err := l.spawn.start(id, u, func(ctx context.Context, method string, params json.RawMessage) (any, error) {
		return l.cfg.Handle(ctx, id.UID, method, params)
	}, func(method string, params json.RawMessage) {
		l.cfg.Notice(id.UID, method, params)
	})
	if err != nil {
		return nil, err
	}
	p.stop = l.cfg.Stop
	if err := p.link.Call(ctx, workerapi.MethodStart, l.cfg.Start(), &p.started); err != nil {
		p.end()
		_ = p.wait()
		return nil, err
	}
	l.cfg.Log.Info("worker started", "uid", id.UID, "pid", p.started.PID, "caps", p.started.Caps, "groups", p.started.Groups)
	return p, nil
}

// drop forgets a worker that ended, so that the next request starts another.
func (l *Launcher) drop(s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.workers[s.key] == s {
		delete(l.workers, s.key)
	}
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
}

// Release gives the worker back; it ends a minute after its last use. Later calls do nothing.
func (w *Worker) Release() { w.release.Do(func() { w.l.unuse(w.s) }) }

func (l *Launcher) unuse(s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.users--
	if s.users > 0 || l.closed || l.workers[s.key] != s {
		return
	}
	s.idle = time.AfterFunc(l.cfg.Idle, func() { l.retire(s) })
}

// retire ends a worker that nobody used for the idle time.
func (l *Launcher) retire(s *shared) {
	l.mu.Lock()
	if s.users > 0 || l.workers[s.key] != s {
		l.mu.Unlock()
		return
	}
	delete(l.workers, s.key)
	l.mu.Unlock()
	<-s.ready
	if s.proc != nil {
		s.proc.end()
	}
}

// Identity is what a worker is started as.
type Identity struct {
	UID, GID int
	Groups   []int
}

// key is equal for equal identities: one worker each.
func (i Identity) key() string {
	groups := slices.Clone(i.Groups)
	slices.Sort(groups)
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d", i.UID, i.GID)
	for _, g := range slices.Compact(groups) {
		fmt.Fprintf(&b, ",%d", g)
	}
	return b.String()
}
