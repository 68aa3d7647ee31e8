package sdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// reconnectWait is how long after the loss of the connection calls wait for the
// next one, so that an agent's restart does not surface as a refusal.
const reconnectWait = 2 * time.Second

// inFlight is how many requests of a client are under way at once; more threads
// wait. It stays under the agent's limit, because an agent may still count a
// request whose answer has just arrived here.
const inFlight = api.MaxInFlight - 4

// call sends one request and waits for its answer. It is not repeated when the
// connection breaks: the agent may have done the work.
func (c *Client) call(ctx context.Context, method string, params, result any) error {
	ctx, cancel := bound(ctx, c.opt.timeout())
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return c.refusal(ctx.Err())
	case <-c.ctx.Done():
		return c.refusal(errClosed)
	}
	link, err := c.connection(ctx)
	if err != nil {
		return c.refusal(err)
	}
	return c.refusal(link.Call(ctx, method, params, result))
}

// start sends a request whose end is an event.
func (c *Client) start(ctx context.Context, method string, params any) (api.Started, error) {
	params, note, err := comeBackOf(ctx, params)
	if err != nil {
		return api.Started{}, c.refusal(err)
	}
	var s api.Started
	if err := c.call(ctx, method, params, &s); err != nil {
		return api.Started{}, err
	}
	c.mu.Lock()
	if !c.ended.has(s.Operation) { // its end may have overtaken the answer
		c.open[s.Operation] = request{method: method, comeBack: note}
	}
	c.mu.Unlock()
	if s.URL != "" {
		c.show(s, request{method: method, comeBack: note})
	}
	return s, nil
}

// connection is the living link. When it was lost a moment ago it waits for the
// next one, else it answers at once why there is none.
func (c *Client) connection(ctx context.Context) (*ipc.Link, error) {
	for {
		c.mu.Lock()
		link, linked, away, closed, lost := c.link, c.linked, c.away, c.closed, c.lost
		c.mu.Unlock()
		switch {
		case closed:
			return nil, errClosed
		case link != nil:
			return link, nil
		}
		left := reconnectWait - clock.System{}.Now().Sub(lost)
		if left <= 0 {
			c.rouse() // the agent may have come back during a long pause
			return nil, away
		}
		timer := time.NewTimer(left)
		select {
		case <-linked:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-c.ctx.Done():
		}
		timer.Stop()
	}
}

var errClosed = &api.Error{Code: api.Closed}

// refusal turns any failure of a call into an *api.Error with its sentences.
func (c *Client) refusal(err error) error {
	if err == nil {
		return nil
	}
	var known *api.Error
	if errors.As(err, &known) {
		return explain(c.opt.Language, known)
	}
	code := api.AgentLost
	switch {
	case c.ctx.Err() != nil:
		code = api.Closed
	case errors.Is(err, context.DeadlineExceeded):
		code = api.Timeout
	case errors.Is(err, context.Canceled):
		code = api.Cancelled
	}
	return explain(c.opt.Language, &api.Error{Code: code, Detail: err.Error()})
}

// explain fills in the sentences of a refusal that was made on this side.
func explain(language string, err error) error {
	var e *api.Error
	if !errors.As(err, &e) || e.Message != "" {
		return err
	}
	told := *e
	told.Message, told.Hint = api.Text(e.Code, language)
	return &told
}

// bound gives ctx a deadline when it has none.
func bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// checkText refuses what cannot cross the wire unchanged: JSON would replace
// bytes that are not UTF-8, and a path with replaced bytes is another path.
func checkText(name, value string, limit int) error {
	switch {
	case len(value) > limit:
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("%s of %d bytes, limit %d", name, len(value), limit)}
	case !utf8.ValidString(value):
		return &api.Error{Code: api.InvalidArgument, Detail: name + " is not UTF-8"}
	case strings.ContainsRune(value, 0):
		return &api.Error{Code: api.InvalidArgument, Detail: name + " contains a zero byte"}
	}
	return nil
}
