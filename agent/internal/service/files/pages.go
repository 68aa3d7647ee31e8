package files

import (
	"context"
	"encoding/json"
	"path"
	"path/filepath"
	"strconv"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
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
	if err := w.Call(ctx, workerapi.MethodInspect, workerapi.Inspect{Path: j.Path, Assembly: j.Assembly}, nil); err != nil && api.CodeOf(err) != api.InvalidArgument {
		return api.Started{}, err
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

// Handle answers a worker's requests service.spaces, list, versions, newFolder,
// chosen and renew, for live operations of its user. What it says is outside input.
func (r *Room) Handle(ctx context.Context, uid int, method string, params json.RawMessage) (any, error) {
	switch method {
	case workerapi.MethodSpaces:
		return answer(params, func(q api.OperationRef) (any, error) {
			if _, err := r.onPage(uid, q.Operation, ""); err != nil {
				return nil, err
			}
			return r.spaces(ctx, uid)
		})
	case workerapi.MethodList:
		return answer(params, func(q workerapi.List) (any, error) {
			if _, err := r.onPage(uid, q.Operation, ""); err != nil {
				return nil, err
			}
			return r.list(ctx, uid, q.List)
		})
	case workerapi.MethodVersions:
		return answer(params, func(q workerapi.Versions) (any, error) {
			if _, err := r.onPage(uid, q.Operation, ""); err != nil {
				return nil, err
			}
			return r.versions(ctx, uid, q.ObjectRef)
		})
	case workerapi.MethodNewFolder:
		return answer(params, func(q workerapi.NewFolder) (any, error) { return r.newFolder(ctx, uid, q) })
	case workerapi.MethodChosen:
		return answer(params, func(q workerapi.Chosen) (any, error) { return api.None{}, r.chose(uid, q) })
	case workerapi.MethodRenew:
		return answer(params, func(q api.OperationRef) (any, error) { return r.renew(ctx, uid, q.Operation) })
	}
	return nil, refuse(api.NotSupported, "the service has no method "+method)
}

func answer[Q any](params json.RawMessage, fn func(q Q) (any, error)) (any, error) {
	var q Q
	if err := json.Unmarshal(params, &q); err != nil {
		return nil, refuse(api.InvalidArgument, "decode request: "+err.Error())
	}
	return fn(q)
}

// onPage finds the live operation of a page; purpose "" takes any.
func (r *Room) onPage(uid int, op api.Operation, purpose string) (*run, error) {
	x, err := r.find(uid, op)
	if err != nil {
		return nil, err
	}
	if x.page == "" || purpose != "" && x.page != purpose {
		return nil, refuse(api.Forbidden, "operation "+strconv.FormatInt(int64(op), 10)+" has no such page")
	}
	return x, nil
}

func (r *Room) newFolder(ctx context.Context, uid int, q workerapi.NewFolder) (api.Entry, error) {
	if _, err := r.onPage(uid, q.Operation, purposeSaveAs); err != nil {
		return api.Entry{}, err
	}
	c, account, err := r.user(ctx, uid)
	if err != nil {
		return api.Entry{}, err
	}
	e, err := c.NewFolder(ctx, q.Space, cloudapi.NewFolder{Parent: q.Parent, Name: q.Name})
	if err != nil {
		return api.Entry{}, err
	}
	return r.entry(account, e), nil
}

// chose takes a page's answer, once.
func (r *Room) chose(uid int, c workerapi.Chosen) error {
	x, err := r.onPage(uid, c.Operation, "")
	if err != nil {
		return err
	}
	if x.page == purposePick && c.Object == "" || x.page == purposeSaveAs && c.Space == "" ||
		max(len(c.Object), len(c.Space), len(c.Folder), len(c.Name)) > api.MaxText || c.Version < 0 {
		return refuse(api.InvalidArgument, "the page's answer names nothing to open or no place to save")
	}
	select {
	case x.chosen <- c:
		return nil
	default:
		return refuse(api.InvalidArgument, "the page was answered before")
	}
}

// renew gives a worker a fresh token for the transfer that its live operation was
// granted, and for nothing else.
func (r *Room) renew(ctx context.Context, uid int, op api.Operation) (workerapi.Renewed, error) {
	x, err := r.find(uid, op)
	if err != nil {
		return workerapi.Renewed{}, err
	}
	x.mu.Lock()
	space, t := x.space, x.transfer
	x.mu.Unlock()
	if space == "" {
		return workerapi.Renewed{}, refuse(api.Forbidden, "the operation was granted no transfer")
	}
	c, err := r.cfg.User(ctx, uid)
	if err != nil {
		return workerapi.Renewed{}, err
	}
	token, err := c.Transfer(ctx, space, t)
	return workerapi.Renewed{Token: token.Token, Expires: token.Expires}, err
}

// Notice takes a worker's progress and closed pages. It does not block.
func (r *Room) Notice(uid int, method string, params json.RawMessage) {
	switch method {
	case workerapi.NoticeProgress:
		var p workerapi.Progress
		if json.Unmarshal(params, &p) != nil || p.Done < 0 || p.Total < 0 {
			return
		}
		if x, err := r.find(uid, p.Operation); err == nil {
			x.tellProgress(p)
		}
	case workerapi.NoticeClosed:
		var c workerapi.PageClosed
		if json.Unmarshal(params, &c) != nil || c.By != "user" && c.By != "silence" {
			return
		}
		if x, err := r.onPage(uid, c.Operation, ""); err == nil {
			select {
			case x.closed <- c.By:
			default: // closed before
			}
		}
	}
}

func (x *run) tellProgress(p workerapi.Progress) {
	x.mu.Lock()
	event := x.progress
	x.mu.Unlock()
	params := map[string]string{"done": strconv.FormatInt(p.Done, 10), "total": strconv.FormatInt(p.Total, 10)}
	switch event {
	case api.EventOpenProgress:
		x.op.Emit(event, api.OperateOpenProgress, params)
	case api.EventUploadProgress:
		params["path"] = x.job.Path
		x.op.Emit(event, api.OperateUploadProgress, params)
	}
}
