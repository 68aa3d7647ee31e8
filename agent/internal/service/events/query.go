package events

import (
	"slices"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Get answers operation.get for the user and product of o. An answer with the
// result counts as its delivery.
func (e *Events) Get(o Owner, id api.Operation) api.OperationState {
	e.mu.Lock()
	defer e.mu.Unlock()
	op := e.visible(o, id)
	if op == nil {
		return api.OperationState{Operation: id, State: api.OpUnknown}
	}
	if op.r.ended() && op.r.Delivered.IsZero() {
		op.r.Delivered = e.cfg.Clock.Now()
		if op.in != nil {
			delete(op.in.ends, op.r.Event.ID)
		}
	}
	return op.r.state()
}

// List answers operation.list: what is unfinished or was not delivered, at most
// the newest 64 with their results.
func (e *Events) List(o Owner) api.Operations {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := api.Operations{Operations: []api.OperationState{}}
	for _, op := range slices.Backward(e.sorted()) {
		if len(out.Operations) == maxBatch {
			break
		}
		if e.visible(o, op.r.ID) != nil && (!op.r.ended() || op.r.Delivered.IsZero()) {
			out.Operations = append(out.Operations, op.r.state())
		}
	}
	slices.Reverse(out.Operations)
	return out
}

// Cancel ends the operation's context with api.Cancelled; its room then ends it
// with an event. One that has ended stays as it is. api.NotFound for an
// operation that is not of this user and product.
func (e *Events) Cancel(o Owner, id api.Operation) error {
	e.mu.Lock()
	op := e.visible(o, id)
	e.mu.Unlock()
	if op == nil {
		return &api.Error{Code: api.NotFound, Detail: "no such operation of this user and product"}
	}
	op.cancel(&api.Error{Code: api.Cancelled, Detail: "cancelled by the application"})
	return nil
}

// visible finds an operation of o's user and product: a registered product's
// licence must not be read from another program of the same user. Called with mu held.
func (e *Events) visible(o Owner, id api.Operation) *Op {
	if op := e.ops[id]; op != nil && op.r.UID == o.UID && op.r.Product == o.Product {
		return op
	}
	return nil
}

// Queued counts the user's saves that wait for the cloud. A licence that its publisher
// makes is no work of the user's that could be lost.
func (e *Events) Queued(uid caller.UID) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, op := range e.ops {
		if op.r.UID == uid && op.r.State == api.OpQueued && op.r.Method != api.MethodLicenseRequest {
			n++
		}
	}
	return n
}
