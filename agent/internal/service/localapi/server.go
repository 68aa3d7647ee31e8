package localapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	maxOpen    = 4096            // connections of all users together
	maxLimits  = 2048            // rates that are remembered, at most two a user
	drainTime  = 2 * time.Second // from Shutdown until readers that are behind are cut off
	costlyRate = 1               // sign-ins and doctor's visits of one user a second,
	costlyOnce = 20              // and so many at once
	beginRate  = 20              // operations that a user begins a second,
	beginOnce  = 100             // and so many at once
)

// Config of the door. All rooms are needed.
type Config struct {
	UID    caller.UID  // of the service: a service of an ordinary user serves that user only
	Build  string      //
	Clock  clock.Clock //
	Log    *slog.Logger
	Events *events.Events

	Product  func(id string, p *caller.Peer) error // at hello: may this program be that product?
	Auth     Auth
	Identity Identity
	License  License
	Files    Files
	Agent    Agent
}

// Server serves one listener. Make it with New, run Serve, end it with Shutdown.
type Server struct {
	cfg  Config
	ctx  context.Context // of every request
	stop context.CancelFunc
	work sync.WaitGroup // one for each connection

	helloTime, writeTime time.Duration // api.HelloTimeout and api.WriteTimeout; tests shorten them before Serve

	mu     sync.Mutex // guards what follows; nothing blocks while it is held
	open   map[*conn]struct{}
	users  map[caller.UID]int // connections by uid
	limits map[pacing]*rate.Limiter
	closed bool
}

// pacing names one user's rate of requests of one kind.
type pacing struct {
	uid  caller.UID
	pace pace
}

// New makes a server. cfg.Log may be nil.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg:       cfg,
		helloTime: api.HelloTimeout,
		writeTime: api.WriteTimeout,
		open:      make(map[*conn]struct{}),
		users:     make(map[caller.UID]int),
		limits:    make(map[pacing]*rate.Limiter),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Serve accepts until ln is closed; that is its ordinary end, with nil.
func (s *Server) Serve(ln *Listener) error {
	for {
		nc, err := accept(ln)
		switch {
		case isClosed(err):
			return nil
		case isTemporary(err):
			// Out of descriptors or memory: others must end first, so pause instead of spinning.
			s.cfg.Log.Error("connection not accepted", "cause", err)
			select {
			case <-time.After(time.Second):
				continue
			case <-s.ctx.Done():
				return nil
			}
		case err != nil:
			return fmt.Errorf("accept a connection: %w", err)
		}
		s.take(nc)
	}
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// take serves an accepted connection in a goroutine of its own, or refuses it.
func (s *Server) take(nc *stream) {
	peer, err := caller.Accepted(nc)
	if err != nil {
		s.cfg.Log.Error("caller not known", "cause", err)
		var known *api.Error
		if !errors.As(err, &known) {
			known = &api.Error{Code: api.Forbidden, Detail: fmt.Sprintf("the agent cannot tell who is calling: %v", err)}
		}
		c := newConn(s, nc, new(caller.Peer))
		c.refuse(0, known, nil)
		c.close()
		return
	}
	c := newConn(s, nc, peer)
	refusal := s.admit(c)
	if refusal == nil {
		go c.run()
		return
	}
	// Nobody waits here for a reader: the few bytes fit into an empty socket.
	c.refuse(0, refusal, nil)
	c.close()
	_ = peer.Close()
}

// admit decides once, by who the kernel says is there, whether to talk at all.
func (s *Server) admit(c *conn) *api.Error {
	uid := c.peer.UID
	if !s.cfg.UID.System() && uid != s.cfg.UID {
		return &api.Error{Code: api.Forbidden, Detail: fmt.Sprintf("this agent is run by user %s and serves that user only", s.cfg.UID)}
	}
	if !s.cfg.UID.System() && !c.peer.SameRights() {
		return &api.Error{Code: api.Forbidden, Detail: "this agent is run by the same user with other rights: one of the two runs as administrator"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
	case s.users[uid] >= api.MaxConnections:
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("user %s has %d connections open", uid, s.users[uid])}
	case len(s.open) >= maxOpen:
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("%d connections are open", len(s.open))}
	}
	s.open[c] = struct{}{}
	s.users[uid]++
	s.work.Add(1)
	return nil
}

// leave is admit's end.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	delete(s.open, c)
	if s.users[c.peer.UID]--; s.users[c.peer.UID] == 0 {
		delete(s.users, c.peer.UID)
	}
	s.mu.Unlock()
	s.work.Done()
}

// limited refuses a user who asks too often for what costs others something.
func (s *Server) limited(uid caller.UID, p pace) error {
	var l *rate.Limiter
	switch p {
	case costly:
		l = rate.NewLimiter(costlyRate, costlyOnce)
	case begins:
		l = rate.NewLimiter(beginRate, beginOnce)
	default:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.limits[pacing{uid, p}]; known != nil {
		l = known
	} else {
		if len(s.limits) >= maxLimits {
			clear(s.limits)
		}
		s.limits[pacing{uid, p}] = l
	}
	if !l.AllowN(s.cfg.Clock.Now(), 1) {
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("more than %v of these requests a second, after %d at once", l.Limit(), l.Burst())}
	}
	return nil
}

// Shutdown ends every connection and waits for them. Stop the events room first:
// its last event is still written, to readers that keep up. The listener is its
// owner's to close, before.
func (s *Server) Shutdown() {
	s.mu.Lock()
	s.closed = true
	all := make([]*conn, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	s.mu.Unlock()
	limit, cancel := context.WithTimeout(s.ctx, drainTime)
	defer cancel()
	for _, c := range all {
		c.drain(limit)
	}
	s.stop()
	for _, c := range all {
		c.close()
	}
	s.work.Wait()
}

// deadline is for the poller, which knows the machine's own clock only.
func deadline(d time.Duration) time.Time { return clock.System{}.Now().Add(d) }
