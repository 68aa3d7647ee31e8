// Package members is the room of an organisation's people: who may sign in, who belongs to it and
// to which department. It checks what a text may be and leaves to package meta what must be one
// transaction. The doors (httpapi and pages) and the wiring call it, so that a rule is the same at
// both. It never sees a request, never decides about roles (the doors do), and never keeps a
// password. It runs in the cloud's process.
package members

import (
	"context"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Room is made by New and may be used by several goroutines.
type Room struct {
	store     meta.Store
	passwords *password.Hasher
	attempts  attempts
}

// New makes the room; it starts nothing and owns neither argument.
func New(store meta.Store, passwords *password.Hasher) *Room {
	return &Room{store: store, passwords: passwords}
}

// why begins the audit entry of what who does; pairs are name, value, ….
func why(who meta.Who, action string, pairs ...string) meta.Entry {
	e := meta.Entry{Org: who.Org, Time: meta.Stamp(who.Now), Account: who.Account, Device: who.Device, Action: action}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params[pairs[i]] = pairs[i+1]
	}
	return e
}

// Candidate is an account that someone wants to exist, as it was typed.
type Candidate struct{ Account, Name, Password, Role string }

// Account checks a candidate and makes its account, with the hashed password and without an
// organisation. Refusals: invalid_argument with param member (account, name, password, role).
func (r *Room) Account(ctx context.Context, c Candidate) (meta.Account, error) {
	account, err := AccountName("account", c.Account)
	if err != nil {
		return meta.Account{}, err
	}
	if err := Text("name", c.Name, 1, MaxDisplay); err != nil {
		return meta.Account{}, err
	}
	if why := password.Acceptable(c.Password); why != "" {
		return meta.Account{}, invalid("password", why)
	}
	if err := role(c.Role); err != nil {
		return meta.Account{}, err
	}
	a := meta.Account{Account: account, Name: c.Name, Role: c.Role}
	a.Password, err = r.passwords.Hash(ctx, c.Password)
	return a, err
}

func role(v string) error {
	if v != meta.RoleAdmin && v != meta.RoleMember {
		return invalid("role", "the role is admin or member")
	}
	return nil
}

// Add adds a member to who's organisation. Refusals: those of Account, name_exists.
func (r *Room) Add(ctx context.Context, who meta.Who, c Candidate) (meta.Account, error) {
	a, err := r.Account(ctx, c)
	if err != nil {
		return meta.Account{}, err
	}
	a.Org, a.Created = who.Org, meta.Stamp(who.Now)
	return a, r.store.AddMember(ctx, a, why(who, "member.added", "member", a.Account, "role", a.Role))
}

// Remove deletes a member with everything that was assigned to it. Refusals: not_found, forbidden
// for the last administrator.
func (r *Room) Remove(ctx context.Context, who meta.Who, account string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	return r.store.RemoveMember(ctx, who.Org, account, why(who, "member.removed", "member", account))
}

// SetRole makes a member an administrator, or an administrator a member; the sign-ins go on and
// have the new role at once. Refusals: not_found, forbidden for the last administrator.
func (r *Room) SetRole(ctx context.Context, who meta.Who, account, to string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	if err := role(to); err != nil {
		return err
	}
	return r.store.SetMemberRole(ctx, who.Org, account, to, why(who, "member.role", "member", account, "role", to))
}

// ResetPassword gives a member a new password and ends its sign-ins. Refusals: not_found,
// invalid_argument for a password that is too simple.
func (r *Room) ResetPassword(ctx context.Context, who meta.Who, account, secret string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	if no := password.Acceptable(secret); no != "" {
		return invalid("password", no)
	}
	a, err := r.store.Account(ctx, account)
	if err != nil {
		return err
	}
	if a.Org != who.Org { // an account never changes its organisation, so this stays true
		return meta.Refuse(cloudapi.ErrNotFound, "there is no such account")
	}
	hash, err := r.passwords.Hash(ctx, secret)
	if err != nil {
		return err
	}
	return r.store.SetPassword(ctx, account, hash, why(who, "password.reset", "member", account))
}

// ChangePassword gives who a new password against the old one and ends all its sign-ins. It counts
// wrong ones as SignIn does. Refusals: wrong_credentials, rate_limited, invalid_argument.
func (r *Room) ChangePassword(ctx context.Context, who meta.Who, old, secret string) error {
	if no := password.Acceptable(secret); no != "" {
		return invalid("password", no)
	}
	_, leave, err := r.prove(ctx, who.Account, old, who)
	if err != nil {
		return err
	}
	defer leave()
	hash, err := r.passwords.Hash(ctx, secret)
	if err != nil {
		return err
	}
	return r.store.SetPassword(ctx, who.Account, hash, why(who, "password.changed", "member", who.Account))
}
