package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Op is one operation: a request whose end is an event. All methods may be used
// from any goroutine and do nothing once it has ended.
type Op struct {
	e      *Events
	ctx    context.Context
	cancel context.CancelCauseFunc

	id       api.Operation // these never change; r has them too, for the disk
	own      Owner
	method   string
	comeBack json.RawMessage

	changing sync.Mutex // held over a change and its write to disk: changes of one operation keep their order

	r       record   // guarded by e.mu, changed by e.put
	version int      // guarded by e.mu; of r, counts up
	in      *Session // guarded by e.mu; whose ring holds the result
}

func newOp(e *Events, r record) *Op {
	op := &Op{
		e: e, r: r, id: r.ID, method: r.Method, comeBack: r.ComeBack,
		own: Owner{UID: r.UID, Product: r.Product, Session: r.Session, Language: r.Language},
	}
	op.ctx, op.cancel = context.WithCancelCause(e.ctx)
	return op
}

// Begin opens an operation. Its number is on disk before Begin returns; data is
// kept with it as JSON for a restart. comeBack is the application's opaque JSON
// object, or empty. api.Busy when the session, or the user, has too many
// unfinished ones, or too many bytes of them; api.InvalidArgument or api.TooLarge for comeBack.
func (e *Events) Begin(o Owner, method, comeBack string, data any) (*Op, error) {
	if err := checkComeBack(comeBack); err != nil {
		return nil, err
	}
	raw, err := encodeData(data)
	if err != nil {
		return nil, err
	}
	if err := e.quota(o, len(comeBack)+len(raw)); err != nil {
		return nil, err
	}
	id, err := e.ledger.number()
	if err != nil {
		return nil, diskError("reserve an operation's number", err)
	}
	r := record{
		ID: id, UID: o.UID, Product: o.Product, Session: o.Session, Language: o.Language,
		Method: method, ComeBack: json.RawMessage(comeBack), State: api.OpRunning,
		Started: e.cfg.Clock.Now().UTC(), Data: raw,
	}
	op := newOp(e, r)
	if err := e.commit(&r, func() { e.put(op, r) }); err != nil {
		op.cancel(err)
		return nil, diskError("record an operation", err)
	}
	return op, nil
}

// Unfinished lists the operations that are running or queued, oldest first: after
// a start, those to take up again.
func (e *Events) Unfinished() []*Op {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(e.sorted(), func(o *Op) bool { return o.r.ended() })
}

// Find returns the unfinished operation of that number and user, nil when there
// is none. For calls of a worker, which name an operation.
func (e *Events) Find(uid caller.UID, id api.Operation) *Op {
	e.mu.Lock()
	defer e.mu.Unlock()
	if op := e.ops[id]; op != nil && op.r.UID == uid && !op.r.ended() {
		return op
	}
	return nil
}

// sorted lists all operations by number. Called with mu held.
func (e *Events) sorted() []*Op {
	all := make([]*Op, 0, len(e.ops))
	for _, op := range e.ops {
		all = append(all, op)
	}
	slices.SortFunc(all, func(a, b *Op) int { return int(a.r.ID - b.r.ID) })
	return all
}

// ID is the operation's number.
func (o *Op) ID() api.Operation { return o.id }

// Owner is whom the operation belongs to.
func (o *Op) Owner() Owner { return o.own }

// Method is the method that began it, an api.Method… constant.
func (o *Op) Method() string { return o.method }

// Context ends when the operation is cancelled, ends, or the agent stops;
// context.Cause is an *api.Error: api.Cancelled for a cancel, api.AgentLost when
// the agent stops (leave the operation unfinished then: it is taken up again).
func (o *Op) Context() context.Context { return o.ctx }

// Data decodes the JSON kept with the operation while it is unfinished.
func (o *Op) Data(into any) error {
	o.e.mu.Lock()
	raw := o.r.Data
	o.e.mu.Unlock()
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decode data of operation %d: %w", o.ID(), err)
	}
	return nil
}

// SetData replaces the JSON kept with the operation, durably.
func (o *Op) SetData(v any) error {
	raw, err := encodeData(v)
	if err != nil {
		return err
	}
	return o.change(func(r *record) { r.Data = raw })
}

// Emit sends an intermediate event of the operation to its session.
func (o *Op) Emit(typ, operate string, params map[string]string) {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	if !o.r.ended() {
		o.e.deliver(o.own, o.id, typ, o.envelope(operate, params))
	}
}

// Queue reports failure for now: params go out as an event (status failed, queued
// true), and the operation stays open as api.OpQueued, over restarts as well. The
// report is kept with it: an application that comes back to an agent that was
// restarted may not have heard it.
func (o *Op) Queue(typ, operate string, params map[string]string) error {
	ev := o.e.event(o.e.cfg.Clock.Now(), typ, o.id, o.envelope(operate, params))
	return o.changeAnd(func(r *record) { r.State, r.Waits = api.OpQueued, &ev }, func() {
		o.e.deliver(o.own, o.id, typ, ev.Envelope)
	})
}

// End ends the operation: the result is durable before the event goes out.
// failed selects between api.OpDone and api.OpFailed. Later calls do nothing.
// When the disk refuses, the event goes out all the same and End returns why: a
// result that the application hears is worth more than one that it may hear
// again. A failure after Stop is not a result: the operation stays unfinished.
func (o *Op) End(typ, operate string, params map[string]string, failed bool) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.e.mu.Lock()
	r, stopping := o.r, o.e.closed
	o.e.mu.Unlock()
	if r.ended() || failed && stopping {
		return nil
	}
	r.State, r.Ended, r.Waits, r.Data = api.OpDone, o.e.cfg.Clock.Now().UTC(), nil, nil
	if failed {
		r.State = api.OpFailed
	}
	ev := o.e.event(r.Ended, typ, r.ID, o.envelope(operate, params))
	r.Event = &ev
	apply := func() {
		o.e.put(o, r)
		if in, s := o.e.deliver(o.own, r.ID, typ, ev.Envelope); in != nil {
			o.placed(s, *in)
		}
	}
	err := o.e.commit(&r, apply)
	if err != nil {
		o.e.mu.Lock()
		apply()
		o.e.mu.Unlock()
		err = diskError("record a result", err)
	}
	o.cancel(nil)
	o.e.trim(r.UID)
	o.e.wake()
	return err
}

// placed notes where the result waits for its reader. Called with mu held.
func (o *Op) placed(s *Session, ev api.Event) {
	o.in, o.r.Event = s, &ev
	s.ends[ev.ID] = o
}

// change alters the record, on disk first.
func (o *Op) change(alter func(*record)) error { return o.changeAnd(alter, func() {}) }

// changeAnd calls then with mu held when the record has changed.
func (o *Op) changeAnd(alter func(*record), then func()) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.e.mu.Lock()
	r := o.r
	o.e.mu.Unlock()
	if r.ended() {
		return nil
	}
	alter(&r)
	if err := o.e.commit(&r, func() { o.e.put(o, r); then() }); err != nil {
		return diskError("record an operation", err)
	}
	return nil
}

func (o *Op) envelope(operate string, params map[string]string) api.Envelope {
	return api.Envelope{Operate: operate, Params: params, ComeBack: o.comeBack}
}
