package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// process is one running worker.
type process struct {
	child   *child
	link    *ipc.Link
	started workerapi.Started
	stop    time.Duration // from the closed link to the kill
}

// end closes the link, which a worker takes as its end; wait kills it if it
// is still there after a while.
func (p *process) end() { _ = p.link.Close() }

// wait returns when the process has ended and no handler of its requests runs.
func (p *process) wait() error {
	ended := make(chan error, 1)
	go func() { ended <- p.child.wait() }()
	var err error
	select {
	case err = <-ended: // it crashed or left: its running calls fail when the link ends
		_ = p.link.Close()
	case <-p.link.Done():
		kill := time.AfterFunc(p.stop, p.child.kill)
		err = <-ended
		kill.Stop()
	}
	<-p.link.Done()
	return err
}

// Call asks the worker. A worker that died answers every running call with an
// *api.Error; errors.Is(err, ErrLost) tells it from a refusal of the worker's own.
func (w *Worker) Call(ctx context.Context, method string, params, result any) error {
	err := w.s.proc.link.Call(ctx, method, params, result)
	var refusal *api.Error
	if err == nil || errors.As(err, &refusal) || ctx.Err() != nil {
		return err
	}
	lost := &api.Error{Code: api.Internal, Detail: "the worker process ended before it answered " + method}
	return fmt.Errorf("%w: %w: %w", ErrLost, lost, err)
}

// Started is what the worker found that it is: for the log and for tests. It is
// the worker's own word.
func (w *Worker) Started() workerapi.Started { return w.s.proc.started }
