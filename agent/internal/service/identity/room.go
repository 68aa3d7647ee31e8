package identity

import (
	"context"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Config of the room.
type Config struct {
	Root   string // "/" but in tests: the folder below which sys and run are read
	System bool   // the agent is the system's: said in the answer
}

// Room is localapi.Identity. Its methods may be used from any goroutine.
type Room struct{ cfg Config }

// New makes the room; nothing is read before Start or the first question.
func New(cfg Config) *Room { return &Room{cfg: cfg} }

// Start collects in the background, so that the first question need not wait.
func (r *Room) Start() {}

// Fingerprint is the documented string with its parts, collected once per start.
func (r *Room) Fingerprint(ctx context.Context) (api.Fingerprint, error) {
	return api.Fingerprint{System: r.cfg.System}, nil
}

// Machine reads the parts of our own machine identity below root.
func Machine(ctx context.Context, root string) map[string]string { return nil }

// Digest is the hex SHA-256 of the parts, which enrolment tells the cloud.
func Digest(parts map[string]string) string { return "" }
