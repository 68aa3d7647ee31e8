package merchant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const (
	// askElsewhere is how often a turn that another process has is asked for again.
	askElsewhere = 50 * time.Millisecond
	// storeTime bounds one command of the store, so that a stuck disk does not hold calls for ever.
	storeTime = 10 * time.Second
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
		f.body, f.err = h.work(c, key, state, a)
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

// begin asks the store for the turn until the answer is due.
func (h *Handler) begin(c *call, key string, due context.Context) (store.State, error) {
	b := store.Begin{Key: key, Test: c.test, Digest: strings.Join(c.others, "\n"), InstanceID: c.instanceID, Now: h.options.Now()}
	if c.instanceID != "" {
		b.SpareID = sign.NewNonce()
	}
	for {
		ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
		state, err := h.options.Store.Begin(ctx, b)
		end()
		if err != nil || state.Turn != store.Elsewhere {
			return state, err
		}
		select {
		case <-due.Done():
			return state, c.pendingBody(state.InstanceID)
		default:
		}
		if err := clock.Wait(h.root, askElsewhere); err != nil {
			return state, c.pendingBody(state.InstanceID)
		}
	}
}

// compare looks at what a repeat says beside its key.
func (h *Handler) compare(c *call, state store.State) error {
	others := strings.Join(c.others, "\n")
	if state.Digest == others {
		return nil
	}
	var names []string
	was := strings.Split(state.Digest, "\n")
	for i, now := range c.others {
		if i >= len(was) || was[i] != now {
			name, _, _ := strings.Cut(now, "=")
			names = append(names, name)
		}
	}
	h.options.Log.Warn("a repeat differs from the first request", "activity", c.row.Activity, "test", c.test, "fields", names)
	if h.options.Readings.RefuseChanged && !c.test {
		return &wire.Problem{Field: strings.Join(names, ", "), Why: "differs from the first request of the same key"}
	}
	return nil
}

// work runs the callback in its turn and records what came of it.
func (h *Handler) work(c *call, key string, state store.State, a Attempt) (body []byte, err error) {
	defer func() { // callbacks are guarded each; this is a store's
		if p := recover(); p != nil {
			body, err = nil, fmt.Errorf("record call: panic: %v\n%s", p, debug.Stack())
			if c.row.Kind == Once {
				err = errors.Join(err, h.giveUp(key))
			}
		}
	}()
	ctx, end := context.WithTimeout(h.root, h.options.WorkTime)
	defer end()
	if c.make != nil {
		return h.made(ctx, c, key, state, a)
	}
	out, err := guard(func() (outcome, error) { return c.run(ctx, a) })
	if c.row.Kind != Once {
		return out.body, err
	}
	return h.record(key, out, err)
}

// made is work for a call that makes something once and delivers it: what was made is stored first, and a
// repeat delivers the same again, also when the call is done. nil is
// not kept: nothing is made yet, and deliver says so by an open outcome.
func (h *Handler) made(ctx context.Context, c *call, key string, state store.State, a Attempt) ([]byte, error) {
	if state.Kept == nil {
		out, err := guard(func() (outcome, error) {
			kept, err := c.make(ctx, a)
			return outcome{body: kept}, err
		})
		if err == nil && out.body != nil {
			store, end := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
			err = h.options.Store.Keep(store, key, out.body)
			end()
		}
		if err != nil {
			return nil, errors.Join(err, h.giveUp(key))
		}
		state.Kept = out.body
	}
	out, err := guard(func() (outcome, error) { return c.deliver(ctx, state.Kept) })
	if state.Turn == store.Done {
		return out.body, err
	}
	return h.record(key, out, err)
}

// record ends a turn. What a callback has recorded itself stays.
func (h *Handler) record(key string, out outcome, err error) ([]byte, error) {
	if err != nil {
		return nil, errors.Join(err, h.giveUp(key))
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
	defer end()
	if err := h.options.Store.Finish(ctx, store.Finish{Key: key, Answer: out.body, Open: out.open, Now: h.options.Now()}); err != nil {
		// The work is done and its record is not: the next request runs it again with the same id.
		return nil, errors.Join(err, h.giveUp(key))
	}
	return out.body, nil
}

func (h *Handler) giveUp(key string) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
	defer end()
	return h.options.Store.GiveUp(ctx, key)
}

// recorder makes Attempt.Record.
func (h *Handler) recorder(c *call, key, instanceID string) func(context.Context, store.Execer) error {
	return func(ctx context.Context, tx store.Execer) error {
		shared, ok := h.options.Store.(store.Transactional)
		if !ok || c.success == nil {
			return ErrNotTransactional
		}
		out, err := c.success(instanceID)
		if err != nil {
			return err
		}
		return shared.FinishIn(ctx, tx, store.Finish{Key: key, Answer: out.body, Now: h.options.Now()})
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

// guard turns a callback's panic into an error that is answered with 000005.
func guard(f func() (outcome, error)) (out outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = outcome{}, fmt.Errorf("run callback: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// keyText spells a key so that no two different keys are spelled the same. A long
// value, a fingerprint, stands as its hash.
func keyText(row Repeat, test bool, values []string) string {
	parts := append([]string{row.Family, row.Activity, row.Case, "real"}, values...)
	if test {
		parts[3] = "test"
	}
	for i, v := range parts[4:] {
		if len(v) > 256 || strings.HasPrefix(v, "sha256:") {
			sum := sha256.Sum256([]byte(v))
			parts[4+i] = "sha256:" + hex.EncodeToString(sum[:])
		}
	}
	b, err := json.Marshal(parts)
	if err != nil { // strings only
		panic("merchant: key: " + err.Error())
	}
	return string(b)
}

// attemptID is what a callback gets for a key: of one length, and fit for a column.
func attemptID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
