package sdk

import (
	"context"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Client is one session with the agent. Make it with Init, end it with ShutOut.
// All methods may be called from any goroutine.
type Client struct {
	opt   Options
	clock clock.Clock
	queue *queue
	slots chan struct{} // one for each request in flight

	ctx  context.Context // ends with ShutOut
	stop context.CancelFunc
	work sync.WaitGroup // the keeper; never a callback
	done chan struct{}  // closed when work has ended and no callback runs

	wake chan struct{} // tells the keeper that there is something to mend

	telling    sync.Mutex // held while OnLicense runs, so that changes arrive in order
	delivering sync.Mutex // held from the decision that an event is new until it is queued; taken before mu

	mu        sync.Mutex // guards all below; nothing blocks while it is held
	link      *ipc.Link  // nil while there is no connection
	linked    chan struct{}
	server    ipc.Server
	endpoint  string
	hello     api.HelloResult
	away      error     // why there is no connection
	lost      time.Time // since when
	cursor    cursor
	behind    bool // the queue was full: subscribe again when there is room
	ask       bool // events were lost: ask for each open operation
	stopping  bool // the agent said that it stops
	open      map[api.Operation]request
	ended     endings
	waiting   endings // were told to be queued
	license   api.LicenseState
	licenseAt time.Time
	recall    func(api.Event)
	callback  chan struct{} // closed when the dispatching goroutine ends; nil when there is none
	outlets   []chan api.Event
	silent    bool // the dispatching goroutine has ended
	closed    bool
}

// Init connects to the agent, settles the protocol and starts to receive
// events. It must come before every other call. The client keeps the
// connection: when the agent goes away EVENT_DESK_CLOSED tells so, and the
// client connects again by itself until ShutOut.
//
// It ends in api.AgentAbsent, AgentUntrusted, AgentTooOld, ProductDenied,
// InvalidArgument or Timeout. ctx bounds Init only.
func Init(ctx context.Context, opt Options) (*Client, error) {
	if err := opt.check(); err != nil {
		return nil, explain(opt.Language, err)
	}
	if opt.Clock == nil {
		opt.Clock = clock.System{}
	}
	c := &Client{
		opt:     opt,
		clock:   opt.Clock,
		queue:   newQueue(opt.OnQueue),
		slots:   make(chan struct{}, inFlight),
		done:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
		linked:  make(chan struct{}),
		open:    make(map[api.Operation]request),
		ended:   newEndings(),
		waiting: newEndings(),
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	ctx, cancel := bound(ctx, opt.timeout())
	defer cancel()
	link, err := c.connect(ctx)
	if err != nil {
		c.stop()
		return nil, explain(opt.Language, err)
	}
	c.work.Add(1)
	ipc.Spawn(func(err error) { c.broken(err) }, func() {
		defer c.work.Done()
		c.keep(link)
	})
	ipc.Spawn(func(error) {}, c.awaitEnd)
	return c, nil
}

// ShutOut ends the session: it drops the connection and frees what the client
// holds. Calls that wait end in api.Closed, later ones too; a second ShutOut
// does nothing. It may be called inside the event callback; it does not wait
// for a callback that runs (Done does).
func (c *Client) ShutOut() error {
	c.mu.Lock()
	c.closed = true
	link := c.link
	c.mu.Unlock()
	c.stop()
	if link != nil {
		_ = link.Close()
	}
	c.queue.close()
	c.work.Wait()
	return nil
}

// Done closes after ShutOut, when no goroutine of the client and no callback runs any more.
func (c *Client) Done() <-chan struct{} { return c.done }

// awaitEnd closes done at the very end.
func (c *Client) awaitEnd() {
	<-c.ctx.Done()
	c.work.Wait()
	c.mu.Lock()
	callback := c.callback
	c.mu.Unlock()
	if callback != nil {
		<-callback
	}
	close(c.done)
}

// broken ends the client after a defect of ours: a closed client is better
// than a host that crashes, and better than one that waits for ever.
func (c *Client) broken(err error) {
	c.mu.Lock()
	c.closed = true
	c.away = &api.Error{Code: api.Internal, Detail: err.Error()}
	link := c.link
	c.mu.Unlock()
	c.stop()
	if link != nil {
		_ = link.Close()
	}
	c.queue.close()
}
