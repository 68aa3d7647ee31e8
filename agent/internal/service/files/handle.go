package files

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Handle answers a worker's requests service.spaces, list, versions, newFolder,
// chosen and renew, for live operations of its user. What it says is outside input.
func (r *Room) Handle(ctx context.Context, uid caller.UID, method string, params json.RawMessage) (any, error) {
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
func (r *Room) onPage(uid caller.UID, op api.Operation, purpose string) (*run, error) {
	x, err := r.find(uid, op)
	if err != nil {
		return nil, err
	}
	if x.page == "" || purpose != "" && x.page != purpose {
		return nil, refuse(api.Forbidden, "operation "+strconv.FormatInt(int64(op), 10)+" has no such page")
	}
	return x, nil
}

func (r *Room) newFolder(ctx context.Context, uid caller.UID, q workerapi.NewFolder) (api.Entry, error) {
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
func (r *Room) chose(uid caller.UID, c workerapi.Chosen) error {
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
func (r *Room) renew(ctx context.Context, uid caller.UID, op api.Operation) (workerapi.Renewed, error) {
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
	token, err := r.transfer(ctx, uid, x.account, c, space, t)
	return workerapi.Renewed{Token: token.Token, Expires: token.Expires}, err
}

// Notice takes a worker's progress and closed pages. It does not block.
func (r *Room) Notice(uid caller.UID, method string, params json.RawMessage) {
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
