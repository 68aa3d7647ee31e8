package members

import (
	"context"
	"errors"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Back-off: the first failures cost nothing, then the wait doubles up to a few minutes, so
// that a guesser gets a few hundred tries a day and a victim is never shut out for long.
const (
	freeFailures = 5
	maxBackoff   = 5 * time.Minute
)

func backoff(failures int) time.Duration {
	if failures < freeFailures {
		return 0
	}
	return min(maxBackoff, time.Second<<min(failures-freeFailures, 20))
}

// SignIn is a log-in as someone typed it. Tokens are what the door has made for it; they
// come without account, device and family.
type SignIn struct {
	Account, Password string
	Device            string // "" for a browser
	Tokens            []meta.Token
	Now               time.Time
}

// checkPassword bounds what may be asked about: refusal invalid_argument.
func checkPassword(secret string) error {
	if len(secret) == 0 || len(secret) > 4*password.MaxLength {
		return invalid("password", "the password is missing or too long")
	}
	return nil
}

// SignIn checks account and password and stores the tokens as one sign-in. Refusals:
// invalid_argument, wrong_credentials (the same for accounts that do not exist), rate_limited
// with param seconds.
func (r *Room) SignIn(ctx context.Context, in SignIn) (meta.Account, error) {
	name, err := AccountName("account", in.Account)
	if err != nil {
		return meta.Account{}, err
	}
	who := meta.Who{Account: name, Device: in.Device, Now: in.Now}
	acc, leave, err := r.prove(ctx, name, in.Password, who)
	if err != nil {
		return meta.Account{}, err
	}
	defer leave()
	family := meta.NewID("fam")
	for i := range in.Tokens {
		in.Tokens[i].Account, in.Tokens[i].Device, in.Tokens[i].Family = name, in.Device, family
	}
	who.Org = acc.Org
	return acc, r.store.SignIn(ctx, meta.SignIn{Account: name, Tokens: in.Tokens, Now: in.Now, Why: why(who, "login")})
}

// prove checks a password under the back-off of its account. The caller must call leave when the
// error is nil: one attempt for an account at a time, because parallel guesses would all pass
// the back-off before the first failure is counted.
func (r *Room) prove(ctx context.Context, name, secret string, who meta.Who) (acc meta.Account, leave func(), err error) {
	if err := checkPassword(secret); err != nil {
		return meta.Account{}, nil, err
	}
	free, err := r.attempts.enter(ctx, name)
	if err != nil {
		return meta.Account{}, nil, err
	}
	defer func() {
		if err != nil {
			free()
		}
	}()
	f, err := r.store.LoginFailures(ctx, name)
	if err != nil {
		return meta.Account{}, nil, err
	}
	if wait := f.Until.Sub(who.Now); wait > 0 {
		return meta.Account{}, nil, limit.Refuse(wait) // the same for accounts that do not exist
	}
	acc, err = r.store.Account(ctx, name)
	if err != nil && meta.CodeOf(err) != cloudapi.ErrNotFound {
		return meta.Account{}, nil, err
	}
	if err = r.passwords.Check(ctx, acc.Password, secret); err == nil {
		return acc, free, nil
	}
	if !errors.Is(err, password.ErrMismatch) {
		return meta.Account{}, nil, err
	}
	// Guesses at accounts that do not exist belong to nobody's trail, and must not fill it.
	failed := meta.Entry{}
	if acc.Account != "" {
		who.Org = acc.Org
		failed = why(who, "login.failed")
	}
	if err = r.store.LoginFailed(ctx, name, who.Now.Add(backoff(f.Count+1)), failed); err != nil {
		return meta.Account{}, nil, err
	}
	return meta.Account{}, nil, meta.Refuse(cloudapi.ErrWrongCredentials, "the account or the password is wrong")
}
