// Package worker is the process that touches a user's files. The service starts
// it as `iscdesk-agent worker` with that user's identity and one descriptor, a
// socketpair; it ends when that closes. Only agent's main package calls it. It
// must never take work from anywhere else, and holds no key of the device.
package worker

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// FD is the descriptor that the service hands over.
const FD = 3

// Files is what the process needs of the files room (package worker/files).
type Files interface {
	Fetch(ctx context.Context, f workerapi.Fetch) (workerapi.Fetched, error)
	Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error)
	Store(ctx context.Context, s workerapi.Store) (workerapi.Stored, error)
	Pending(ctx context.Context) (workerapi.Pending, error)
	Discard(ctx context.Context, o api.OperationRef) error
	Forget(ctx context.Context, f workerapi.Forget) error
	WriteFile(ctx context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error)
}

// Picker is what the process needs of the pages room (package worker/picker).
type Picker interface {
	Page(ctx context.Context, p workerapi.Page) (workerapi.PageOpened, error)
	PageEnd(ctx context.Context, p workerapi.PageEnd) error
	Close()
}
