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
	// maxLate bounds the late answers of State calls, and refusals of creating ones. A forgotten one costs one more run.
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
	again   time.Time // when it is owed: of the next attempt

	// Guarded by Handler.mu.
	left  bool // someone was told pending
	final bool // its result is settled: nobody else is told pending
	owing bool // begun by payUp
	owed  bool // an earlier request was told pending
}

// lateAnswer is a State call's success that nobody was told yet, or a creating call's refusal, which queries are told.
type lateAnswer struct {
	key  string
	body []byte
	err  error
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
		if err := h.resume(c, due); err != nil {
			return nil, err
		}
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
		if f.key == key && !h.putOff(f) {
			<-f.ended // the store's end of the turn, not a callback
			return f.body, f.err
		}
		return nil, h.pendingFor(c, f, key)
	}
}

// putOff notes that someone is told pending, unless the result is there.
func (h *Handler) putOff(f *flight) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.left = f.left || !f.final
	return !f.final
}

// told forgets a late answer that has found someone after all.
func (h *Handler) told(subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.late[subject].err == nil {
		delete(h.late, subject)
	}
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
		if kind == State && waiting.err == nil && waiting.key == key && h.options.Now().Sub(waiting.at) < lateTime {
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
		now := h.options.Now()
		if state, err = h.begin(c, key, due); err != nil {
			f.err = err
			return
		}
		if err := h.compare(c, state); err != nil {
			if state.Turn == store.Yours {
				err = errors.Join(err, h.giveUp(key, owedBefore(state, now)))
			}
			f.err = err
			return
		}
		if !owedBefore(state, now).IsZero() {
			h.mu.Lock()
			f.owed = true
			h.mu.Unlock()
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
	if !h.slot(c, due) {
		if c.row.Kind == Once && state.Turn == store.Yours {
			if c.owed {
				f.again = h.next(state)
			}
			if err := h.giveUp(key, f.again); err != nil {
				f.err = err
				return
			}
		}
		f.err = f.pending
		return
	}
	handed = true
	h.enter(c.row.Activity)
	go func() { // ends with the callback; Close waits for running, but not for ever
		defer h.free(c)
		defer h.land(c, f, subject)
		defer h.leave(c.row.Activity)
		body, err := []byte(nil), errors.New("run callback: its goroutine has ended") // by runtime.Goexit, which no recover sees
		defer func() {
			if err != nil && c.row.Kind == Once {
				err = h.settle(c, f, key, state, err)
			}
			if processing(err) {
				err = f.pending // newInstance's has the id
			}
			f.body, f.err = body, err
		}()
		body, err = h.work(c, key, state, a)
	}()
}

// owedBefore is when a call is due that was owed before this request came; zero for another one.
func owedBefore(state store.State, now time.Time) time.Time {
	if !state.Since.Before(now) {
		return time.Time{}
	}
	return state.Due
}

// slot waits for a free worker until the answer is due. Licences have three quarters of them: an upload to a marketplace
// that hangs takes minutes, and a freeze must not wait behind it.
func (h *Handler) slot(c *call, due context.Context) bool {
	if c.uploads() && !take(h.uploads, due) {
		return false
	}
	if take(h.slots, due) {
		return true
	}
	if c.uploads() {
		<-h.uploads
	}
	return false
}

// free gives back what slot has taken.
func (h *Handler) free(c *call) {
	<-h.slots
	if c.uploads() {
		<-h.uploads
	}
}

// uploads tells whether the call brings something to the marketplace.
func (c *call) uploads() bool { return c.row.Activity == wire.ActivityGetLicenseAsync }

// take waits until the answer is due. What is free is taken in any case: a callback that begins late goes on, and the
// repeat finds its result.
func take(places chan struct{}, due context.Context) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	select {
	case places <- struct{}{}:
		return true
	case <-due.Done():
		return false
	}
}

// land ends a flight: those who wait are told, the subject is free. A failure that nobody waits for any
// more is logged here, since no answer will.
func (h *Handler) land(c *call, f *flight, subject string) {
	h.mu.Lock()
	f.final = true
	unheard := (f.left || f.owed) && f.err != nil
	delete(h.flights, subject)
	var refusal *Refusal
	switch {
	case len(h.late) >= maxLate:
	case c.row.Kind == State && f.left && f.err == nil:
		h.late[subject] = lateAnswer{key: f.key, body: f.body, at: h.options.Now()}
	case c.row.Kind == Once && c.instanceID != "" && errors.As(f.err, &refusal) && !again(f.err):
		h.late[subject] = lateAnswer{key: f.key, err: f.err, at: h.options.Now()}
	}
	select {
	case <-f.begun:
	default:
		close(f.begun)
	}
	if f.owing {
		h.owing--
	}
	close(f.ended)
	h.mu.Unlock()
	if unheard {
		h.unheard(c, f)
	}
	if f.owing || !f.again.IsZero() {
		h.lookOut()
	}
	h.running.Done()
}

// unheard logs a failure that no answer tells, and whether this server goes on.
func (h *Handler) unheard(c *call, f *flight) {
	about := []any{"activity", c.row.Activity, "test", c.test, "attempt", attemptID(f.key), "error", f.err}
	switch {
	case !c.owed:
		h.options.Log.Error("a marketplace call failed after its answer", about...)
	case f.again.IsZero():
		h.options.Log.Error("a marketplace call failed after its answer, and is not tried again", about...)
	default:
		h.options.Log.Warn("a marketplace call failed after its answer, and is tried again", append(about, "at", f.again)...)
	}
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
	if !h.slot(c, due) {
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
	h.enter(c.row.Activity)
	go func() { // ends with the callback; Close waits for running, but not for ever
		defer h.running.Done()
		defer h.leave(c.row.Activity)
		defer h.free(c)
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
