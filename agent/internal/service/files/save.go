package files

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Save stores a workspace file as its object's next version; EVENT_SAVE_RESULT
// ends it. Refused at once: api.NotSignedIn, SessionExpired, RootCaller, Busy; all
// other refusals are results, because they need the user's disk or the cloud.
func (r *Room) Save(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error) {
	return r.beginSave(ctx, a, api.MethodSave, s.ComeBack, job{Path: filepath.Clean(s.Path), Assembly: s.Assembly})
}

// SaveTo is SaveAs without a page.
func (r *Room) SaveTo(ctx context.Context, a caller.Actor, s api.SaveTo) (api.Started, error) {
	j := job{Path: filepath.Clean(s.Path), Assembly: s.Assembly, Space: s.Space, Folder: s.Folder}
	j.Name = newName(s.Name, j)
	return r.beginSave(ctx, a, api.MethodSaveTo, s.ComeBack, j)
}

func (r *Room) beginSave(ctx context.Context, a caller.Actor, method, comeBack string, j job) (api.Started, error) {
	if _, err := r.cfg.Account(a.UID); err != nil {
		return api.Started{}, err
	}
	if err := r.mayUseFiles(ctx, a); err != nil {
		return api.Started{}, err
	}
	x, err := r.begin(a, method, comeBack, "", j)
	if err != nil {
		return api.Started{}, err
	}
	r.start(func() {
		if !x.save() {
			x.leave()
		}
	})
	return api.Started{Operation: x.op.ID()}, nil
}

// save runs a save to its event, or to the queue.
func (x *run) save() (queued bool) { return x.settle(x.turn(x.store)) }

// turn runs fn when no other operation works on the path. Saves of the path that
// wait for the cloud are sent first: they are older states of it.
func (x *run) turn(fn func() (workerapi.Stored, error)) (workerapi.Stored, error) {
	done, err := x.room.takeTurn(x.op.Context(), pathKey{x.uid, onePath(x.job.Path)})
	if err != nil {
		return workerapi.Stored{}, err
	}
	defer done()
	x.room.flush(x)
	x.finishOlder()
	return fn()
}

// settle tells how a save ended. A queued one belongs to the user's sender when it
// returns true.
func (x *run) settle(done workerapi.Stored, err error) (queued bool) {
	language := x.op.Owner().Language
	switch {
	case x.stopping():
		return false // taken up after the next start
	case err == nil && done.Queued:
		// Told first: of a save whose job says queued, a start after a kill tells nothing.
		x.tellQueued(done.Why)
		x.job.Queued = true
		x.note()
		x.endPage(done.Why, "")
		x.room.enqueue(x)
		return true
	case err == nil:
		x.end(api.EventSaveResult, api.OperateSaveResult, x.success(done), false)
		x.endPage(nil, x.job.Path)
	default:
		x.room.cfg.Log.Info("save not made", "operation", x.op.ID(), "uid", x.uid, "error", err)
		params := events.Failure(language, err)
		params["path"], params["object"] = x.job.Path, x.job.Object
		if offerSaveAs(err) {
			params["offerSaveAs"] = "true"
		}
		copied, kept := x.keepWork(err)
		if x.stopping() {
			return false
		}
		if copied != "" {
			params["conflictCopy"] = copied
		}
		x.end(api.EventSaveResult, api.OperateSaveResult, params, true)
		x.endPage(err, "")
		if !kept {
			x.room.sweepAgain(x.uid, 0) // it may be in the outbox still
			return false
		}
	}
	x.discard()
	return false
}

// keepWork lets the worker lay the staged snapshot of a save that was refused
// with err beside the path, unless the path holds it anyway. What the user
// cancelled is not kept. kept is false when only the outbox can have it still.
func (x *run) keepWork(err error) (conflictCopy string, kept bool) {
	if api.CodeOf(err) == api.Cancelled {
		return "", true
	}
	if errors.Is(err, errNotStaged) {
		return "", false // an outbox that comes back must not be emptied
	}
	var got workerapi.Kept
	if err := x.call(workerapi.MethodKeep, x.staged(), &got); err != nil {
		x.room.cfg.Log.Warn("the staged snapshot of a refused save stays in the outbox", "operation", x.op.ID(), "uid", x.uid, "error", err)
		return "", false
	}
	return plainPath(got.ConflictCopy), true
}

func (x *run) staged() workerapi.Staged {
	return workerapi.Staged{Operation: x.op.ID(), Key: x.job.Key}
}

// plainPath is a path as a worker told it, or empty when it can be none.
func plainPath(path string) string {
	if len(path) > api.MaxPath || !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return ""
	}
	return path
}

func (x *run) success(done workerapi.Stored) map[string]string {
	params := map[string]string{
		api.ParamStatus: api.StatusSuccess,
		"object":        done.Object,
		"version":       strconv.FormatInt(done.Version, 10),
		"path":          x.job.Path,
		"sent":          strconv.FormatInt(done.Sent, 10),
	}
	if len(done.Skipped) > 0 {
		names := strings.Join(done.Skipped, "\n")
		params["skipped"] = names[:min(len(names), api.MaxText)]
	}
	return params
}

// offerSaveAs says that the work cannot go where it came from, and could go to a
// new object.
func offerSaveAs(err error) bool {
	switch api.CodeOf(err) {
	case api.NotCheckedOut, api.CheckoutLost, api.NotCloudFile, api.Conflict, api.HeldByOther, api.NotFound, api.Forbidden:
		return true
	}
	return false
}

// discard lets the worker forget a save whose end is durable here.
func (x *run) discard() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.op.Context()), cancelWait)
	defer cancel()
	w, err := x.worker(ctx)
	if err == nil {
		err = w.Call(ctx, workerapi.MethodDiscard, x.staged(), nil)
		w.Release()
	}
	if err != nil { // asked for again at the user's next request, see sweep
		x.room.cfg.Log.Warn("staged save not removed", "operation", x.op.ID(), "error", err)
	}
}
