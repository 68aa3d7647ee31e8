package ipc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Options of a Link. The zero value only calls.
type Options struct {
	MaxIn  int // bytes of a frame that is read; 0 takes api.MaxAnswerFrame
	MaxOut int // bytes of a frame that is written; 0 takes api.MaxAnswerFrame

	// Handle answers the peer's requests, each in its own goroutine, at most
	// MaxInFlight at once (0 takes api.MaxInFlight); more are answered with
	// api.Busy. ctx ends when the link closes. A returned *api.Error goes out
	// as it is, any other error as api.Internal. nil Handle refuses every call.
	Handle      func(ctx context.Context, method string, params json.RawMessage) (any, error)
	MaxInFlight int

	// Notice takes the peer's notices, one at a time and in order, on whichever
	// goroutine reads just then: it must not block.
	Notice func(method string, params json.RawMessage)
}

// Link is one end of a connection on which both sides may call. All methods may
// be used from any goroutine. It owns rw and closes it.
type Link struct {
	rw   io.ReadWriteCloser
	in   stream // of whoever holds reading
	opt  Options
	ctx  context.Context
	stop context.CancelCauseFunc
	sem  chan struct{}
	done chan struct{} // closed when the reader and every handler have ended

	writing chan struct{} // holds a token for one write, so frames do not mix; a channel, so a waiting caller can leave

	reading  chan struct{} // holds a token for one reader; a channel, so a caller can wait for it and for its answer
	near     nearby        // nil where a caller cannot read its own answer
	wanted   chan struct{} // a caller gave up reading: the link's reader is to come back at once
	helped   atomic.Bool   // a caller has read since the link's reader last looked
	handlers sync.WaitGroup

	mu    sync.Mutex // guards next and calls; nothing blocks while it is held
	next  int64
	calls map[int64]chan api.Answer
}

// NewLink starts the reader at once. The link ends when the peer closes, when a
// frame breaks the protocol, or by Close; Done then closes and Err says why.
func NewLink(rw io.ReadWriteCloser, opt Options) *Link {
	if opt.MaxIn == 0 {
		opt.MaxIn = api.MaxAnswerFrame
	}
	if opt.MaxOut == 0 {
		opt.MaxOut = api.MaxAnswerFrame
	}
	if opt.MaxInFlight == 0 {
		opt.MaxInFlight = api.MaxInFlight
	}
	ctx, stop := context.WithCancelCause(context.Background())
	l := &Link{
		rw: rw, opt: opt, ctx: ctx, stop: stop,
		sem:     make(chan struct{}, opt.MaxInFlight),
		done:    make(chan struct{}),
		writing: make(chan struct{}, 1),
		reading: make(chan struct{}, 1),
		wanted:  make(chan struct{}, 1),
		calls:   make(map[int64]chan api.Answer),
	}
	l.in = stream{r: rw, max: opt.MaxIn}
	l.near, _ = rw.(nearby)
	Spawn(l.fail, l.read)
	return l
}

// Done closes when the link has ended and no handler runs any more.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err is nil while the link lives, then why it ended (io.EOF: the peer closed).
func (l *Link) Err() error {
	if l.ctx.Err() == nil {
		return nil
	}
	return context.Cause(l.ctx)
}

// Close ends the link and returns without waiting for handlers; Done tells.
func (l *Link) Close() error {
	l.fail(io.ErrClosedPipe)
	return nil
}

// fail ends the link with its first cause.
func (l *Link) fail(cause error) {
	l.stop(cause)
	_ = l.rw.Close() // wakes the reader; its error would say nothing new
}

// Call sends a request and waits for its answer, ctx, or the link's end. A
// refusal by the peer is an *api.Error; a broken link is api.AgentLost's cause.
// result may be nil.
func (l *Link) Call(ctx context.Context, method string, params, result any) error {
	id, answer := l.open()
	defer l.forget(id)
	if err := l.write(ctx, request{"2.0", id, method, params}, nil); err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	reading := l.reading
	if l.near == nil {
		reading = nil // the link's own reader will deliver
	}
	for {
		select {
		case a := <-answer:
			return decodeAnswer(a, method, result)
		case reading <- struct{}{}:
			l.readFor(ctx, answer)
			reading = nil
		case <-ctx.Done():
			return fmt.Errorf("call %s: %w", method, context.Cause(ctx))
		case <-l.ctx.Done():
			select {
			case a := <-answer: // the answer was the peer's last word
				return decodeAnswer(a, method, result)
			default:
				return fmt.Errorf("call %s: link ended: %w", method, context.Cause(l.ctx))
			}
		}
	}
}

// Notify sends a message that gets no answer.
func (l *Link) Notify(method string, params any) error {
	return l.write(l.ctx, notice{"2.0", method, params}, nil)
}

func decodeAnswer(a api.Answer, method string, result any) error {
	if a.Error != nil {
		return a.Error
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return &api.Error{Code: api.Protocol, Detail: fmt.Sprintf("decode answer to %s: %v", method, err)}
	}
	return nil
}

func (l *Link) open() (int64, chan api.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	ch := make(chan api.Answer, 1) // the reader never waits for a caller that left
	l.calls[l.next] = ch
	return l.next, ch
}

func (l *Link) forget(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, id)
}

// deliver hands an answer to its caller; one that nobody waits for is dropped.
func (l *Link) deliver(a api.Answer) {
	l.mu.Lock()
	ch := l.calls[a.ID]
	delete(l.calls, a.ID)
	l.mu.Unlock()
	if ch != nil {
		ch <- a
	}
}

// serve answers one request in its own goroutine, or with Busy when too many
// run. A request counts until its answer's turn to be written has come: not
// longer, because the peer may send the next one when it has read the answer;
// not shorter, because answers to a peer that does not read must stay few.
func (l *Link) serve(id int64, method string, params json.RawMessage) {
	select {
	case l.sem <- struct{}{}:
	default:
		l.answer(id, nil, &api.Error{Code: api.Busy, Detail: fmt.Sprintf("more than %d requests unanswered", l.opt.MaxInFlight)}, nil)
		return
	}
	l.handlers.Add(1)
	Spawn(func(err error) { l.answer(id, nil, err, nil) }, func() {
		defer l.handlers.Done()
		leave := sync.OnceFunc(func() { <-l.sem })
		defer leave()
		if l.opt.Handle == nil {
			l.answer(id, nil, &api.Error{Code: api.NotSupported, Detail: "this end takes no calls"}, leave)
			return
		}
		result, err := l.opt.Handle(l.ctx, method, params)
		l.answer(id, result, err, leave)
	})
}
