package files

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
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

	// Account is who is signed in for an OS user, from memory: api.NotSignedIn.
	Account func(uid int) (account string, err error)
	// User is the cloud with that user's rights; it may ask the network.
	// api.NotSignedIn, api.SessionExpired, api.CloudUnreachable.
	User func(ctx context.Context, uid int) (Cloud, error)
	// Worker is launch.Acquire, WorkerUser launch.AcquireUser.
	Worker     func(ctx context.Context, a caller.Actor) (Worker, error)
	WorkerUser func(ctx context.Context, uid int) (Worker, error)
}

// Room is localapi.Files, and answers workers. All methods may be used from any goroutine.
type Room struct{ cfg Config }

// New makes the room; Resume starts what was left.
func New(cfg Config) *Room { return &Room{cfg: cfg} }

// Close waits for the running operations, which end with the events room.
func (r *Room) Close() error { return nil }

// Resume takes up the operations that were unfinished when the agent ended.
func (r *Room) Resume(ctx context.Context) {}

// Wake sends what waits for the cloud now: for any sign that it is back, such as
// a sign-in or a heartbeat that was answered. It does not block. uid -1 is every user.
func (r *Room) Wake(uid int) {}

// Queued is the number of a user's saves that wait for the cloud.
func (r *Room) Queued(uid int) int { return 0 }

// Handle answers a worker's requests service.spaces, list, versions, newFolder,
// chosen and renew, for live operations of its user.
func (r *Room) Handle(ctx context.Context, uid int, method string, params json.RawMessage) (any, error) {
	return nil, &api.Error{Code: api.NotSupported, Detail: "unknown method " + method}
}

// Notice takes a worker's progress and closed pages. It does not block.
func (r *Room) Notice(uid int, method string, params json.RawMessage) {}

// Spaces lists the drive spaces of the signed-in user.
func (r *Room) Spaces(ctx context.Context, a caller.Actor) (api.Spaces, error) {
	return api.Spaces{}, nil
}

// List lists a folder.
func (r *Room) List(ctx context.Context, a caller.Actor, l api.List) (api.Listing, error) {
	return api.Listing{}, nil
}

// Versions lists an object's versions, newest first.
func (r *Room) Versions(ctx context.Context, a caller.Actor, o api.ObjectRef) (api.Versions, error) {
	return api.Versions{}, nil
}

// Open fetches an object into the workspace; EVENT_OPENCLOUDFILE_RESULT ends it.
func (r *Room) Open(ctx context.Context, a caller.Actor, o api.Open) (api.Started, error) {
	return api.Started{}, nil
}

// Pick opens the picker page; its choice goes on as Open.
func (r *Room) Pick(ctx context.Context, a caller.Actor, p api.Pick) (api.Started, error) {
	return api.Started{}, nil
}

// Save stores a workspace file as its object's next version; EVENT_SAVE_RESULT ends it.
func (r *Room) Save(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error) {
	return api.Started{}, nil
}

// SaveAs lets the user choose a place in a page and stores there as a new object.
func (r *Room) SaveAs(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error) {
	return api.Started{}, nil
}

// SaveTo is SaveAs without a page.
func (r *Room) SaveTo(ctx context.Context, a caller.Actor, s api.SaveTo) (api.Started, error) {
	return api.Started{}, nil
}

// Checkin gives a check-out back without saving.
func (r *Room) Checkin(ctx context.Context, a caller.Actor, c api.Checkin) error { return nil }
