package meta

import (
	"context"
	"time"
)

// Device is an enrolled machine. Thumb is the RFC 7638 thumbprint of its install
// key (base64url), Key the public JSON Web Key itself.
type Device struct {
	ID       string
	Thumb    string
	Key      []byte
	Name     string
	Platform string
	Identity string // hex SHA-256
	Created  time.Time
	Seen     time.Time
}

// Nonce is a proof's one-time value; it is remembered until Expires.
type Nonce struct {
	Hash    Hash // of thumbprint and nonce
	Expires time.Time
}

// Devices is everything about enrolled machines.
type Devices interface {
	// Enrol stores a device, or finds the one with the same key again (its id stays; name,
	// platform and identity are renewed). Refusal unauthenticated with reason
	// "replay" when the nonce was used.
	Enrol(ctx context.Context, d Device, n Nonce, why Entry) (Device, error)
	// Device finds a device by id; refusal not_found.
	Device(ctx context.Context, id string) (Device, error)
	// DeviceToken uses the nonce up and stores the token in one step; refusals
	// unauthenticated with reason "replay", not_found.
	DeviceToken(ctx context.Context, t Token, n Nonce) error
}
