package sdk

import (
	"context"
	"sync"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of the events that wait for the application. Past them the client
// stops to take events and fetches them again from the agent's ring when there
// is room, so a host that never reads costs this much memory and no more.
const (
	queueEvents = api.RingEvents
	queueBytes  = 8 << 20
)

// queue holds events between the connection and the application.
type queue struct {
	tell func(nonEmpty bool) // may be nil

	telling sync.Mutex // guards told; held while tell runs, so that changes arrive in order
	told    bool

	mu     sync.Mutex // guards the rest; nothing blocks while it is held
	items  []api.Event
	bytes  int
	closed bool
	more   chan struct{} // has a token while items wait
	ended  chan struct{} // closed by close
}

func newQueue(tell func(bool)) *queue {
	return &queue{tell: tell, more: make(chan struct{}, 1), ended: make(chan struct{})}
}

// put adds e unless the queue is full.
func (q *queue) put(e api.Event) bool { return q.add(e, false) }

// force adds e even to a full queue: for the few events that the client makes itself.
func (q *queue) force(e api.Event) { q.add(e, true) }

func (q *queue) add(e api.Event, force bool) bool {
	q.mu.Lock()
	n := len(q.items)
	switch {
	case q.closed:
		q.mu.Unlock()
		return true
	case n > 0 && newerOf(q.items[n-1], e):
		q.bytes += weight(e) - weight(q.items[n-1])
		q.items[n-1] = e
		q.mu.Unlock()
		return true
	case !force && (n >= queueEvents || q.bytes+weight(e) > queueBytes):
		q.mu.Unlock()
		return false
	}
	q.items = append(q.items, e)
	q.bytes += weight(e)
	q.signal()
	q.mu.Unlock()
	q.report()
	return true
}

// newerOf says that b replaces a, which nobody has read yet: only the last
// heartbeat and the last progress of an operation mean anything.
func newerOf(a, b api.Event) bool {
	if a.Type != b.Type || a.Operation != b.Operation {
		return false
	}
	return b.Type == api.EventHeartbeat || b.Type == api.EventUploadProgress || b.Type == api.EventOpenProgress
}

// weight is roughly what e costs in memory.
func weight(e api.Event) int {
	n := 256 + len(e.Envelope.ComeBack)
	for k, v := range e.Envelope.Params {
		n += len(k) + len(v) + 64
	}
	return n
}

// next takes the oldest event, waiting for one until ctx ends.
func (q *queue) next(ctx context.Context) (api.Event, error) {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return api.Event{}, errClosed
		}
		if len(q.items) > 0 {
			e := q.items[0]
			q.items[0] = api.Event{} // the slice's array must not keep it alive
			q.items = q.items[1:]
			q.bytes -= weight(e)
			if len(q.items) > 0 {
				q.signal() // for another reader that waits
			}
			q.mu.Unlock()
			q.report()
			return e, nil
		}
		q.mu.Unlock()
		select {
		case <-q.more:
		case <-q.ended:
		case <-ctx.Done():
			return api.Event{}, context.Cause(ctx)
		}
	}
}

// roomy says that half of the queue is free.
func (q *queue) roomy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) <= queueEvents/2 && q.bytes <= queueBytes/2
}

// close wakes every reader; events that wait are dropped.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.items, q.bytes = nil, 0
	close(q.ended)
}

// signal is called with mu held; the channel has room for its token or has it already.
func (q *queue) signal() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// report tells the application of a change between empty and not empty.
func (q *queue) report() {
	if q.tell == nil {
		return
	}
	q.telling.Lock()
	defer q.telling.Unlock()
	q.mu.Lock()
	some, closed := len(q.items) > 0, q.closed
	q.mu.Unlock()
	if some != q.told && !closed {
		q.told = some
		q.tell(some)
	}
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
