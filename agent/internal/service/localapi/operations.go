package localapi

import (
	"context"
	"encoding/json"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func (c *conn) owner() events.Owner {
	return events.Owner{UID: c.actor.UID, Product: c.actor.Product, Session: c.actor.Session, Language: c.actor.Language}
}

func (c *conn) getOperation(params json.RawMessage) (any, func(), error) {
	id, err := operation(params)
	if err != nil {
		return nil, nil, err
	}
	return c.s.cfg.Events.Get(c.owner(), id), nil, nil
}

func (c *conn) listOperations(json.RawMessage) (any, func(), error) {
	return c.s.cfg.Events.List(c.owner()), nil, nil
}

func (c *conn) cancelOperation(params json.RawMessage) (any, func(), error) {
	id, err := operation(params)
	if err != nil {
		return nil, nil, err
	}
	return api.None{}, nil, c.s.cfg.Events.Cancel(c.owner(), id)
}

func operation(params json.RawMessage) (api.Operation, error) {
	var ref api.OperationRef
	if err := decode(params, &ref); err != nil {
		return 0, err
	}
	if ref.Operation <= 0 {
		return 0, &api.Error{Code: api.InvalidArgument, Detail: "operation is not a positive number"}
	}
	return ref.Operation, nil
}

// pump is one subscription: it pulls from the session's ring at the speed of its
// reader, so a slow one overruns its own ring and nobody else's.
type pump struct {
	stop context.CancelFunc
	done chan struct{}
}

// subscribe places the reader; the stream begins after the answer. A second
// subscription ends the first.
func (c *conn) subscribe(params json.RawMessage) (any, func(), error) {
	var sub api.Subscribe
	if err := decode(params, &sub); err != nil {
		return nil, nil, err
	}
	if err := checkText("epoch", sub.Epoch, maxWord); err != nil {
		return nil, nil, err
	}
	if sub.Since < 0 {
		return nil, nil, &api.Error{Code: api.InvalidArgument, Detail: "since is negative"}
	}
	c.endPump()
	after, gap := c.session.Subscribe(sub.Epoch, sub.Since)
	begin := c.startPump(after, gap)
	return api.SubscribeResult{Epoch: c.session.Epoch(), Next: after + 1}, begin, nil
}

// startPump makes the subscription, whose stream waits for begin. It is there before the
// client reads the answer: an agent that stops just then waits for its last event.
func (c *conn) startPump(after int64, gap *api.Gap) (begin func()) {
	ctx, stop := context.WithCancel(c.ctx)
	p := &pump{stop: stop, done: make(chan struct{})}
	c.mu.Lock()
	before := c.pump
	c.pump = p
	c.mu.Unlock()
	before.end() // two subscriptions at once: the later one stands
	answered := make(chan struct{})
	go func() { // ends with the subscription or the connection
		defer close(p.done)
		select {
		case <-answered:
			c.stream(ctx, after, gap)
		case <-ctx.Done():
		}
	}()
	return func() { close(answered) }
}

// endPump ends the subscription, if there is one, and waits for it.
func (c *conn) endPump() {
	c.mu.Lock()
	p := c.pump
	c.pump = nil
	c.mu.Unlock()
	p.end()
}

func (p *pump) end() {
	if p != nil {
		p.stop()
		<-p.done
	}
}

// drain waits until the subscription has written everything, or for ctx.
func (c *conn) drain(ctx context.Context) {
	c.mu.Lock()
	p := c.pump
	c.mu.Unlock()
	if p == nil {
		return
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
}

// stream pulls and writes until the reader, the connection or the room ends.
func (c *conn) stream(ctx context.Context, after int64, gap *api.Gap) {
	for {
		if gap != nil && !c.notify("gap", gap) {
			return
		}
		var batch []json.RawMessage
		var err error
		batch, after, gap, err = c.session.Next(ctx, after)
		if err != nil {
			return
		}
		for _, raw := range batch {
			if !c.notify("event", raw) {
				return
			}
		}
		c.session.Written(after)
	}
}

func (c *conn) notify(name string, params any) bool {
	raw, err := json.Marshal(params)
	if err != nil {
		c.s.cfg.Log.Error("notice not encoded", "cause", err)
		return false
	}
	return c.send(api.Notice{JSONRPC: "2.0", Method: name, Params: raw}, nil)
}
