package launch

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
)

// Config of the launcher. Handle and Notice take what workers ask and tell; uid
// is the worker's identity as the launcher gave it, never a word of the worker.
type Config struct {
	Start  func() workerapi.Start // what a new worker is told first
	Handle func(ctx context.Context, uid int, method string, params json.RawMessage) (any, error)
	Notice func(uid int, method string, params json.RawMessage) // must not block
	Log    *slog.Logger
}

// Launcher starts workers and shares each among the requests of one identity.
type Launcher struct{ cfg Config }

// New prepares the launcher; no process is started yet.
func New(cfg Config) (*Launcher, error) { return &Launcher{cfg: cfg}, nil }

// Close ends every worker and waits for them.
func (l *Launcher) Close() error { return nil }

// Worker is a running worker process. Call may be used from any goroutine until Release.
type Worker struct{ link *ipc.Link }

// Acquire returns the worker of the actor's uid, gid and groups, starting it when
// there is none. api.RootCaller for root when the service is root. Release it.
func (l *Launcher) Acquire(ctx context.Context, a caller.Actor) (*Worker, error) {
	return &Worker{}, nil
}

// AcquireUser is Acquire for work that is left from before a restart: gid and
// groups come from the user database.
func (l *Launcher) AcquireUser(ctx context.Context, uid int) (*Worker, error) {
	return &Worker{}, nil
}

// Call asks the worker. A worker that died answers every running call with an
// *api.Error; errors.Is(err, ErrLost) tells it from a refusal of the worker's own.
func (w *Worker) Call(ctx context.Context, method string, params, result any) error {
	return w.link.Call(ctx, method, params, result)
}

// Release gives the worker back; it ends a minute after its last use.
func (w *Worker) Release() {}
