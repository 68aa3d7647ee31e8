package picker

import (
	"context"
	"fmt"
	"sync"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Purposes of a page, as workerapi.Page spells them.
const (
	purposePick   = "pick"
	purposeSaveAs = "saveAs"
	purposeSignIn = "signIn"
)

// maxPages bounds the pages that are open at once; each has a port.
const maxPages = 16

// Caller is the way to the service; *ipc.Link fits. Its methods are called from
// many goroutines.
type Caller interface {
	Call(ctx context.Context, method string, params, result any) error
	Notify(method string, params any) error
}

// Config of a Room. All members are needed.
type Config struct {
	Service Caller
	Clock   clock.Clock
	User    string // uid in decimal or SID; only connections of this user are answered
}

// Room holds the open pages of one worker. Methods may be used from any goroutine.
type Room struct {
	config Config
	render *renderer
	owner  ownerFunc

	mu     sync.Mutex // guards pages and closed; nothing blocks while it is held
	pages  map[api.Operation]*page
	closed bool

	running sync.WaitGroup // one count for each page that is served
}

// New makes a Room without pages. It opens no port yet.
func New(c Config) *Room {
	return &Room{config: c, render: newRenderer(), owner: connectionOwner, pages: make(map[api.Operation]*page)}
}

// Page opens a page and returns its address at once. The page ends by PageEnd,
// by its user, by silence or by Close; ctx bounds the opening only. Refusals:
// api.InvalidArgument for an unknown purpose or an operation that has a page,
// api.Busy over maxPages, api.Closed after Close.
func (r *Room) Page(ctx context.Context, ask workerapi.Page) (workerapi.PageOpened, error) {
	switch ask.Purpose {
	case purposePick, purposeSaveAs, purposeSignIn:
	default:
		return workerapi.PageOpened{}, refuse(api.InvalidArgument, "page purpose %q", ask.Purpose)
	}
	if ask.Operation <= 0 {
		return workerapi.PageOpened{}, refuse(api.InvalidArgument, "page operation %d", ask.Operation)
	}
	p, url, err := newPage(ctx, r, ask)
	if err != nil {
		return workerapi.PageOpened{}, fmt.Errorf("open page: %w", err)
	}
	if err := r.add(p); err != nil {
		_ = p.listener.Close() // never served: nothing to wait for
		p.stop()
		return workerapi.PageOpened{}, err
	}
	go func() { // ends with the page; Close waits for it
		defer r.running.Done()
		p.run()
		r.remove(p)
	}()
	return workerapi.PageOpened{URL: url}, nil
}

// PageEnd tells a page how its operation ended; the page shows it and closes. An
// operation without a page is none of its business and no error: its user may
// have closed it before.
func (r *Room) PageEnd(_ context.Context, end workerapi.PageEnd) error {
	if p := r.find(end.Operation); p != nil {
		p.state.end(end)
	}
	return nil
}

// Progress shows how far the transfer of a page's operation is; operations
// without a page are ignored. It never blocks.
func (r *Room) Progress(progress workerapi.Progress) {
	if p := r.find(progress.Operation); p != nil {
		p.state.progress(progress.Done, progress.Total)
	}
}

// Close ends all pages without a word to the service and waits for them.
func (r *Room) Close() {
	r.mu.Lock()
	r.closed = true
	for _, p := range r.pages {
		p.stop()
	}
	r.mu.Unlock()
	r.running.Wait()
}

func (r *Room) add(p *page) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return refuse(api.Closed, "pages are closed")
	case r.pages[p.ask.Operation] != nil:
		return refuse(api.InvalidArgument, "operation %d has a page", p.ask.Operation)
	case len(r.pages) >= maxPages:
		return refuse(api.Busy, "more than %d pages open", maxPages)
	}
	r.pages[p.ask.Operation] = p
	r.running.Add(1)
	return nil
}

func (r *Room) remove(p *page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pages, p.ask.Operation)
}

func (r *Room) find(op api.Operation) *page {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pages[op]
}

func refuse(code api.Code, format string, args ...any) *api.Error {
	return &api.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
