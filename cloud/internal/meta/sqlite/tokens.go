package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// optional stores "" as NULL, so that foreign keys are checked only where there is a value.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func putToken(tx *sql.Tx, t meta.Token) error { return storeToken(tx, t, ``) }

// keepToken is putToken for a token that may be there already: it then lives longer.
func keepToken(tx *sql.Tx, t meta.Token) error {
	return storeToken(tx, t, ` ON CONFLICT (hash) DO UPDATE SET expires = max(expires, excluded.expires)`)
}

func storeToken(tx *sql.Tx, t meta.Token, conflict string) error {
	if _, err := tx.Exec(`INSERT INTO tokens (hash, kind, account, device, family, scope, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`+conflict,
		t.Hash[:], t.Kind, optional(t.Account), optional(t.Device), t.Family, t.Scope, millis(t.Created), millis(t.Expires)); err != nil {
		return fmt.Errorf("store token: %w", err)
	}
	return nil
}

// SignIn implements meta.Accounts.
func (s *Store) SignIn(ctx context.Context, in meta.SignIn) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		var known bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM accounts WHERE account = ?)`, in.Account).Scan(&known); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		if !known {
			return noAccount()
		}
		if _, err := tx.Exec(`DELETE FROM failures WHERE account = ?`, in.Account); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		for _, t := range in.Tokens {
			if err := putToken(tx, t); err != nil {
				return err
			}
		}
		return record(tx, in.Why)
	})
}

// AddToken implements meta.Accounts.
func (s *Store) AddToken(ctx context.Context, t meta.Token) error {
	return s.write(ctx, func(tx *sql.Tx) error { return putToken(tx, t) })
}

// ProlongToken implements meta.Accounts.
func (s *Store) ProlongToken(ctx context.Context, h meta.Hash, until, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE tokens SET expires = max(expires, ?) WHERE hash = ? AND expires > ?`, millis(until), h[:], millis(now)); err != nil {
			return fmt.Errorf("prolong token: %w", err)
		}
		return nil
	})
}

// noToken is one answer for unknown, ended and revoked tokens: they are the same to the caller.
func noToken() error {
	return meta.Refuse(cloudapi.ErrUnauthenticated, "the token is unknown, has ended or was revoked")
}

const bearerQuery = `SELECT t.kind, t.account, t.device, t.family, t.scope, t.created, t.expires, t.used, t.attempt,
	a.name, a.role, a.org, o.name
	FROM tokens t LEFT JOIN accounts a ON a.account = t.account LEFT JOIN organisations o ON o.id = a.org
	WHERE t.hash = ? AND t.expires > ?`

// use is what became of a refresh token.
type use struct {
	at      time.Time // zero: never exchanged
	attempt string
}

func bearer(tx *sql.Tx, h meta.Hash, now time.Time) (b meta.Bearer, u use, err error) {
	var account, device, attempt, name, role, org, orgName sql.NullString
	var used sql.NullInt64
	var created, expires int64
	t := &b.Token
	err = tx.QueryRow(bearerQuery, h[:], millis(now)).Scan(&t.Kind, &account, &device, &t.Family, &t.Scope, &created, &expires,
		&used, &attempt, &name, &role, &org, &orgName)
	if errors.Is(err, sql.ErrNoRows) {
		return meta.Bearer{}, use{}, noToken()
	}
	if err != nil {
		return meta.Bearer{}, use{}, fmt.Errorf("read token: %w", err)
	}
	t.Hash, t.Account, t.Device, t.Created, t.Expires = h, account.String, device.String, at(created), at(expires)
	b.Account = meta.Account{Account: account.String, Name: name.String, Role: role.String, Org: org.String, OrgName: orgName.String}
	if used.Valid {
		u.at, u.attempt = at(used.Int64), attempt.String
	}
	return b, u, nil
}

// Bearer implements meta.Accounts.
func (s *Store) Bearer(ctx context.Context, h meta.Hash, now time.Time) (b meta.Bearer, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		b, _, err = bearer(tx, h, now)
		return err
	})
	return b, err
}

// Rotate implements meta.Accounts.
func (s *Store) Rotate(ctx context.Context, r meta.Rotation) (b meta.Bearer, err error) {
	stolen := false
	err = s.write(ctx, func(tx *sql.Tx) error {
		stolen = false
		var u use
		var err error
		b, u, err = bearer(tx, r.Refresh, r.Now)
		if err != nil {
			return err
		}
		if b.Token.Kind != meta.KindRefresh {
			return noToken()
		}
		first := u.at.IsZero()
		again := false
		if !first && u.attempt == r.Attempt {
			if again, err = waits(tx, r.Next.Hash, b.Token.Family); err != nil {
				return err
			}
		}
		if !first && !again {
			// Two parties hold this token: neither of them keeps the sign-in. The
			// command succeeds, so that the revocation is kept.
			stolen = true
			e := meta.Entry{Org: b.Account.Org, Time: r.Now, Account: b.Token.Account, Device: b.Token.Device, Action: "token.reused"}
			return revokeFamily(tx, b.Token.Family, e)
		}
		if first {
			if _, err = tx.Exec(`UPDATE tokens SET used = ?, attempt = ? WHERE hash = ?`, millis(r.Now), r.Attempt, r.Refresh[:]); err != nil {
				return fmt.Errorf("exchange token: %w", err)
			}
		}
		for _, t := range []meta.Token{r.Access, r.Next} {
			// In a repetition they are the tokens of the lost answer, unless those have ended meanwhile.
			t.Account, t.Device, t.Family = b.Token.Account, b.Token.Device, b.Token.Family
			if err := keepToken(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && stolen {
		err = noToken()
	}
	if err != nil {
		return meta.Bearer{}, err
	}
	return b, nil
}

// waits says that a refresh token of the family is there and was never exchanged.
func waits(tx *sql.Tx, h meta.Hash, family string) (yes bool, err error) {
	err = tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM tokens WHERE hash = ? AND family = ? AND used IS NULL)`, h[:], family).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("read token: %w", err)
	}
	return yes, nil
}

// RevokeFamily implements meta.Accounts.
func (s *Store) RevokeFamily(ctx context.Context, family string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error { return revokeFamily(tx, family, why) })
}

func revokeFamily(tx *sql.Tx, family string, why meta.Entry) error {
	if _, err := tx.Exec(`DELETE FROM tokens WHERE family = ?`, family); err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	return record(tx, why)
}

// Sweep implements meta.Accounts.
func (s *Store) Sweep(ctx context.Context, now time.Time) (gone int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		gone = 0
		for _, d := range []struct {
			from   string
			before time.Time
		}{
			{`tokens WHERE expires <= ?`, now},
			{`nonces WHERE expires <= ?`, now},
			{`holds WHERE until <= ?`, now},
			// A failure count is forgotten a day after the last failure.
			{`failures WHERE until <= ?`, now.Add(-24 * time.Hour)},
			// Calls that have failed stay: they can be sent again. So many at a time, for the writer waits.
			{`calls WHERE seq IN (SELECT seq FROM calls WHERE state IN ('done', 'stopped') AND created <= ?1 AND last_time <= ?1 ORDER BY created LIMIT 5000)`, now.Add(-meta.EndedKept)},
			{`notices WHERE seq IN (SELECT seq FROM notices WHERE read > 0 AND read <= ? ORDER BY read LIMIT 5000)`, now.Add(-meta.EndedKept)},
		} {
			r, err := tx.Exec(`DELETE FROM `+d.from, millis(d.before))
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			n, err := r.RowsAffected()
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			gone += n
		}
		return nil
	})
	return gone, err
}
