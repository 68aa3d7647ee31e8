package picker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// Times of a page's server. They bound what a slow or idle caller can hold.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 60 * time.Second // over holdAlive and callTimeout
	idleTimeout   = 30 * time.Second
	holdAlive     = 15 * time.Second // an unanswered /alive is held so long
	callTimeout   = 30 * time.Second // one call to the service
	linger        = 5 * time.Second  // an ended page is still served: its last words, a reload
	closeTimeout  = 2 * time.Second
	silenceCheck  = time.Second
)

// Sizes that a caller may send.
const (
	maxHeader = 8 << 10
	maxBody   = 16 << 10
	maxConns  = 64
)

// page is one operation's page: its server, its secrets, and what it has shown.
type page struct {
	room     *Room
	ask      workerapi.Page
	language language
	listener net.Listener
	host     string // "127.0.0.1:port"
	state    *state
	conns    *conns
	ctx      context.Context // ends when the page must go away
	stop     context.CancelFunc

	calls chan struct{} // bounds the calls to the service that run at once

	secrets sync.Mutex        // guards token, bearer and issued
	token   [sha256.Size]byte // of the address, until it is used
	bearer  [sha256.Size]byte // of the browser's page, once issued
	issued  bool

	shown seen // what listings have told, to check answers against
}

// maxCalls is how many calls of one page the service sees at once.
const maxCalls = 4

// newPage opens a port and makes the token. The caller serves the page by run, or
// closes listener and calls stop.
func newPage(ctx context.Context, r *Room, ask workerapi.Page) (*page, string, error) {
	token := newSecret()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("listen on loopback: %w", err)
	}
	p := &page{
		room: r, ask: ask, language: languageOf(ask.Language),
		listener: listener, host: listener.Addr().String(),
		token: sha256.Sum256([]byte(token)),
		calls: make(chan struct{}, maxCalls),
	}
	p.state = newState(r.config.Clock, p.tellClosed)
	p.conns = newConns(listener, maxConns, r.owner, r.config.User)
	p.ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	return p, "http://" + p.host + "/#" + token, nil
}

// run serves the page until it has ended and lingered, or stop. It returns when
// nothing of the page runs any more.
func (p *page) run() {
	server := &http.Server{
		Handler:           p.handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnState:         p.conns.note,
		ErrorLog:          quiet(),
	}
	var served sync.WaitGroup
	served.Add(1)
	go func() { // ends when the server is shut down below
		defer served.Done()
		_ = server.Serve(p.conns) // always ErrServerClosed or the listener's end
	}()
	p.watch()
	p.stop()
	p.conns.closeNew() // Shutdown would wait for connections that never asked
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // the rest is cut off; there is no one to tell
	}
	served.Wait()
}

// watch returns when the page is no longer needed.
func (p *page) watch() {
	check := time.NewTicker(silenceCheck)
	defer check.Stop()
	var lingered <-chan time.Time
	over := p.state.over
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-check.C:
			p.state.silent()
		case <-over:
			over = nil
			timer := time.NewTimer(linger)
			defer timer.Stop() // once: over is nil from here on
			lingered = timer.C
		case <-lingered:
			return
		}
	}
}

// tellClosed is the page's only notice. A link that broke means that the service
// is gone, and the worker ends with it.
func (p *page) tellClosed(by string) {
	_ = p.room.config.Service.Notify(workerapi.NoticeClosed, workerapi.PageClosed{Operation: p.ask.Operation, By: by})
}

// call asks the service, bounded in number and time. It is not bound to the
// browser's request: an answer that is on its way must not be lost by a reload.
func (p *page) call(method string, params, result any) error {
	ctx, cancel := context.WithTimeoutCause(p.ctx, callTimeout, errSlowService)
	defer cancel()
	select {
	case p.calls <- struct{}{}:
		defer func() { <-p.calls }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return p.room.config.Service.Call(ctx, method, params, result)
}

var errSlowService = errors.New("the service did not answer in time")

// exchange takes the address's token for the page's bearer, once.
func (p *page) exchange(token string) (bearer string, ok bool) {
	sum := sha256.Sum256([]byte(token))
	p.secrets.Lock()
	defer p.secrets.Unlock()
	if p.issued || subtle.ConstantTimeCompare(sum[:], p.token[:]) != 1 {
		return "", false
	}
	bearer = newSecret()
	p.bearer = sha256.Sum256([]byte(bearer))
	p.issued = true
	return bearer, true
}

// allowed tells whether bearer is the page's.
func (p *page) allowed(bearer string) bool {
	sum := sha256.Sum256([]byte(bearer))
	p.secrets.Lock()
	defer p.secrets.Unlock()
	return p.issued && subtle.ConstantTimeCompare(sum[:], p.bearer[:]) == 1
}

// used tells whether the address has done its work.
func (p *page) used() bool {
	p.secrets.Lock()
	defer p.secrets.Unlock()
	return p.issued
}

// newSecret is 256 random bits, safe in an address.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
