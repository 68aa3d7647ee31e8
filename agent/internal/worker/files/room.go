package files

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Service is the way back to the service; *ipc.Link is one.
type Service interface {
	Call(ctx context.Context, method string, params, result any) error
	Notify(method string, params any) error
}

// Config of the room. All members are required.
type Config struct {
	Home    string          // the user's home folder, absolute
	Start   workerapi.Start // what the service said first: the cloud and its CA
	Service Service
	Clock   clock.Clock
}

// Room answers the service's requests about files. All methods may be used from
// any goroutine; each ends with its context.
type Room struct{ cfg Config }

// New prepares the room. Nothing is read or written before the first request.
func New(cfg Config) (*Room, error) { return &Room{cfg: cfg}, nil }

// Fetch brings a version into the workspace.
func (r *Room) Fetch(ctx context.Context, f workerapi.Fetch) (workerapi.Fetched, error) {
	return workerapi.Fetched{}, nil
}

// Inspect tells what the ledger knows of a path, before a save.
func (r *Room) Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	return workerapi.Inspected{}, nil
}

// Store saves a file or folder as a version, or stages it durably.
func (r *Room) Store(ctx context.Context, s workerapi.Store) (workerapi.Stored, error) {
	return workerapi.Stored{}, nil
}

// Pending lists the staged saves.
func (r *Room) Pending(ctx context.Context) (workerapi.Pending, error) {
	return workerapi.Pending{}, nil
}

// Discard forgets a staged save whose operation ended.
func (r *Room) Discard(ctx context.Context, o api.OperationRef) error { return nil }

// Forget marks an object's local copy as read-only again.
func (r *Room) Forget(ctx context.Context, f workerapi.Forget) error { return nil }

// WriteFile writes a small private file, such as a licence.
func (r *Room) WriteFile(ctx context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error) {
	return workerapi.WrittenFile{}, nil
}
