package license

import (
	"context"
	"log/slog"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Worker writes a licence file with its user's rights; *launch.Worker is one.
type Worker interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

// Config of the room. All members are required but Boot and Log.
type Config struct {
	Cloud  *cloud.Cloud
	Store  *state.Store
	Events *events.Events
	Clock  clock.Clock
	Boot   func() string // names this run of the system; nil reads the kernel's boot id
	Log    *slog.Logger

	User        func(ctx context.Context, uid int) (*cloud.User, error)   // signin.Room.User
	Account     func(uid int) (string, error)                             // signin.Room.Account
	Fingerprint func(ctx context.Context) (api.Fingerprint, error)        // identity.Room.Fingerprint
	Worker      func(ctx context.Context, a caller.Actor) (Worker, error) // launch.Acquire
}

// Room is localapi.License. Its methods may be used from any goroutine.
type Room struct{ cfg Config }

// New reads the sealed cache; it asks nobody.
func New(cfg Config) (*Room, error) { return &Room{cfg: cfg}, nil }

// Start begins renewals and the delivery of reports; Close ends them.
func (r *Room) Start() {}

// Close ends the background work and waits for it and for running requests.
func (r *Room) Close() error { return nil }

// ServerTime takes the cloud's time from any of its answers (cloudhttp.Config.OnTime).
// It does not block.
func (r *Room) ServerTime(server time.Time) {}

// Wake tries now what waits for the cloud: reports, renewals. It does not block.
func (r *Room) Wake(uid int) {}

// State answers from memory and never waits.
func (r *Room) State(ctx context.Context, a caller.Actor) api.LicenseState {
	return api.LicenseState{State: api.StateNone, Code: api.LicenseNone}
}

// Request gets the product's licence; EVENT_LICENSE_VERIFY ends it.
func (r *Room) Request(ctx context.Context, a caller.Actor, q api.LicenseRequest) (api.Started, error) {
	return api.Started{}, nil
}

// Verify queues the application's own verdict for the cloud's audit trail; it is
// on disk when Verify returns.
func (r *Room) Verify(ctx context.Context, a caller.Actor, v api.LicenseVerify) error { return nil }
