package files

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/guard"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Cloud is the drive as the signed-in user of one OS user sees it; *cloud.User is one.
type Cloud interface {
	Spaces(ctx context.Context) (cloudapi.Spaces, error)
	Entries(ctx context.Context, space, folder, after string) (cloudapi.Listing, error)
	Object(ctx context.Context, object string) (cloudapi.Object, error)
	Versions(ctx context.Context, object string, before int64) (cloudapi.Versions, error)
	NewFolder(ctx context.Context, space string, f cloudapi.NewFolder) (cloudapi.Entry, error)
	Checkout(ctx context.Context, object string, seconds int64) (cloudapi.Checkout, error)
	Checkin(ctx context.Context, object string, fence int64) error
	Transfer(ctx context.Context, space string, t cloudapi.NewTransfer) (cloudapi.TransferToken, error)
}

// Worker is a running worker of one user; *launch.Worker is one.
type Worker interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

// Config of the room. All members are required but Log.
type Config struct {
	Events *events.Events
	Clock  clock.Clock
	Cloud  string // base address, shown in pages
	Log    *slog.Logger

	// Device is this machine's id in the cloud, empty before it is enrolled.
	Device func() string
	// Account is who is signed in for an OS user; it asks nobody. api.NotSignedIn,
	// api.SessionExpired.
	Account func(uid caller.UID) (account string, err error)
	// User is the cloud with the rights of the account that is signed in now, and of no
	// later one. api.NotSignedIn, api.SessionExpired.
	User func(ctx context.Context, uid caller.UID) (Cloud, error)
	// Worker is launch.Acquire, WorkerUser launch.AcquireUser.
	Worker     func(ctx context.Context, a caller.Actor) (Worker, error)
	WorkerUser func(ctx context.Context, uid caller.UID) (Worker, error)
}

// Room is localapi.Files, and answers workers. All methods may be used from any goroutine.
type Room struct {
	cfg  Config
	ctx  context.Context // ends with Close; for work that belongs to no operation
	stop context.CancelFunc
	work sync.WaitGroup // one for each running operation and sender

	mu      sync.Mutex // guards what follows; nothing blocks while it is held
	live    map[api.Operation]*run
	paths   map[pathKey]*turn
	senders map[caller.UID]*sender
	swept   map[caller.UID]time.Time // users whose outbox was looked through for saves that no operation knows; when to look again, zero never
	closed  bool
}

// New makes the room; Resume starts what was left.
func New(cfg Config) *Room {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Room{
		cfg: cfg, ctx: ctx, stop: stop,
		live:    make(map[api.Operation]*run),
		paths:   make(map[pathKey]*turn),
		senders: make(map[caller.UID]*sender),
		swept:   make(map[caller.UID]time.Time),
	}
}

// Close waits for the running operations, which end when the events room stops:
// stop that first.
func (r *Room) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.Wake("")
	r.work.Wait()
	return nil
}

// start runs fn in a goroutine that Close waits for, unless the room is closed.
func (r *Room) start(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.work.Go(func() { guard.Run(r.cfg.Log, fn) })
}

// pathKey is a local path of one user: onePath of what the application wrote.
type pathKey struct {
	uid  caller.UID
	path string
}

// turn lets operations on one path go one after the other.
type turn struct {
	busy  chan struct{} // holds one element while an operation has its turn
	users int           // guarded by Room.mu
}

// takeTurn waits until no other operation works on the path. Two saves of one path
// at once are thereby two versions, in the order of their numbers as far as the
// waiting allows; the second one's snapshot is taken when its turn comes.
func (r *Room) takeTurn(ctx context.Context, k pathKey) (done func(), err error) {
	r.mu.Lock()
	t := r.paths[k]
	if t == nil {
		t = &turn{busy: make(chan struct{}, 1)}
		r.paths[k] = t
	}
	t.users++
	r.mu.Unlock()
	leave := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(r.paths, k)
		}
	}
	select {
	case t.busy <- struct{}{}:
		return func() { <-t.busy; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}

func refuse(code api.Code, detail string) *api.Error { return &api.Error{Code: code, Detail: detail} }
