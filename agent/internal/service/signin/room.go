package signin

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Worker shows the sign-in page; *launch.Worker is one.
type Worker interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}

// Config of the room. All members are required but OnSignIn, OnSignOut and Log.
type Config struct {
	Cloud  *cloud.Cloud
	Store  *state.Store
	Events *events.Events
	Clock  clock.Clock
	Worker func(ctx context.Context, a caller.Actor) (Worker, error) // launch.Acquire
	Log    *slog.Logger

	// OnSignIn, when set, is told after a user signed in: work that waited may
	// go on. OnSignOut, when set, is told after a sign-in ended, by the user or by
	// the cloud. Called from the room's goroutines; they must return at once.
	OnSignIn, OnSignOut func(uid caller.UID)
}

// Room is localapi.Auth. Its methods may be used from any goroutine.
type Room struct {
	cfg  Config
	ctx  context.Context // ends with Close: for work that outlives its caller
	stop context.CancelFunc
	work sync.WaitGroup
	wake chan struct{} // holds one sign that there is something to revoke

	mu    sync.Mutex // guards the maps; never held during I/O
	users map[caller.UID]*session
	pages map[api.Operation]*page

	revoking sync.Mutex // guards the record of sign-outs that the cloud does not know yet; held during its writes only
}

// New makes the room; it asks nobody.
func New(cfg Config) *Room {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Room{cfg: cfg, ctx: ctx, stop: stop, wake: make(chan struct{}, 1), users: map[caller.UID]*session{}, pages: map[api.Operation]*page{}}
}

// Start ends the pages that an earlier agent left open, and begins to tell the
// cloud of sign-outs that it does not know yet; Close ends that.
func (r *Room) Start() {
	for _, op := range r.cfg.Events.Unfinished() {
		if op.Method() == api.MethodAuthPage {
			r.end(op, &api.Error{Code: api.Cancelled, Detail: "the agent was restarted while the page was open"})
		}
	}
	r.spawn(r.revokeAll)
}

// Close ends running refreshes and pages, and waits for them.
func (r *Room) Close() error {
	r.stop()
	r.work.Wait()
	return nil
}

// user is the session of one OS user, loaded from the sealed store at first use.
func (r *Room) user(uid caller.UID) *session {
	r.mu.Lock()
	s := r.users[uid]
	if s == nil {
		s = &session{room: r, uid: uid}
		r.users[uid] = s
	}
	r.mu.Unlock()
	s.load()
	return s
}

// Status says who is signed in, from memory and disk; it never asks the network.
func (r *Room) Status(_ context.Context, a caller.Actor) (api.AuthStatus, error) {
	return r.user(a.UID).status(), nil
}

// Account is who is signed in for uid. api.NotSignedIn comes without an account,
// api.SessionExpired with the one whose sign-in ended. It asks nobody.
func (r *Room) Account(uid caller.UID) (string, error) {
	st := r.user(uid).status()
	if !st.SignedIn {
		return st.Account, &api.Error{Code: st.Reason}
	}
	return st.Account, nil
}

// User is the cloud with the user's rights: api.NotSignedIn, api.SessionExpired.
// It asks nobody; its calls renew the token when needed. It stays the account's that is
// signed in now: should another sign in, its calls end with api.SessionExpired, so that
// work which began for one never goes on with another's rights.
func (r *Room) User(_ context.Context, uid caller.UID) (*cloud.User, error) {
	s := r.user(uid)
	st := s.status()
	if !st.SignedIn {
		return nil, &api.Error{Code: st.Reason}
	}
	return r.cfg.Cloud.User(func(ctx context.Context, refused string) (string, error) {
		token, err := s.token(ctx, refused)
		if err != nil {
			return "", err
		}
		if now := s.status().Account; now != st.Account { // compared last: the token is then this account's
			return "", &api.Error{Code: api.SessionExpired, Detail: "the sign-in of " + st.Account + " is over"}
		}
		return token, nil
	}), nil
}

// Login signs the OS user in with a password, which is used once. An earlier
// sign-in of the same OS user is revoked.
func (r *Room) Login(ctx context.Context, a caller.Actor, l api.AuthLogin) (api.AuthStatus, error) {
	st, err := r.login(ctx, a.UID, l)
	if err != nil {
		return api.AuthStatus{}, err
	}
	r.cfg.Events.Emit(events.Owner{UID: a.UID}, api.EventSignIn, api.OperateSignIn, succeeded(st))
	return st, nil
}

func succeeded(st api.AuthStatus) map[string]string {
	return map[string]string{api.ParamStatus: api.StatusSuccess, "account": st.Account}
}

// Bounds of what a person types.
const (
	maxAccount  = 256
	maxPassword = 1024
)

func (r *Room) login(ctx context.Context, uid caller.UID, l api.AuthLogin) (api.AuthStatus, error) {
	if l.Account == "" || l.Password == "" || len(l.Account) > maxAccount || len(l.Password) > maxPassword {
		return api.AuthStatus{}, &api.Error{Code: api.InvalidArgument, Detail: "account and password are needed, of a sane length"}
	}
	t, err := r.cfg.Cloud.Login(ctx, l.Account, l.Password)
	if err != nil {
		return api.AuthStatus{}, err
	}
	s := r.user(uid)
	old, err := s.replace(record{Cloud: r.cfg.Cloud.Base(), Tokens: t})
	if err != nil {
		r.queueRevoke(t) // a sign-in that cannot be kept must not stay alive in the cloud
		return api.AuthStatus{}, fmt.Errorf("keep sign-in: %w", err)
	}
	r.queueRevoke(old.Tokens)
	r.cfg.Log.Info("signed in", "uid", uid, "account", t.Me.Account)
	if r.cfg.OnSignIn != nil {
		r.cfg.OnSignIn(uid)
	}
	return s.status(), nil
}

// Logout forgets the sign-in at once, and revokes it in the cloud as soon as that answers.
func (r *Room) Logout(_ context.Context, a caller.Actor) error {
	s := r.user(a.UID)
	old, err := s.replace(record{})
	if err != nil {
		return fmt.Errorf("forget sign-in: %w", err)
	}
	if old.Tokens.Me.Account == "" {
		return nil // nobody was
	}
	r.queueRevoke(old.Tokens)
	r.cfg.Log.Info("signed out", "uid", a.UID, "account", old.Tokens.Me.Account)
	r.cfg.Events.Emit(events.Owner{UID: a.UID}, api.EventSignIn, api.OperateSignIn,
		map[string]string{api.ParamStatus: "signedOut", "account": old.Tokens.Me.Account})
	r.signedOut(a.UID)
	return nil
}

func (r *Room) signedOut(uid caller.UID) {
	if r.cfg.OnSignOut != nil {
		r.cfg.OnSignOut(uid)
	}
}

// ended tells a user's applications that the cloud ended the sign-in.
func (r *Room) ended(uid caller.UID, me cloudapi.Me) {
	r.cfg.Log.Warn("sign-in ended by the cloud", "uid", uid, "account", me.Account)
	for _, o := range r.cfg.Events.Sessions(uid) {
		params := events.Failure(o.Language, &api.Error{Code: api.SessionExpired})
		params[api.ParamStatus], params["account"] = "signedOut", me.Account
		r.cfg.Events.Emit(o, api.EventSignIn, api.OperateSignIn, params)
	}
	r.signedOut(uid)
}
