package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// worker is the caller's own, or after a restart that of the user.
func (x *run) worker(ctx context.Context) (w Worker, err error) {
	if x.actor != nil {
		w, err = x.room.cfg.Worker(ctx, *x.actor)
	} else {
		w, err = x.room.cfg.WorkerUser(ctx, x.uid)
	}
	if err == nil {
		x.room.sweep(x.uid)
	}
	return w, lost(ctx, err)
}

// Bounds of talking to a worker.
const (
	cancelWait  = 90 * time.Second // a commit that was asked for answers in this time
	workerLives = 12               // workers that may die under one request
	firstPause  = 20 * time.Millisecond
	lastPause   = time.Second
)

// pause waits before another worker is tried after the n-th has died, or until
// ctx ends: who waits looks at it next.
func pause(ctx context.Context, n int) { _ = clock.Wait(ctx, min(firstPause<<n, lastPause)) }

// call asks a worker for the operation. When the operation is cancelled the worker
// is told and has the last word, because a commit may be under way; when the agent
// stops nobody waits.
func (x *run) call(method string, params, result any) error {
	return repeated(x.op.Context(), x.worker, func(w Worker) error { return x.callOnce(w, method, params, result) })
}

// repeated asks a worker. One that died is replaced and asked again: every request of
// this room may be repeated.
func repeated(ctx context.Context, worker func(context.Context) (Worker, error), ask func(Worker) error) error {
	for n := 1; ; n++ {
		w, err := worker(ctx)
		if err == nil {
			err = ask(w)
			w.Release()
		}
		// A path may be in use by a worker of before the agent's restart: it ends soon.
		again := errors.Is(err, launch.ErrLost) || api.CodeOf(err) == api.PathInUse
		if !again || n == workerLives || ctx.Err() != nil {
			return err
		}
		pause(ctx, n)
	}
}

// theirs asks the caller's worker for a request that is no operation.
func (r *Room) theirs(ctx context.Context, a caller.Actor, method string, params, result any) error {
	return repeated(ctx, func(ctx context.Context) (Worker, error) {
		w, err := r.cfg.Worker(ctx, a)
		return w, lost(ctx, err)
	}, func(w Worker) error { return w.Call(ctx, method, params, result) })
}

// lost tells a worker that ended before it was ready from other failures: another may live.
func lost(ctx context.Context, err error) error {
	if api.CodeOf(err) == api.Internal && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", launch.ErrLost, err)
	}
	return err
}

func (x *run) callOnce(w Worker, method string, params, result any) error {
	ctx := x.op.Context()
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	answer := make(chan error, 1)
	go func() { answer <- w.Call(patient, method, params, result) }() // ends with patient; received below on each way
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	if api.CodeOf(cause) == api.Cancelled {
		tell, end := context.WithTimeout(patient, cancelWait)
		defer end()
		if w.Call(tell, workerapi.MethodCancel, api.OperationRef{Operation: x.op.ID()}, nil) == nil {
			select {
			case err := <-answer:
				if err == nil {
					return nil
				}
				return cause
			case <-tell.Done():
			}
		}
	}
	giveUp()
	<-answer
	return cause
}
