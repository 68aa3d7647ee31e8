package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// session is what outlives a connection: a secret and a ring of events.
type session struct {
	secret  string
	product string
	last    int64 // id of the newest event
	ring    []api.Event
}

// first is the id of the oldest event still kept.
func (s *session) first() int64 { return s.last - int64(len(s.ring)) + 1 }

// conn is one connection. Its session is set by hello.
type conn struct {
	agent *Agent
	raw   stream
	link  *ipc.Link
	wake  chan struct{}

	// guarded by agent.mu
	session    *session
	subscribed bool
	next       int64 // id of the event that is sent next
	sending    bool  // an event is taken from the ring and not yet on the wire
	gap        *api.Gap
}

// Event is what Emit sends. Product and Operation may be empty.
type Event struct {
	Type      string
	Operate   string
	Operation api.Operation
	Params    map[string]string
	ComeBack  string // a JSON object; empty is {}
	Product   string // only to sessions of this product
}

// Emit sends an event to the live sessions.
func (a *Agent) Emit(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emit(e)
}

// emit is called with mu held.
func (a *Agent) emit(e Event) {
	for _, s := range a.sessions {
		if e.Product != "" && e.Product != s.product {
			continue
		}
		s.last++
		s.ring = append(s.ring, a.event(e, s.last))
		if len(s.ring) > api.RingEvents {
			s.ring = s.ring[1:]
		}
	}
	for c := range a.conns {
		c.rouse()
	}
}

func (a *Agent) event(e Event, id int64) api.Event {
	back := json.RawMessage("{}")
	if e.ComeBack != "" {
		back = json.RawMessage(e.ComeBack)
	}
	return api.Event{
		Epoch: a.epochName(), ID: id, Time: a.clock.Now(), Type: e.Type, Operation: e.Operation,
		Envelope: api.Envelope{Operate: e.Operate, Params: e.Params, ComeBack: back},
	}
}

// Overrun empties every ring, as if more events had come than it holds: who
// has not read them sees a gap.
func (a *Agent) Overrun() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		s.last += api.RingEvents
		s.ring = nil
	}
	for c := range a.conns {
		c.rouse()
	}
}

// Flush waits until what was emitted is on the wire, or its connection has ended.
func (a *Agent) Flush() {
	for _, c := range a.open() {
		for waiting := true; waiting && c.link.Err() == nil; {
			a.mu.Lock()
			waiting = c.subscribed && (c.sending || c.next <= c.session.last)
			a.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}
}

func (c *conn) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// pump sends the ring's events, so that Emit waits for no reader.
func (c *conn) pump() {
	defer func() {
		c.agent.mu.Lock()
		delete(c.agent.conns, c)
		c.agent.mu.Unlock()
	}()
	for {
		select {
		case <-c.wake:
		case <-c.link.Done():
			return
		}
		for {
			method, params, ok := c.take()
			if !ok {
				break
			}
			if c.link.Notify(method, params) != nil {
				break
			}
		}
	}
}

// take picks the next notice.
func (c *conn) take() (method string, params any, ok bool) {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	c.sending = false
	if !c.subscribed {
		return "", nil, false
	}
	s := c.session
	switch {
	case c.gap != nil:
		g := *c.gap
		c.gap = nil
		c.sending = true
		return "gap", g, true
	case c.next < s.first() && s.last > 0:
		g := api.Gap{Epoch: c.agent.epochName(), From: c.next, Next: s.first()}
		c.next = s.first()
		c.sending = true
		return "gap", g, true
	case c.next > s.last:
		return "", nil, false
	}
	e := s.ring[c.next-s.first()]
	c.next++
	c.sending = true
	return "event", e, true
}

// greet answers hello.
func (c *conn) greet(h api.Hello) (any, error) {
	a := c.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[h.Session]
	resumed := s != nil
	if !resumed {
		a.secrets++
		s = &session{secret: fmt.Sprintf("secret-%d", a.secrets), product: h.Product}
		a.sessions[s.secret] = s
	}
	c.session = s
	r := api.HelloResult{
		Protocol: api.ProtocolVersion, Build: "sdktest", Session: s.secret, Resumed: resumed,
		Epoch: a.epochName(), Heartbeat: int(api.HeartbeatPeriod / time.Second),
		User: "uid:test", License: a.license,
	}
	if a.hello != nil {
		a.hello(&r)
	}
	return r, nil
}

// subscribe moves the connection's place in the ring.
func (c *conn) subscribe(s api.Subscribe) (any, error) {
	a := c.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.session == nil {
		return nil, &api.Error{Code: api.Protocol, Detail: "subscribe before hello"}
	}
	c.subscribed, c.gap = true, nil
	c.next = s.Since + 1 // where the ring has gone past that, take shows a gap
	switch {
	case s.Epoch == "" && s.Since == 0:
		c.next = c.session.first()
	case s.Epoch != a.epochName():
		c.next = c.session.first()
		c.gap = &api.Gap{Epoch: a.epochName(), Next: c.next}
	}
	c.rouse()
	return api.SubscribeResult{Epoch: a.epochName(), Next: c.next}, nil
}

// handle answers one request: script first, then the default.
func (c *conn) handle(ctx context.Context, method string, params json.RawMessage) (any, error) {
	c.agent.mu.Lock()
	c.agent.calls = append(c.agent.calls, Call{method, params})
	c.agent.mu.Unlock()
	if done, result, err := c.agent.scripted(ctx, method, params); done {
		return result, err
	}
	switch method {
	case api.MethodHello:
		return with(params, c.greet)
	case api.MethodSubscribe:
		return with(params, c.subscribe)
	}
	return c.agent.answer(method, params)
}

// with decodes params for fn.
func with[T any](params json.RawMessage, fn func(T) (any, error)) (any, error) {
	var p T
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: err.Error()}
	}
	return fn(p)
}
