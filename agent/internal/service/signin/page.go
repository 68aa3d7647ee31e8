package signin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// purposeSignIn is workerapi.Page.Purpose and the param of EVENT_PAGE.
const purposeSignIn = "signIn"

// maxTries is how often one page may try a password before its operation ends.
const maxTries = 10

// pageEndTimeout bounds telling a worker that its page is over.
const pageEndTimeout = 5 * time.Second

// page is an open sign-in page.
type page struct {
	op  *events.Op
	uid caller.UID

	mu    sync.Mutex // guards tries
	tries int
	end   error // why the operation ended, nil for success; set once before the operation's context ends
}

// Page opens the sign-in page as an operation; EVENT_SIGN_IN ends it. The page's
// address is in the answer and in EVENT_PAGE.
func (r *Room) Page(ctx context.Context, a caller.Actor, q api.AuthPage) (api.Started, error) {
	if r.cfg.Cloud.Base() == "" {
		return api.Started{}, &api.Error{Code: api.CloudNotSet}
	}
	w, err := r.cfg.Worker(ctx, a)
	if err != nil {
		return api.Started{}, err
	}
	owner := events.Owner{UID: a.UID, Product: a.Product, Session: a.Session, Language: a.Language}
	op, err := r.cfg.Events.Begin(owner, api.MethodAuthPage, q.ComeBack, api.None{})
	if err != nil {
		w.Release()
		return api.Started{}, err
	}
	p := &page{op: op, uid: a.UID}
	r.mu.Lock()
	r.pages[op.ID()] = p
	r.mu.Unlock()
	var opened workerapi.PageOpened
	err = w.Call(ctx, workerapi.MethodPage, workerapi.Page{Operation: op.ID(), Purpose: purposeSignIn,
		Language: a.Language, Product: a.Product, Cloud: r.cfg.Cloud.Base(), Account: r.user(a.UID).status().Account}, &opened)
	if err != nil {
		r.finish(p, err)
		r.forget(p)
		w.Release()
		return api.Started{}, err
	}
	op.Emit(api.EventPage, api.OperatePage, map[string]string{"url": opened.URL, "purpose": purposeSignIn})
	r.spawn(func() { r.attend(p, w) })
	return api.Started{Operation: op.ID(), URL: opened.URL}, nil
}

// attend holds the worker until the page's operation ends, and tells the page how.
func (r *Room) attend(p *page, w Worker) {
	defer w.Release()
	defer r.forget(p)
	select {
	case <-p.op.Context().Done():
	case <-r.ctx.Done():
	}
	cause := context.Cause(p.op.Context())
	var refused *api.Error
	if !errors.As(cause, &refused) {
		refused = &api.Error{Code: api.Cancelled, Detail: "the agent stopped"}
	}
	r.finish(p, refused) // does nothing when it ended by itself
	ctx, cancel := context.WithTimeout(context.Background(), pageEndTimeout)
	defer cancel()
	end := workerapi.PageEnd{Operation: p.op.ID()}
	p.mu.Lock()
	if p.end != nil && !errors.As(p.end, &end.Error) {
		end.Error = &api.Error{Code: api.Internal, Detail: p.end.Error()}
	}
	p.mu.Unlock()
	if err := w.Call(ctx, workerapi.MethodPageEnd, end, nil); err != nil {
		r.cfg.Log.Info("sign-in page was gone before its end", "operation", p.op.ID(), "error", err)
	}
}

func (r *Room) forget(p *page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pages, p.op.ID())
}

// finish ends the page's operation once: err nil is success.
func (r *Room) finish(p *page, err error) {
	p.mu.Lock()
	over := p.tries < 0
	if !over {
		p.tries, p.end = -1, err
	}
	p.mu.Unlock()
	if !over {
		r.end(p.op, err)
	}
}

// end writes an operation's result.
func (r *Room) end(op *events.Op, err error) {
	o := op.Owner()
	params := succeeded(r.user(o.UID).status())
	if err != nil {
		params = events.Failure(o.Language, err)
	}
	if werr := op.End(api.EventSignIn, api.OperateSignIn, params, err != nil); werr != nil {
		r.cfg.Log.Error("end sign-in operation", "operation", op.ID(), "error", werr)
	}
}

func (r *Room) page(op api.Operation, uid caller.UID) *page {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pages[op]
	if p == nil || p.uid != uid {
		return nil
	}
	return p
}

// SignInFromPage answers workerapi.MethodSignIn: what a user typed into the page
// of a live operation of theirs. After maxTries the operation ends; the cloud
// slows down guessing on its own.
func (r *Room) SignInFromPage(ctx context.Context, op api.Operation, uid caller.UID, l api.AuthLogin) (api.AuthStatus, error) {
	p := r.page(op, uid)
	if p == nil {
		return api.AuthStatus{}, &api.Error{Code: api.NotFound, Detail: "no sign-in page of this user has that operation"}
	}
	p.mu.Lock()
	over := p.tries < 0
	if !over {
		p.tries++
	}
	last := p.tries >= maxTries
	p.mu.Unlock()
	if over {
		return api.AuthStatus{}, &api.Error{Code: api.Cancelled, Detail: "the operation has ended"}
	}
	st, err := r.login(ctx, uid, l)
	switch {
	case err == nil:
		r.finish(p, nil)
	case last:
		r.finish(p, err)
	}
	return st, err
}

// PageClosed takes workerapi.NoticeClosed of a sign-in page, by "user" or
// "silence". Operations of other rooms are left alone. It does not block.
func (r *Room) PageClosed(op api.Operation, uid caller.UID, by string) {
	p := r.page(op, uid)
	if p == nil {
		return
	}
	detail := "the sign-in page was closed"
	if by == "silence" {
		detail = "the sign-in page gave no sign of life"
	}
	r.spawn(func() { r.finish(p, &api.Error{Code: api.Cancelled, Detail: detail}) })
}
