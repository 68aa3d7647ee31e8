package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Pauses between two attempts to connect again. They grow from the first to the
// last and are spread by up to a half: after a restart of the agent not all
// applications of the machine come at once.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// connect makes a connection, says hello and subscribes. On success the client
// is linked; on failure it is as before.
func (c *Client) connect(ctx context.Context) (*ipc.Link, error) {
	conn, server, endpoint, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	// Events may arrive before subscribe has answered; they wait at this door
	// until the cursor stands.
	link := ipc.NewLink(conn, ipc.Options{MaxOut: api.MaxRequestFrame, Notice: c.notice})
	if err := c.greet(ctx, link, server, endpoint); err != nil {
		_ = link.Close()
		<-link.Done()
		return nil, c.connectError(ctx, link, err)
	}
	return link, nil
}

// connectError names a failed hello: a link that ended is a lost agent, unless
// the caller's time ran out.
func (c *Client) connectError(ctx context.Context, link *ipc.Link, err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return &api.Error{Code: api.Timeout, Detail: err.Error()}
	}
	if errors.As(link.Err(), &known) {
		return known
	}
	return &api.Error{Code: api.AgentLost, Detail: err.Error()}
}

// dial tries the endpoints in order and returns the first that answers. The
// refusal that comes back is the most telling one: an untrusted server beats an
// absent one.
func (c *Client) dial(ctx context.Context) (*ipc.Conn, ipc.Server, string, error) {
	timeout := c.opt.timeout()
	if end, ok := ctx.Deadline(); ok {
		timeout = end.Sub(c.clock.Now())
	}
	var worst error
	for _, endpoint := range c.opt.Endpoints() {
		if err := ctx.Err(); err != nil {
			return nil, ipc.Server{}, "", &api.Error{Code: api.Timeout, Detail: err.Error()}
		}
		conn, err := ipc.Dial(endpoint, timeout)
		if err == nil {
			server, err := ipc.ServerIdentity(conn)
			if err == nil {
				return conn, server, endpoint, nil
			}
			_ = conn.Close()
			worst = err
			continue
		}
		if worst == nil || api.CodeOf(worst) == api.AgentAbsent {
			worst = joinDetail(worst, err)
		}
	}
	return nil, ipc.Server{}, "", worst
}

// joinDetail keeps the later refusal and what was tried before it.
func joinDetail(before, now error) error {
	var a, b *api.Error
	if errors.As(before, &a) && errors.As(now, &b) {
		return &api.Error{Code: b.Code, Detail: a.Detail + "; " + b.Detail}
	}
	return now
}

// greet says hello and subscribes.
func (c *Client) greet(ctx context.Context, link *ipc.Link, server ipc.Server, endpoint string) error {
	c.mu.Lock()
	before := c.hello
	at := c.cursor
	c.mu.Unlock()
	var hello api.HelloResult
	err := link.Call(ctx, api.MethodHello, api.Hello{
		Protocol: api.ProtocolVersion, MinProtocol: api.MinProtocolVersion,
		Build: c.opt.Build, Product: c.opt.Product, AppVersion: c.opt.AppVersion,
		Language: c.opt.Language, Session: before.Session,
	}, &hello)
	switch api.CodeOf(err) {
	case api.OK:
	case api.InvalidArgument:
		// Perhaps the session is not of a kind that this agent takes, another
		// version having come in its place: the next attempt begins a new one.
		c.mu.Lock()
		c.hello.Session = ""
		c.mu.Unlock()
		return err
	case api.NotSupported: // it does not even know hello
		return &api.Error{Code: api.AgentTooOld, Detail: err.Error()}
	default:
		return err
	}
	if hello.Protocol < api.MinProtocolVersion || hello.Protocol > api.ProtocolVersion {
		return &api.Error{Code: api.AgentTooOld, Detail: fmt.Sprintf("the agent chose protocol %d, this library speaks %d to %d",
			hello.Protocol, api.MinProtocolVersion, api.ProtocolVersion)}
	}
	again := at.epoch != ""
	lost := again && (!hello.Resumed || hello.Epoch != at.epoch)
	if at.epoch != hello.Epoch {
		at = cursor{epoch: hello.Epoch}
	}
	c.adopt(link, hello, server, endpoint, at, lost)
	var sub api.SubscribeResult
	if err := link.Call(ctx, api.MethodSubscribe, api.Subscribe{Epoch: at.epoch, Since: at.id}, &sub); err != nil {
		c.detach(link)
		return err
	}
	return nil
}

// adopt makes link the client's connection. It happens before subscribe so that
// no event can arrive for a client that does not know its epoch yet.
func (c *Client) adopt(link *ipc.Link, hello api.HelloResult, server ipc.Server, endpoint string, at cursor, lost bool) {
	c.mu.Lock()
	c.hello, c.server, c.endpoint = hello, server, endpoint
	c.cursor = at
	c.behind, c.stopping = false, false
	c.ask = c.ask || lost
	c.mu.Unlock()
	if lost {
		c.queue.put(gapEvent(c.clock.Now(), api.Gap{Epoch: hello.Epoch, Next: 1}))
	}
	c.learn(hello.License)
	c.mu.Lock()
	if !c.closed {
		c.link, c.away = link, nil
		close(c.linked)
	}
	c.mu.Unlock()
}

// detach takes link away; it returns false when it was not the connection.
func (c *Client) detach(link *ipc.Link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != link {
		return false
	}
	c.link = nil
	c.linked = make(chan struct{})
	c.away = &api.Error{Code: api.AgentLost, Detail: fmt.Sprint(link.Err())}
	c.lost = clock.System{}.Now() // the passing of real time, whatever Options.Clock shows
	return true
}

// keep holds the connection until ShutOut: it mends what notices left undone,
// and connects again when the link has ended.
func (c *Client) keep(link *ipc.Link) {
	for {
		select {
		case <-c.wake:
			c.mend(link)
			continue
		case <-link.Done():
		case <-c.ctx.Done():
			_ = link.Close()
			<-link.Done()
			return
		}
		c.detach(link)
		c.deskClosed()
		if link = c.reconnect(); link == nil {
			return
		}
		c.mend(link)
	}
}

// reconnect tries until it succeeds; nil after ShutOut. A call that the
// application makes cuts a long pause short.
func (c *Client) reconnect() *ipc.Link {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		wait := pause + rand.N(pause/2)
		if !c.pause(firstPause, nil) || !c.pause(wait-firstPause, c.wake) {
			return nil
		}
		ctx, cancel := context.WithTimeout(c.ctx, c.opt.timeout())
		link, err := c.connect(ctx)
		cancel()
		if err == nil {
			return link
		}
		c.mu.Lock()
		c.away = err
		c.mu.Unlock()
	}
}

// pause waits for d, or until cut; false after ShutOut.
func (c *Client) pause(d time.Duration, cut <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-cut:
	case <-c.ctx.Done():
	}
	return c.ctx.Err() == nil
}

// notice takes what the agent sends by itself. It runs on the link's reading
// goroutine and never blocks; a notice it cannot read is skipped, as is one it
// does not know.
func (c *Client) notice(method string, params json.RawMessage) {
	switch method {
	case "event":
		var e api.Event
		if json.Unmarshal(params, &e) == nil {
			c.receive(e)
		}
	case "gap":
		var g api.Gap
		if json.Unmarshal(params, &g) == nil {
			c.gap(g)
		}
	}
}
