package cloud

import (
	"context"
	"crypto/ed25519"

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
type Cloud struct{ cfg Config }

// New makes the client; it calls nobody.
func New(cfg Config) *Cloud { return &Cloud{cfg: cfg} }

// Base is the cloud's address, or empty.
func (c *Cloud) Base() string { return c.cfg.HTTP.Base() }

// Reachable says whether the cloud answered the last call.
func (c *Cloud) Reachable() bool { return c.cfg.HTTP.Reachable() }

// Server asks who answers there, without any token.
func (c *Cloud) Server(ctx context.Context) (cloudapi.Server, error) { return cloudapi.Server{}, nil }

// DeviceID is the enrolled device's id, or empty before the first enrolment. It never asks the network.
func (c *Cloud) DeviceID() string { return "" }

// Device enrols the device if that has not been done.
func (c *Cloud) Device(ctx context.Context) (cloudapi.Device, error) { return cloudapi.Device{}, nil }

// DeviceToken is a live device token.
func (c *Cloud) DeviceToken(ctx context.Context) (string, error) { return "", nil }

// Login exchanges a password for tokens, bound to this device.
func (c *Cloud) Login(ctx context.Context, account, password string) (cloudapi.Tokens, error) {
	return cloudapi.Tokens{}, nil
}

// Refresh exchanges a refresh token. The same attempt may be sent again after a lost answer.
func (c *Cloud) Refresh(ctx context.Context, refreshToken, attempt string) (cloudapi.Tokens, error) {
	return cloudapi.Tokens{}, nil
}

// Logout revokes an access token and its refresh family.
func (c *Cloud) Logout(ctx context.Context, accessToken string) error { return nil }

// Keys fetches the public keys that sign leases.
func (c *Cloud) Keys(ctx context.Context) (jose.JSONWebKeySet, error) {
	return jose.JSONWebKeySet{}, nil
}
