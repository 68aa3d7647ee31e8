package sdk

import (
	"context"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// cursor is the last event that was taken: the place to go on from.
type cursor struct {
	epoch string
	id    int64
	// strict: after a resubscription live events may overtake the repeated
	// ones; those that do not follow id are skipped, as they will come again.
	strict bool
}

// NextEvent takes the oldest event that waits, or waits for one until ctx ends
// (api.Timeout, api.Cancelled) or the client is shut out (api.Closed). Unlike
// other calls it has no time-out of its own. Each event reaches one reader:
// use NextEvent, Events or RegisterEventRecall, not two of them.
func (c *Client) NextEvent(ctx context.Context) (api.Event, error) {
	e, err := c.queue.next(ctx)
	if err != nil {
		return api.Event{}, c.refusal(err)
	}
	c.mu.Lock()
	mend := c.behind
	c.mu.Unlock()
	if mend && c.queue.roomy() {
		c.rouse()
	}
	return e, nil
}

// RegisterEventRecall has recall called for each event, one at a time, on a
// goroutine of the client. Recall may call any method, ShutOut included. A
// second registration takes the place of the first for the events that follow.
// It ends in api.InvalidArgument for nil and api.Closed after ShutOut.
func (c *Client) RegisterEventRecall(recall func(api.Event)) error {
	if recall == nil {
		return c.refusal(&api.Error{Code: api.InvalidArgument, Detail: "no callback"})
	}
	return c.refusal(c.register(recall, nil))
}

// Events is the channel form of RegisterEventRecall. The channel has no buffer
// of its own and closes after ShutOut.
func (c *Client) Events() <-chan api.Event {
	out := make(chan api.Event)
	err := c.register(func(e api.Event) {
		select {
		case out <- e:
		case <-c.ctx.Done():
		}
	}, out)
	if err != nil {
		close(out)
	}
	return out
}

// register sets the callback and starts the goroutine that calls it; out, when
// given, is closed by that goroutine, its only sender, at its end.
func (c *Client) register(recall func(api.Event), out chan api.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.silent {
		return errClosed
	}
	c.recall = recall
	if out != nil {
		c.outlets = append(c.outlets, out)
	}
	if c.callback != nil {
		return nil
	}
	ended := make(chan struct{})
	c.callback = ended
	ipc.Spawn(c.broken, func() {
		defer close(ended)
		defer c.silence()
		c.dispatch()
	})
	return nil
}

// dispatch calls back until ShutOut.
func (c *Client) dispatch() {
	for {
		e, err := c.NextEvent(c.ctx)
		if err != nil {
			return
		}
		c.mu.Lock()
		recall := c.recall
		c.mu.Unlock()
		recall(e)
	}
}

// silence is dispatch's end, by ShutOut or by a panic of the callback.
func (c *Client) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
	for _, out := range c.outlets {
		close(out)
	}
	c.outlets = nil
}

// receive takes one event from the agent.
func (c *Client) receive(e api.Event) {
	c.delivering.Lock()
	defer c.delivering.Unlock()
	ends := endOf(e)
	c.mu.Lock()
	ours := e.Epoch == c.cursor.epoch
	skip := c.behind || ours && (e.ID <= c.cursor.id || c.cursor.strict && e.ID != c.cursor.id+1)
	told := ends && c.ended.has(e.Operation) || // from operation.get
		waits(e) && (c.ended.has(e.Operation) || c.waiting.has(e.Operation)) || // repeated after the agent's restart
		e.Type == api.EventPage // the call that wanted the page opens it, or tells it itself
	c.mu.Unlock()
	if skip {
		return
	}
	if state, ok := licenseOf(e); ok {
		c.learn(state) // before the application can see the event
	}
	full := !told && !c.queue.put(e)
	c.mu.Lock()
	if full {
		c.behind = true
		c.mu.Unlock()
		return
	}
	if ours {
		c.cursor.id, c.cursor.strict = e.ID, false
	}
	if waits(e) {
		c.waiting.add(e.Operation)
	}
	if ends {
		c.ended.add(e.Operation)
		delete(c.open, e.Operation)
	}
	c.stopping = e.Type == api.EventDeskClosed
	c.mu.Unlock()
}

// gap takes the agent's word that events were lost.
func (c *Client) gap(g api.Gap) {
	c.mu.Lock()
	at := max(g.Next, 1) - 1
	if g.Epoch == c.cursor.epoch {
		at = max(at, c.cursor.id)
	}
	c.cursor = cursor{epoch: g.Epoch, id: at}
	c.ask = true
	c.mu.Unlock()
	c.queue.force(gapEvent(c.clock.Now(), g))
	c.rouse()
}

// rouse has the keeper look after what is to mend.
func (c *Client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// mend fetches what was missed: events while the queue was full, and the ends
// of operations whose events were lost.
func (c *Client) mend(link *ipc.Link) {
	c.mu.Lock()
	catchUp := c.behind && c.queue.roomy()
	if catchUp {
		c.behind = false
		c.cursor.strict = true
	}
	at := c.cursor
	var asked []api.Operation
	if c.ask {
		for op := range c.open {
			asked = append(asked, op)
		}
	}
	c.ask = false
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.opt.timeout())
	defer cancel()
	if catchUp {
		var sub api.SubscribeResult
		if err := link.Call(ctx, api.MethodSubscribe, api.Subscribe{Epoch: at.epoch, Since: at.id}, &sub); err != nil {
			_ = link.Close() // connecting again subscribes again
			return
		}
	}
	for _, op := range asked {
		if err := c.settle(ctx, link, op); err != nil {
			c.mu.Lock()
			c.ask = true // the next connection asks again
			c.mu.Unlock()
			return
		}
	}
}

// settle asks what became of op and tells its end, if it has one.
func (c *Client) settle(ctx context.Context, link *ipc.Link, op api.Operation) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var s api.OperationState
	err := link.Call(ctx, api.MethodOperation, api.OperationRef{Operation: op}, &s)
	refused := false
	switch api.CodeOf(err) {
	case api.OK:
	case api.NotFound, api.Forbidden, api.InvalidArgument:
		refused = true
	default:
		return err
	}
	c.delivering.Lock()
	defer c.delivering.Unlock()
	c.mu.Lock()
	r, open := c.open[op]
	c.mu.Unlock()
	var end api.Event
	switch {
	case !open: // its event came meanwhile
		return nil
	case refused:
		end = c.lostEvent(op, r, err.Error())
	case s.State == api.OpUnknown:
		end = c.lostEvent(op, r, "the agent does not know the operation")
	case s.Event != nil && endOf(*s.Event):
		end = *s.Event
	default:
		return nil // runs on, or waits for the cloud
	}
	c.queue.force(end)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, op)
	c.ended.add(op)
	return nil
}
