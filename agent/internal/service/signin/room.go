package signin

import (
	"context"
	"log/slog"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Worker shows the sign-in page; *launch.Worker is one.
type Worker interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

// Config of the room. All members are required but OnSignIn and Log.
type Config struct {
	Cloud  *cloud.Cloud
	Store  *state.Store
	Events *events.Events
	Clock  clock.Clock
	Worker func(ctx context.Context, a caller.Actor) (Worker, error) // launch.Acquire
	Log    *slog.Logger

	// OnSignIn, when set, is told after a user signed in: work that waited may
	// go on. Called from the room's goroutines; it must return at once.
	OnSignIn func(uid int)
}

// Room is localapi.Auth. Its methods may be used from any goroutine.
type Room struct{ cfg Config }

// New makes the room; it asks nobody.
func New(cfg Config) *Room { return &Room{cfg: cfg} }

// Close waits for the running pages, which end with the events room.
func (r *Room) Close() error { return nil }

// Status says who is signed in, from memory and disk; it never asks the network.
func (r *Room) Status(ctx context.Context, a caller.Actor) (api.AuthStatus, error) {
	return api.AuthStatus{}, nil
}

// Login signs the OS user in with a password, which is used once.
func (r *Room) Login(ctx context.Context, a caller.Actor, l api.AuthLogin) (api.AuthStatus, error) {
	return api.AuthStatus{}, nil
}

// Page opens the sign-in page as an operation; EVENT_SIGN_IN ends it.
func (r *Room) Page(ctx context.Context, a caller.Actor) (api.Started, error) {
	return api.Started{}, nil
}

// Logout forgets the sign-in at once and revokes it in the cloud as soon as that answers.
func (r *Room) Logout(ctx context.Context, a caller.Actor) error { return nil }

// SignInFromPage answers workerapi.MethodSignIn: what a user typed into the page
// of a live operation of theirs. After 10 tries the operation ends.
func (r *Room) SignInFromPage(ctx context.Context, op api.Operation, uid int, l api.AuthLogin) (api.AuthStatus, error) {
	return api.AuthStatus{}, nil
}

// PageClosed answers workerapi.NoticeClosed of a sign-in page: by "user" or
// "silence". Other operations are left alone. It does not block.
func (r *Room) PageClosed(op api.Operation, uid int, by string) {}

// User is the cloud with the user's rights: api.NotSignedIn, api.SessionExpired.
// It asks nobody; its calls renew the token when needed.
func (r *Room) User(ctx context.Context, uid int) (*cloud.User, error) { return nil, nil }

// Account is who is signed in for uid: api.NotSignedIn. It asks nobody.
func (r *Room) Account(uid int) (string, error) { return "", nil }
