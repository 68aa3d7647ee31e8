package sdk

import (
	"context"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Operation tells what became of an operation of this user and product.
func (c *Client) Operation(ctx context.Context, op api.Operation) (api.OperationState, error) {
	var r api.OperationState
	err := c.call(ctx, api.MethodOperation, api.OperationRef{Operation: op}, &r)
	return r, err
}

// Operations lists those that run, wait for the cloud, or whose result was not delivered.
func (c *Client) Operations(ctx context.Context) ([]api.OperationState, error) {
	var r api.Operations
	err := c.call(ctx, api.MethodOperations, api.None{}, &r)
	return r.Operations, err
}

// Cancel asks to end an operation. Its last event still comes: with api.Cancelled,
// or with its result when it was done before.
func (c *Client) Cancel(ctx context.Context, op api.Operation) error {
	return c.call(ctx, api.MethodCancel, api.OperationRef{Operation: op}, nil)
}

// Status is the agent's own account of itself.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var r api.Status
	err := c.call(ctx, api.MethodStatus, api.None{}, &r)
	return r, err
}

// Doctor has the agent try what it depends on: cloud, TLS, proxy, clock, disk.
func (c *Client) Doctor(ctx context.Context) ([]api.Check, error) {
	var r api.Doctor
	err := c.call(ctx, api.MethodDoctor, api.None{}, &r)
	return r.Checks, err
}

// Ping makes one round trip and nothing else.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, api.MethodPing, api.None{}, nil)
}

// Session is what hello settled with the agent, for tools and support. The
// session's secret is left out. Endpoint is the socket or pipe that answered and
// ServerUser who serves it: "uid:0" on Linux, "sid:S-1-5-18" on Windows.
type Session struct {
	Endpoint   string
	ServerUser string
	Hello      api.HelloResult
	Connected  bool
}

// Session describes the connection; it asks nobody.
func (c *Client) Session() Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hello
	h.Session = ""
	return Session{Endpoint: c.endpoint, ServerUser: c.server.User, Hello: h, Connected: c.link != nil}
}

// Waiting is how many events wait for the application.
func (c *Client) Waiting() int { return c.queue.size() }
