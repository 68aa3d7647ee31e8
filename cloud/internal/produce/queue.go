package produce

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// Bounds of what is under way at one time. A merchant that hangs keeps eight workers for five
// seconds each, and leaves the others' calls theirs.
const (
	defaultWorkers     = 64
	defaultPerMerchant = 8
)

// Decision is what becomes of a call after an answer.
type Decision int

// Decisions.
const (
	Finish Decision = iota // done: never made again
	Repeat                 // a failure: by the plan, with a notice
	Wait                   // no failure: by the plan, without a notice
	GiveUp                 // a failure for good: with a notice; can be sent again
)

// Usual is what an answer means for most activities: success ends the call, everything else
// is repeated, and only work in progress is no failure.
func Usual(x Exchange) Decision {
	switch x.Outcome {
	case Done:
		return Finish
	case Processing:
		return Wait
	}
	return Repeat
}

// Fault is a failure of the merchant that only a handler can see: a good answer that does not fit
// what else is known.
type Fault string

// Error is the sentence that a merchant reads.
func (f Fault) Error() string { return string(f) }

// Handler is what the answers to an activity mean. Both functions must be such that doing them again
// changes nothing: after a crash between an effect and its record the call is made again. An
// error leaves the call waiting as it was, it is not the merchant's failure.
type Handler struct {
	// Answered does what an answer means, and says what becomes of the call. nil is Usual. It sees
	// failures too (Outcome Invalid and Unreached). A Fault among its errors is the merchant's: the
	// call is repeated with it as the verdict.
	Answered func(ctx context.Context, c meta.Call, x Exchange) (Decision, error)
	// GivenUp does what the end of the plan, or GiveUp, means. nil does nothing.
	GivenUp func(ctx context.Context, c meta.Call, x Exchange) error
}

// Config is what a queue is made of. Store, Sender, Targets, Clock and Log are required.
type Config struct {
	Store       meta.Queue
	Sender      *Sender
	Targets     Targets
	Clock       clock.Clock
	Log         *slog.Logger
	Plans       Plans // nil takes DefaultPlans
	Workers     int   // calls under way at most; 0 takes 64
	PerMerchant int   // of one merchant; 0 takes 8
	Readings    readings.Readings
}

// Queue makes the stored calls: one goroutine looks what is due, and one more for each call that is
// under way. Register handlers, then Start; Close ends it.
type Queue struct {
	Config
	handlers map[string]Handler // not changed after Start
	wake     chan struct{}
	stop     context.CancelFunc
	wg       sync.WaitGroup

	// mu guards ended and trouble. Ended are the calls whose goroutines have returned. Only the dispatcher takes a
	// call out of those under way, and always before it reads what is due: otherwise it could hold
	// a list in which a call that has just been recorded still waits.
	mu    sync.Mutex
	ended []meta.Call
	// trouble counts, under mu too, how often in a row an answer to a call could not be used.
	trouble map[string]int
}

// NewQueue makes a queue that does nothing before Start.
func NewQueue(c Config) *Queue {
	if c.Plans == nil {
		c.Plans = DefaultPlans()
	}
	if c.Workers == 0 {
		c.Workers = defaultWorkers
	}
	if c.PerMerchant == 0 {
		c.PerMerchant = defaultPerMerchant
	}
	return &Queue{Config: c, handlers: map[string]Handler{}, trouble: map[string]int{}, wake: make(chan struct{}, 1)}
}

// Handle registers what the answers to an activity mean. Call it before Start, once for each activity.
func (q *Queue) Handle(activity string, h Handler) { q.handlers[activity] = h }

// Start begins. Calls that were under way when the last process ended are made again.
func (q *Queue) Start(ctx context.Context) {
	ctx, q.stop = context.WithCancel(context.WithoutCancel(ctx))
	q.wg.Go(func() { q.run(ctx) }) // ends with stop; Close waits
}

// Close ends the calls under way without a record and waits for their goroutines. It does nothing
// before Start.
func (q *Queue) Close() {
	if q.stop != nil {
		q.stop()
		q.wg.Wait()
	}
}

// Wake makes the queue look at once, after a call was added. It never waits.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Restart is "send again": a call that has failed begins its plan anew. Refusals are
// those of meta.Queue.RestartCall.
func (q *Queue) Restart(ctx context.Context, merchant, id string, why meta.Entry) (meta.Call, error) {
	c, err := q.Store.Call(ctx, id)
	if err != nil {
		return c, err
	}
	now := meta.Stamp(q.Clock.Now())
	c, err = q.Store.RestartCall(ctx, merchant, id, now, now.Add(q.Plans.Of(c.Activity).For), why)
	if err == nil {
		q.Wake()
	}
	return c, err
}

// idle is how long the queue sleeps at most: a clock that was set may have made a call due earlier.
const idle = 30 * time.Second

func (q *Queue) run(ctx context.Context) {
	busy := underway{subjects: map[string]bool{}, merchants: map[string]int{}}
	for {
		pause := q.fill(ctx, &busy)
		t := time.NewTimer(pause)
		select {
		case <-q.wake:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// underway is what the dispatcher has begun and not taken back yet.
type underway struct {
	subjects  map[string]bool
	merchants map[string]int
}

// fill begins what is due and may begin, and says how long there is nothing to do.
func (q *Queue) fill(ctx context.Context, busy *underway) time.Duration {
	q.mu.Lock()
	ended := q.ended
	q.ended = nil
	q.mu.Unlock()
	for _, c := range ended {
		delete(busy.subjects, c.Subject)
		if busy.merchants[c.Merchant]--; busy.merchants[c.Merchant] == 0 {
			delete(busy.merchants, c.Merchant)
		}
	}
	now := q.Clock.Now()
	// Those under way are still in the list, Workers of them at most: so many more are asked for.
	due, next, err := q.Store.NextCalls(ctx, now, q.PerMerchant, 2*q.Workers)
	if err != nil {
		if ctx.Err() == nil {
			q.Log.Error("calls to merchants cannot be read", "error", err)
		}
		return time.Second
	}
	for _, c := range due {
		if len(busy.subjects) >= q.Workers {
			break
		}
		if busy.subjects[c.Subject] || busy.merchants[c.Merchant] >= q.PerMerchant {
			continue
		}
		busy.subjects[c.Subject] = true
		busy.merchants[c.Merchant]++
		q.wg.Go(func() { // ends with the call, at the latest when ctx does; Close waits
			q.attempt(ctx, c)
			q.mu.Lock()
			q.ended = append(q.ended, c)
			q.mu.Unlock()
			q.Wake()
		})
	}
	if !next.IsZero() && next.Sub(now) < idle {
		return next.Sub(now)
	}
	return idle
}
