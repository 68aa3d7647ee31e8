package license

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/guard"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Worker writes a licence file with its user's rights; *launch.Worker is one.
type Worker interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

// Config of the room. All members are required but Uptime and Log.
type Config struct {
	Cloud  *cloud.Cloud
	Store  *state.Store
	Events *events.Events
	Clock  clock.Clock
	Log    *slog.Logger

	// ImportKeys are keys of clouds that the administrator named for documents that are imported,
	// beside those that this agent has from its own cloud; see ParseKeys. May be empty.
	ImportKeys jose.JSONWebKeySet

	// Uptime names this run of the system and how long it has lasted, sleep
	// included. nil asks the kernel.
	Uptime func() (boot string, since time.Duration)

	User        func(ctx context.Context, uid caller.UID) (*cloud.User, error) // signin.Room.User
	Account     func(uid caller.UID) (string, error)                           // signin.Room.Account
	Fingerprint func(ctx context.Context) (api.Fingerprint, error)             // identity.Room.Fingerprint
	Worker      func(ctx context.Context, a caller.Actor) (Worker, error)      // launch.Acquire
	WorkerUser  func(ctx context.Context, uid caller.UID) (Worker, error)      // launch.AcquireUser
}

// Room is localapi.License. Its methods may be used from any goroutine.
type Room struct {
	cfg   Config
	watch *watch
	out   *reports
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	work  sync.WaitGroup
	wake  chan struct{} // holds one sign that the loop should look now

	asking chan struct{}                                    // has a token for each waiting request that asks now
	wait   func(ctx context.Context, d time.Duration) error // between its questions; tests do not wait

	saving sync.Mutex // orders writes of sealed records; held during them

	telling sync.Mutex        // guards told, and orders answers and events of states; taken before mu
	told    map[string]string // by session: the word of the state that it saw last

	mu      sync.Mutex // guards what follows; never held during I/O or calls
	entries map[key]*entry
	damaged map[key]bool // records that could not be read at start
	imports map[key]*document
	uploads map[caller.UID]*upload
	keys    jose.JSONWebKeySet
	probes  int       // looks for an absent cloud that failed in a row
	probeAt time.Time // wall time before which it is not looked for again
}

// key names a licence on this machine.
type key struct {
	uid     caller.UID
	product string
}

// New reads the sealed cache; it asks nobody. Records that cannot be read are
// set aside and show as store-damaged until a new licence is there.
func New(cfg Config) (*Room, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Uptime == nil {
		cfg.Uptime = uptime()
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Room{cfg: cfg, ctx: ctx, stop: stop, wake: make(chan struct{}, 1),
		asking: make(chan struct{}, maxAsking), wait: clock.Wait,
		told: map[string]string{}, entries: map[key]*entry{}, damaged: map[key]bool{},
		imports: map[key]*document{}, uploads: map[caller.UID]*upload{}}
	r.watch = newWatch(cfg.Clock, cfg.Uptime, r.loadTime())
	r.loadKeys()
	if err := r.loadEntries(); err != nil {
		stop()
		return nil, err
	}
	if err := r.loadDocuments(); err != nil {
		stop()
		return nil, err
	}
	out, err := openReports(cfg)
	if err != nil {
		stop()
		return nil, err
	}
	r.out = out
	return r, nil
}

// Start takes up requests that an earlier agent left, and begins renewals and
// the delivery of reports; Close ends them.
func (r *Room) Start() {
	for _, op := range r.cfg.Events.Unfinished() {
		if op.Method() == api.MethodLicenseRequest {
			r.spawn(func() { r.resume(op) })
		}
	}
	r.spawn(r.run)
}

// Close ends the background work, waits for it and for running requests, and
// keeps the time that is known.
func (r *Room) Close() error {
	r.stop()
	r.work.Wait()
	r.saveTime()
	return r.out.close()
}

// ServerTime takes the cloud's time from any of its answers (cloudhttp.Config.OnTime).
// It does not block.
func (r *Room) ServerTime(server time.Time) {
	if r.watch.contact(server) {
		r.look()
	}
}

// Wake is told that a user signed in or out: sessions hear what that changed, and
// what waits for the cloud, reports and renewals, is tried now. It does not wait
// for the cloud. An empty uid is every user.
func (r *Room) Wake(uid caller.UID) {
	r.mu.Lock()
	for k, e := range r.entries {
		if uid == "" || k.uid == uid {
			e.failures, e.next = 0, time.Time{}
		}
	}
	r.mu.Unlock()
	r.announce()
	r.look()
}

// look wakes the loop; a sign that is already there is enough.
func (r *Room) look() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// spawn runs fn in a goroutine that Close waits for.
func (r *Room) spawn(fn func()) { r.work.Go(func() { guard.Run(r.cfg.Log, fn) }) }
