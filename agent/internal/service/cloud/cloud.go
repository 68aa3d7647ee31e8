package cloud

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Store keeps the device's number; *state.Store is one.
type Store interface {
	SaveSealed(name string, v any) error
	LoadSealed(name string, v any) error
}

// Config of the client. All members are required.
type Config struct {
	HTTP     *cloudhttp.Client
	Key      ed25519.PrivateKey // the install key
	Identity string             // hex SHA-256 of the machine identity
	Name     string             // host name
	Platform string             // linux/amd64
	Clock    clock.Clock
	Store    Store
}

// Cloud is the client. Its methods may be used from any goroutine.
type Cloud struct {
	cfg     Config
	enrol   gate       // one enrolment or device token at a time
	mu      sync.Mutex // guards what follows; never held during a call
	device  enrolled
	loaded  bool
	token   string
	expires time.Time     // of token, by this machine's clock
	skew    time.Duration // the cloud's time minus ours, from its last answer
}

// New makes the client; it calls nobody.
func New(cfg Config) *Cloud { return &Cloud{cfg: cfg, enrol: make(gate, 1)} }

// Base is the cloud's address, or empty.
func (c *Cloud) Base() string { return c.cfg.HTTP.Base() }

// Reachable says whether the cloud answered the last call.
func (c *Cloud) Reachable() bool { return c.cfg.HTTP.Reachable() }

// do is every call's way out; it keeps the cloud's time.
func (c *Cloud) do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	reply, err := c.cfg.HTTP.Do(ctx, r)
	if !reply.Time.IsZero() {
		c.mu.Lock()
		c.skew = reply.Time.Sub(c.cfg.Clock.Now())
		c.mu.Unlock()
	}
	return reply, err
}

// Now is the cloud's time as far as it is known: a machine whose clock is wrong
// must still prove who it is and know when its tokens end.
func (c *Cloud) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Clock.Now().Add(c.skew)
}

// Server asks who answers there, without any token.
func (c *Cloud) Server(ctx context.Context) (cloudapi.Server, error) {
	var s cloudapi.Server
	_, err := c.do(ctx, cloudhttp.Request{Method: http.MethodGet, Path: "/v1/server", Result: &s})
	return s, err
}

// Login exchanges a password for tokens, bound to this device. It is sent once:
// a lost answer is the user's to try again.
func (c *Cloud) Login(ctx context.Context, account, password string) (cloudapi.Tokens, error) {
	// The token shows that the cloud still knows the device; if not, it is enrolled anew.
	device, err := c.DeviceToken(ctx)
	if err != nil {
		return cloudapi.Tokens{}, err
	}
	var t cloudapi.Tokens
	_, err = c.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/login", Device: device,
		JSON: cloudapi.Login{Account: account, Password: password, Device: c.DeviceID()}, Result: &t})
	return t, err
}

// Refresh exchanges a refresh token. The same attempt may be sent again after a
// lost answer; a new one with a used token ends the whole sign-in.
func (c *Cloud) Refresh(ctx context.Context, refreshToken, attempt string) (cloudapi.Tokens, error) {
	var t cloudapi.Tokens
	_, err := c.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/token", Repeat: true,
		JSON: cloudapi.Refresh{RefreshToken: refreshToken, Attempt: attempt}, Result: &t})
	return t, err
}

// Logout revokes an access token and its refresh family.
func (c *Cloud) Logout(ctx context.Context, accessToken string) error {
	_, err := c.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/logout", Token: accessToken, Repeat: true})
	return err
}

// Keys fetches the public keys that sign leases.
func (c *Cloud) Keys(ctx context.Context) (jose.JSONWebKeySet, error) {
	var keys jose.JSONWebKeySet
	_, err := c.do(ctx, cloudhttp.Request{Method: http.MethodGet, Path: "/v1/keys", Result: &keys})
	return keys, err
}

// gate lets one in at a time, and lets a waiting caller leave with its context.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) leave() { <-g }
