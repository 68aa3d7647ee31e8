package merchant

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const (
	// maxLate bounds the late answers of State calls. A forgotten one costs one more run.
	maxLate = 1024
	// lateTime is how long a late answer waits for the next equal call: as long as the marketplace asks.
	lateTime = 3 * time.Hour
)

// flight is a call under way in this process. Equal calls wait for the same one.
type flight struct {
	key     string
	begun   chan struct{} // closed when pending is set, or the flight has ended
	pending *pendingError // what those are told whose answer is due
	ended   chan struct{} // closed when body and err are set
	body    []byte
	err     error
	left    bool // guarded by Handler.mu: someone was told pending
}

// lateAnswer is a State call's success that nobody was told yet.
type lateAnswer struct {
	key  string
	body []byte
	at   time.Time
}

// pendingError is the answer 000004.
type pendingError struct{ body []byte }

// Error implements error.
func (*pendingError) Error() string { return "answer is due while the work goes on" }

// do runs a call by its row of the table and returns the body of its success. Its error is what
// reply.fail knows. It returns when due fires at the latest, but for a store that is slower than that.
func (h *Handler) do(c *call, due context.Context) ([]byte, error) {
	if c.row.Kind == Present {
		return h.present(c, due)
	}
	key := keyText(c.row, c.test, c.key)
	subject := key
	if c.subject != nil {
		subject = keyText(Repeat{Family: c.row.Family}, c.test, c.subject)
	}
	for {
		f, first, err := h.board(c.row.Kind, key, subject)
		if err != nil {
			return nil, err
		}
		if f == nil { // a late answer was waiting
			return first.body, nil
		}
		if first.mine {
			h.lead(c, f, key, subject, due)
		}
		select {
		case <-f.ended:
			if f.key == key {
				h.told(subject)
				return f.body, f.err
			}
			continue // the subject is free
		case <-due.Done():
		}
		<-f.begun // the leader's store, not a callback
		h.mu.Lock()
		defer h.mu.Unlock()
		select {
		case <-f.ended: // between the timer and here
			if f.key == key {
				return f.body, f.err
			}
		default:
			f.left = f.left || f.key == key
		}
		return nil, h.pendingFor(c, f, key)
	}
}

// told forgets a late answer that has found someone after all.
func (h *Handler) told(subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.late, subject)
}

// pendingFor is what a call is told while another flight has its way.
func (h *Handler) pendingFor(c *call, f *flight, key string) error {
	if f.key == key && f.pending != nil {
		return f.pending
	}
	return c.pendingBody("")
}

// boarding is what board found instead of, or beside, a flight.
type boarding struct {
	mine bool   // the caller leads the flight
	body []byte // a late answer
}

// board finds the flight of a subject or makes one.
func (h *Handler) board(kind Kind, key, subject string) (*flight, boarding, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.flights[subject]; f != nil {
		return f, boarding{}, nil
	}
	if h.closed {
		return nil, boarding{}, errors.New("begin call: the handler is closed")
	}
	waiting, ok := h.late[subject]
	if ok {
		delete(h.late, subject)
		if kind == State && waiting.key == key && h.options.Now().Sub(waiting.at) < lateTime {
			return nil, boarding{body: waiting.body}, nil
		}
	}
	f := &flight{key: key, begun: make(chan struct{}), ended: make(chan struct{})}
	h.flights[subject] = f
	h.running.Add(1) // under mu and before closed: Close waits for it
	return f, boarding{mine: true}, nil
}

// lead takes the turn and starts the callback. Whatever happens, the flight ends.
func (h *Handler) lead(c *call, f *flight, key, subject string, due context.Context) {
	handed := false
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("begin call: panic: %v", p)
			h.options.Log.Error("panic in a marketplace call", "panic", p, "stack", string(debug.Stack()))
		}
		if !handed {
			h.land(c, f, subject)
		}
	}()
	a := Attempt{ID: attemptID(key), Record: func(context.Context, store.Execer) error { return nil }} // a State keeps nothing
	var state store.State
	if c.row.Kind == Once {
		var err error
		if state, err = h.begin(c, key, due); err != nil {
			f.err = err
			return
		}
		if err := h.compare(c, state); err != nil {
			if state.Turn == store.Yours {
				err = errors.Join(err, h.giveUp(key))
			}
			f.err = err
			return
		}
		a.InstanceID, a.Number, a.Ordered = state.InstanceID, state.Attempt, state.Ordered
		if c.make == nil && state.Turn == store.Done {
			f.body = state.Answer
			return
		}
		a.Record = h.recorder(c, key, state.InstanceID)
	}
	f.pending = c.pendingBody(state.InstanceID)
	close(f.begun)
	if !h.slot(due) {
		if c.row.Kind == Once && state.Turn == store.Yours {
			if err := h.giveUp(key); err != nil {
				f.err = err
				return
			}
		}
		f.err = f.pending
		return
	}
	handed = true
	go func() { // ends with the callback; Close waits for running
		defer func() { <-h.slots }()
		defer h.land(c, f, subject)
		returned := false
		defer func() { // a callback may end its goroutine (runtime.Goexit), which no recover sees
			if returned {
				return
			}
			f.err = errors.New("run callback: its goroutine has ended")
			if c.row.Kind == Once {
				f.err = errors.Join(f.err, h.giveUp(key))
			}
		}()
		f.body, f.err = h.work(c, key, state, a)
		returned = true
		var refusal *Refusal
		if errors.As(f.err, &refusal) && refusal.Code == wire.Processing {
			f.err = f.pending // newInstance's has the id
		}
	}()
}

// slot waits for a free worker until the answer is due. A free one is taken in any case: a callback that begins
// late goes on, and the repeat finds its result.
func (h *Handler) slot(due context.Context) bool {
	select {
	case h.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case h.slots <- struct{}{}:
		return true
	case <-due.Done():
		return false
	}
}

// land ends a flight: those who wait are told, the subject is free. A failure that nobody waits for any
// more is logged here, since no answer will.
func (h *Handler) land(c *call, f *flight, subject string) {
	h.mu.Lock()
	unheard := f.left && f.err != nil
	delete(h.flights, subject)
	if c.row.Kind == State && f.left && f.err == nil && len(h.late) < maxLate {
		h.late[subject] = lateAnswer{f.key, f.body, h.options.Now()}
	}
	select {
	case <-f.begun:
	default:
		close(f.begun)
	}
	close(f.ended)
	h.mu.Unlock()
	if unheard {
		h.options.Log.Error("a marketplace call failed after its answer", "activity", c.row.Activity, "test", c.test, "error", f.err)
	}
	h.running.Done()
}

// present runs a call whose result nobody keeps. Its callback's context ends when the answer is due.
func (h *Handler) present(c *call, due context.Context) ([]byte, error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, errors.New("begin call: the handler is closed")
	}
	h.running.Add(1)
	h.mu.Unlock()
	if !h.slot(due) {
		h.running.Done()
		return nil, c.pendingBody("")
	}
	ctx, end := context.WithCancel(h.root)
	defer end()
	type result struct {
		out outcome
		err error
	}
	done := make(chan result, 1)
	go func() { // ends with the callback; Close waits for running
		defer h.running.Done()
		defer func() { <-h.slots }()
		out, err := guard(func() (outcome, error) { return c.run(ctx, Attempt{}) })
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return r.out.body, r.err
	case <-due.Done():
		return nil, c.pendingBody("")
	}
}

// pendingBody is the answer 000004 of a call.
func (c *call) pendingBody(instanceID string) *pendingError {
	if c.pending == nil || instanceID == "" {
		return &pendingError{plain(wire.Processing, wire.Processing.Text())}
	}
	body, err := c.pending(instanceID)
	if err != nil {
		return &pendingError{plain(wire.Processing, wire.Processing.Text())}
	}
	return &pendingError{body}
}
