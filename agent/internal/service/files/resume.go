package files

import (
	"context"
	"errors"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Resume takes up the operations that were unfinished when the agent ended: opens
// are fetched on, saves sent on, and those whose page nobody had answered end as
// cancelled, because the page is gone. It does not block.
func (r *Room) Resume(ctx context.Context) {
	for _, op := range r.cfg.Events.Unfinished() {
		switch op.Method() {
		case api.MethodOpen, api.MethodPick, api.MethodSave, api.MethodSaveAs, api.MethodSaveTo:
		default:
			continue // another room's
		}
		if ctx.Err() != nil {
			return
		}
		r.resume(op)
	}
}

func (r *Room) resume(op *events.Op) {
	var j job
	err := op.Data(&j)
	x := r.enlist(op, nil, "", j)
	switch {
	case err != nil:
		x.endWaiting("application", err)
		x.leave()
	case j.Queued:
		r.enqueue(x)
		r.Wake(x.uid)
	case !j.Chosen && (op.Method() == api.MethodPick || op.Method() == api.MethodSaveAs):
		x.endWaiting("silence", refuse(api.Cancelled, "the agent was restarted while the page was open"))
		x.leave()
	default:
		r.start(func() {
			if !x.again() {
				x.leave()
			}
		})
	}
}

// again runs an operation that a stop of the agent cut. A save whose snapshot
// reached the outbox is that snapshot, whatever the file is by now.
func (x *run) again() (queued bool) {
	if x.op.Method() == api.MethodOpen || x.op.Method() == api.MethodPick {
		x.open()
		return false
	}
	return x.settle(x.turn(func() (workerapi.Stored, error) {
		for n := 0; ; n++ {
			got, err := x.storeAgain()
			// The worker from before the restart may still be at it; its commit is the same.
			held := err == nil && got.Queued && api.CodeOf(got.Why) == api.PathInUse || api.CodeOf(err) == api.PathInUse
			if !held || n == oldWorkerTries {
				return got, err
			}
			if err := clock.Wait(x.op.Context(), firstRetry); err != nil {
				return workerapi.Stored{}, err
			}
		}
	}))
}

// oldWorkerTries is how often a path is tried that a worker from before the
// restart may hold; such a worker ends with its last request.
const oldWorkerTries = 24

func (x *run) storeAgain() (workerapi.Stored, error) {
	x.job.Unsure = true
	got, err := x.sendStaged()
	switch {
	case errors.Is(err, errNotStaged):
		x.job.Unsure = false
		return x.store() // nothing was asked of the cloud yet
	case err == nil, api.CodeOf(err) == api.Cancelled, forGood(err):
		return got, err
	}
	// It may have been told to be queued, and whatever is in the way may pass.
	return workerapi.Stored{Queued: true, Why: failure(x.op.Owner().Language, err)}, nil
}

// sweep looks for saves in the user's outbox that no operation knows any more: once,
// and again at a later call when some were left or nobody could look. The agent's
// ledger was lost, or it ended between a result and its clean-up: they are sent,
// because they may be work that was answered as queued.
// One that the cloud refuses for good is laid beside its path (worker.keep) and
// goes; any other stays in the outbox.
func (r *Room) sweep(uid caller.UID) {
	r.mu.Lock()
	again, known := r.swept[uid]
	due := !known || !again.IsZero() && !r.cfg.Clock.Now().Before(again)
	if due {
		r.swept[uid] = time.Time{}
	}
	r.mu.Unlock()
	if !due {
		return
	}
	r.start(func() {
		if !r.sweepOutbox(uid) {
			r.sweepAgain(uid, lastRetry)
		}
	})
}

// sweepAgain lets the user's next call after a pause begin another sweep.
func (r *Room) sweepAgain(uid caller.UID, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swept[uid] = r.cfg.Clock.Now().Add(pause)
}

// sweepTimeout bounds the sending of what was found.
const sweepTimeout = 10 * time.Minute

// sweepOutbox says whether every save that it found came to its end.
func (r *Room) sweepOutbox(uid caller.UID) (whole bool) {
	ctx, cancel := context.WithTimeout(r.ctx, sweepTimeout)
	defer cancel()
	w, err := r.cfg.WorkerUser(ctx, uid)
	if err != nil {
		return false
	}
	defer w.Release()
	var waiting workerapi.Pending
	if err := w.Call(ctx, workerapi.MethodPending, api.None{}, &waiting); err != nil {
		return false // such as a home that is not mounted
	}
	whole = true
	call := func(method string, params, result any) error { return w.Call(ctx, method, params, result) }
	for _, s := range waiting.Stores {
		if r.unfinished(uid, s.Operation) {
			continue
		}
		done, err := r.takeTurn(ctx, pathKey{uid, onePath(s.Path)})
		if err != nil {
			return false
		}
		err = r.sendOrphan(ctx, uid, s, call)
		done()
		if err != nil {
			whole = false
			r.cfg.Log.Warn("a save that no operation knows was not sent", "uid", uid, "operation", s.Operation, "error", err)
		}
	}
	return whole
}

func (r *Room) unfinished(uid caller.UID, op api.Operation) bool {
	return r.cfg.Events.Find(uid, op) != nil
}

// sendOrphan sends a save of the outbox, and forgets it when it has an end and no
// operation will ask for it any more.
func (r *Room) sendOrphan(ctx context.Context, uid caller.UID, s workerapi.Store, call func(method string, params, result any) error) error {
	c, err := r.cfg.User(ctx, uid)
	if err == nil {
		_, err = r.signedIn(uid, s.Account)
	}
	if err != nil {
		return err
	}
	which := workerapi.Staged{Operation: s.Operation, Key: s.Key}
	err = r.sendOne(ctx, uid, c, s, call)
	if r.unfinished(uid, s.Operation) {
		return err // its own end is still to come
	}
	switch {
	case err == nil:
		return call(workerapi.MethodDiscard, which, nil)
	case forGood(err):
		var got workerapi.Kept
		if kerr := call(workerapi.MethodKeep, which, &got); kerr != nil {
			return errors.Join(err, kerr)
		}
		r.cfg.Log.Warn("a save that no operation knows was refused; its work is kept", "uid", uid, "operation", s.Operation,
			"path", s.Path, "conflictCopy", plainPath(got.ConflictCopy), "error", err)
		return call(workerapi.MethodDiscard, which, nil)
	}
	return err
}

func (r *Room) sendOne(ctx context.Context, uid caller.UID, c Cloud, s workerapi.Store, call func(method string, params, result any) error) error {
	token, err := r.transfer(ctx, uid, s.Account, c, s.Space, cloudapi.NewTransfer{Mode: "write", Operation: s.Key, Object: s.Object})
	if err != nil {
		return err
	}
	s.Token, s.Staged = token.Token, true
	var got workerapi.Stored
	if err := call(workerapi.MethodStore, s, &got); err != nil {
		return err
	}
	if got.Queued {
		return why(got)
	}
	return nil
}

// why is the cause of a queued answer. A worker may tell none; nil in its place would
// be an error that is no error, and whoever looked into it would end the agent.
func why(got workerapi.Stored) *api.Error {
	if got.Why == nil {
		return refuse(api.CloudUnreachable, "the cloud is away")
	}
	return got.Why
}

// finishOlder sends what the outbox holds of older saves of the path: one whose
// worker or agent was killed may have been committed without the ledger's
// knowing, and what follows would begin from the wrong base. The caller has the
// path's turn. What cannot be sent stays; the cloud then has the last word.
func (x *run) finishOlder() {
	var waiting workerapi.Pending
	if err := x.call(workerapi.MethodPending, api.None{}, &waiting); err != nil {
		return
	}
	for _, s := range waiting.Stores {
		if onePath(s.Path) != onePath(x.job.Path) || s.Operation >= x.op.ID() {
			continue
		}
		if err := x.room.sendOrphan(x.op.Context(), x.uid, s, x.call); err != nil {
			x.room.cfg.Log.Info("an older save of the path was not sent", "operation", s.Operation, "before", x.op.ID(), "error", err)
		}
	}
}
