package files

import (
	"context"
	"path"
	"path/filepath"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Purposes of the pages that this room opens.
const (
	purposePick   = "pick"
	purposeSaveAs = "saveAs"
)

// Pick opens the picker page; its choice goes on as Open. A page that is closed or
// silent ends it with EVENT_OPEN_CANCELLED.
func (r *Room) Pick(ctx context.Context, a caller.Actor, p api.Pick) (api.Started, error) {
	return r.openPage(ctx, a, api.MethodPick, p.ComeBack, job{}, workerapi.Page{Purpose: purposePick})
}

// SaveAs lets the user choose a place in a page and stores there as a new object,
// which is checked out to the user at once and which the path holds from then on.
// What cannot be saved is refused before a page opens.
func (r *Room) SaveAs(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error) {
	if _, err := r.cfg.Account(a.UID); err != nil {
		return api.Started{}, err
	}
	j := job{Path: filepath.Clean(s.Path), Assembly: s.Assembly}
	w, err := r.cfg.Worker(ctx, a)
	if err != nil {
		return api.Started{}, err
	}
	defer w.Release()
	var in workerapi.Inspected
	if err := w.Call(ctx, workerapi.MethodInspect, workerapi.Inspect{Path: j.Path, Assembly: j.Assembly}, &in); err != nil && api.CodeOf(err) != api.InvalidArgument {
		return api.Started{}, err
	}
	if plainPath(in.At.Path) != "" { // the user chooses a place for this file, not for what the path leads to by then
		j.At = &in.At
	}
	return r.openPage(ctx, a, api.MethodSaveAs, s.ComeBack, j,
		workerapi.Page{Purpose: purposeSaveAs, Name: filepath.Base(j.Path), Assembly: j.Assembly})
}

// openPage begins an operation that waits for a person.
func (r *Room) openPage(ctx context.Context, a caller.Actor, method, comeBack string, j job, ask workerapi.Page) (api.Started, error) {
	account, err := r.cfg.Account(a.UID)
	if err != nil {
		return api.Started{}, err
	}
	if err := r.mayUseFiles(ctx, a); err != nil {
		return api.Started{}, err
	}
	x, err := r.begin(a, method, comeBack, ask.Purpose, j)
	if err != nil {
		return api.Started{}, err
	}
	w, err := x.worker(ctx)
	if err != nil {
		return api.Started{}, x.noPage(err)
	}
	ask.Operation, ask.Language, ask.Product = x.op.ID(), a.Language, a.Product
	ask.Cloud, ask.Account = r.cfg.Cloud, account
	var opened workerapi.PageOpened
	if err := w.Call(ctx, workerapi.MethodPage, ask, &opened); err != nil {
		w.Release()
		return api.Started{}, x.noPage(err)
	}
	x.op.Emit(api.EventPage, api.OperatePage, map[string]string{"url": opened.URL, "purpose": ask.Purpose})
	r.start(func() {
		defer w.Release() // the page lives in this worker
		if !x.attend() {
			x.leave()
		}
	})
	return api.Started{Operation: x.op.ID(), URL: opened.URL}, nil
}

// noPage ends an operation whose page never opened; the caller gets err as well.
func (x *run) noPage(err error) error {
	defer x.leave()
	x.endWaiting("application", err)
	return err
}

// attend waits for the page's answer and goes on with it. A save that is queued
// then belongs to the user's sender.
func (x *run) attend() (queued bool) {
	ctx := x.op.Context()
	select {
	case c := <-x.chosen:
		x.job.Chosen = true
		x.job.Object, x.job.Version, x.job.Checkout = c.Object, c.Version, c.Checkout
		x.job.Space, x.job.Folder = c.Space, c.Folder
		if x.page == purposeSaveAs {
			x.job.Name = newName(c.Name, x.job)
		}
		if err := x.keep(); err != nil {
			x.endWaiting("application", err)
			x.endPage(err, "")
			return false
		}
		if x.page == purposePick {
			x.open()
			return false
		}
		return x.save()
	case by := <-x.closed:
		x.endWaiting(by, refuse(api.Cancelled, "the page ended by "+by))
	case <-ctx.Done():
		err := context.Cause(ctx)
		if !x.stopping() {
			x.endWaiting("application", err)
		}
		x.endPage(err, "")
	}
	return false
}

// endWaiting ends an operation whose page got no answer.
func (x *run) endWaiting(by string, err error) {
	if x.op.Method() == api.MethodSaveAs {
		params := events.Failure(x.op.Owner().Language, err)
		params["path"], params["by"] = x.job.Path, by
		x.end(api.EventSaveResult, api.OperateSaveResult, params, true)
		return
	}
	x.cancelled(by, err)
}

// newName is the name that a user typed, with the file's own extension when it
// has none: without one no application would know the object again.
func newName(typed string, j job) string {
	if typed == "" {
		return filepath.Base(j.Path)
	}
	if !j.Assembly && path.Ext(typed) == "" {
		return typed + filepath.Ext(j.Path)
	}
	return typed
}
