package files

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// job is what is kept on disk with an operation, so that another start of the
// agent can go on with it.
type job struct {
	Key string `json:"key"` // idempotency key of the commit

	Object   string `json:"object,omitempty"` // open
	Version  int64  `json:"version,omitempty"`
	Checkout bool   `json:"checkout,omitempty"`
	Took     int64  `json:"took,omitempty"` // fence of a check-out that this operation took

	Account string `json:"account,omitempty"` // who is signed in as it begins: nobody else's rights serve it

	Path     string          `json:"path,omitempty"` // save
	Assembly bool            `json:"assembly,omitempty"`
	At       *workerapi.Spot `json:"at,omitempty"`    // save-as with a page: what the path was as it opened
	Space    string          `json:"space,omitempty"` // as a new object
	Folder   string          `json:"folder,omitempty"`
	Name     string          `json:"name,omitempty"`

	Chosen bool `json:"chosen,omitempty"` // a page was answered
	Queued bool `json:"queued,omitempty"` // told to be queued

	Why    api.Code  `json:"why,omitempty"`    // what the last report of a queued save said
	Unsure bool      `json:"unsure,omitempty"` // queued before the outbox could be asked for its snapshot
	Lacks  time.Time `json:"lacks,omitzero"`   // since when a queued save's snapshot cannot be had
}

// run is a live operation.
type run struct {
	room  *Room
	op    *events.Op
	uid   caller.UID
	actor *caller.Actor // nil after a restart: the worker is then the user's own
	job   job           // of the operation's goroutine alone; of a queued save, who has the path's turn

	account string   // job.Account; never changes
	waits   api.Code // of a queued save: what for; guarded by Room.mu

	page   string // purpose of its page, empty when it has none; never changes
	chosen chan workerapi.Chosen
	closed chan string // who closed the page

	mu       sync.Mutex // guards what follows
	space    string     // of the transfer that is granted, for renewals
	transfer cloudapi.NewTransfer
	progress string // event type of the worker's progress, empty when none is due
}

// owner is who hears of a caller's operation.
func owner(a caller.Actor) events.Owner {
	return events.Owner{UID: a.UID, Product: a.Product, Session: a.Session, Language: a.Language}
}

func newKey() string { return rand.Text() } // 26 characters, 128 bits

// begin records an operation and makes it known to workers; page is the purpose
// of the page that it will have, or empty.
func (r *Room) begin(a caller.Actor, method, comeBack, page string, j job) (*run, error) {
	account, err := r.cfg.Account(a.UID)
	if err != nil {
		return nil, err
	}
	j.Key, j.Account = newKey(), account
	r.nudge(a.UID)
	op, err := r.cfg.Events.Begin(owner(a), method, comeBack, j)
	if err != nil {
		return nil, err
	}
	return r.enlist(op, &a, page, j), nil
}

func (r *Room) enlist(op *events.Op, a *caller.Actor, page string, j job) *run {
	x := &run{
		room: r, op: op, uid: op.Owner().UID, actor: a, job: j, account: j.Account, page: page,
		chosen: make(chan workerapi.Chosen, 1), closed: make(chan string, 1),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[op.ID()] = x
	return x
}

// leave ends what enlist began.
func (x *run) leave() {
	x.room.mu.Lock()
	defer x.room.mu.Unlock()
	delete(x.room.live, x.op.ID())
}

// find returns a live operation of a user, or api.NotFound.
func (r *Room) find(uid caller.UID, op api.Operation) (*run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.live[op]
	if x == nil || x.uid != uid {
		return nil, refuse(api.NotFound, "no such operation of this user is running")
	}
	return x, nil
}

// keep writes the job to disk.
func (x *run) keep() error { return x.op.SetData(x.job) }

// cloud is the drive with the rights of the account that began the operation. They are
// those of whoever is signed in now, so the accounts are compared after that.
func (x *run) cloud() (Cloud, error) {
	c, err := x.room.cfg.User(x.op.Context(), x.uid)
	if err != nil {
		return nil, err
	}
	_, err = x.room.signedIn(x.uid, x.account)
	return c, err
}

// grant gets a transfer token and remembers what for, so that the worker can have
// it renewed.
func (x *run) grant(c Cloud, space string, t cloudapi.NewTransfer) (string, error) {
	token, err := x.room.transfer(x.op.Context(), x.uid, x.account, c, space, t)
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.space, x.transfer = space, t
	return token.Token, nil
}

// transfer gets a transfer token with the rights of account and of nobody else.
func (r *Room) transfer(ctx context.Context, uid caller.UID, account string, c Cloud, space string, t cloudapi.NewTransfer) (cloudapi.TransferToken, error) {
	if _, err := r.signedIn(uid, account); err != nil {
		return cloudapi.TransferToken{}, err
	}
	token, err := c.Transfer(ctx, space, t)
	if err != nil {
		return cloudapi.TransferToken{}, err
	}
	// Who signed in while the cloud was asked may be whom it answered.
	if _, err := r.signedIn(uid, account); err != nil {
		return cloudapi.TransferToken{}, err
	}
	return token, nil
}

// showProgress says which event a worker's progress becomes; empty for none.
func (x *run) showProgress(event string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.progress = event
}

// stopping says that the agent ends: the operation is left as it is on disk.
func (x *run) stopping() bool {
	return x.op.Context().Err() != nil && api.CodeOf(context.Cause(x.op.Context())) == api.AgentLost
}

// endPage shows the result in the operation's page and closes it.
func (x *run) endPage(err error, path string) {
	if x.page == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.op.Context()), 5*time.Second)
	defer cancel()
	w, werr := x.worker(ctx)
	if werr != nil {
		return // without a worker there is no page
	}
	defer w.Release()
	end := workerapi.PageEnd{Operation: x.op.ID(), Path: path}
	if err != nil {
		end.Error = failure(x.op.Owner().Language, err)
	}
	if err := w.Call(ctx, workerapi.MethodPageEnd, end, nil); err != nil {
		x.room.cfg.Log.Info("page was gone before its end", "operation", x.op.ID(), "error", err)
	}
}

// failure is err as a person reads it.
func failure(language string, err error) *api.Error {
	code, detail := api.CodeOf(err), ""
	var known *api.Error
	if errors.As(err, &known) {
		detail = known.Detail
	}
	message, hint := api.Text(code, language)
	return &api.Error{Code: code, Message: message, Hint: hint, Detail: detail}
}
