package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// space is a space as one account may use it.
type space struct {
	seq int64
	meta.Space
}

// rank orders the roles; an unknown one is worth nothing.
func rank(role string) int {
	switch role {
	case cloudapi.RoleOwner:
		return 3
	case cloudapi.RoleEditor:
		return 2
	case cloudapi.RoleViewer:
		return 1
	}
	return 0
}

// errHidden is the answer to everything that the caller has no role for: it must not
// tell what exists.
func errHidden(what string) error {
	return meta.Refuse(cloudapi.ErrNotFound, "there is no such "+what)
}

// allowed refuses a role that is below need.
func allowed(role, need string) error {
	if rank(role) < rank(need) {
		return meta.Refuse(cloudapi.ErrForbidden, "the role in this space does not allow it", "role", role, "needs", need)
	}
	return nil
}

// spaceOf finds a space by id with who's role in it, and refuses a role below need.
func spaceOf(tx *sql.Tx, who meta.Who, id, need string) (space, error) {
	var s space
	err := tx.QueryRow(`SELECT s.seq, s.id, s.name, r.role FROM spaces s JOIN roles r ON r.space = s.seq
		WHERE s.id = ? AND s.org = ? AND r.account = ?`, id, who.Org, who.Account).Scan(&s.seq, &s.ID, &s.Name, &s.Role)
	if errors.Is(err, sql.ErrNoRows) {
		return s, errHidden("space")
	}
	if err != nil {
		return s, fmt.Errorf("find space: %w", err)
	}
	return s, allowed(s.Role, need)
}

// checkName turns a name that some system could not store into a refusal.
func checkName(name string) error {
	if err := chunk.CheckName(name); err != nil {
		return meta.Refuse(cloudapi.ErrNameInvalid, err.Error(), "name", name)
	}
	return nil
}

func errNameExists(name string) error {
	return meta.Refuse(cloudapi.ErrNameExists, "the name is taken, maybe in another case", "name", name)
}

// Spaces lists the spaces in which the account has a role.
func (s *Store) Spaces(ctx context.Context, who meta.Who) ([]meta.Space, error) {
	var out []meta.Space
	err := s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.Query(`SELECT s.id, s.name, r.role FROM roles r JOIN spaces s ON s.seq = r.space
			WHERE r.account = ? AND s.org = ? ORDER BY s.fold`, who.Account, who.Org)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var sp meta.Space
			if err := rows.Scan(&sp.ID, &sp.Name, &sp.Role); err != nil {
				return err
			}
			out = append(out, sp)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list spaces: %w", err)
	}
	return out, nil
}

// AddSpace makes a space with who as its owner.
func (s *Store) AddSpace(ctx context.Context, who meta.Who, name string, why meta.Entry) (meta.Space, error) {
	if err := checkName(name); err != nil {
		return meta.Space{}, err
	}
	made := meta.Space{ID: meta.NewID("spc"), Name: name, Role: cloudapi.RoleOwner}
	err := s.write(ctx, func(tx *sql.Tx) error {
		var taken bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM spaces WHERE org = ? AND fold = ?)`,
			who.Org, chunk.Fold(name)).Scan(&taken); err != nil {
			return fmt.Errorf("add space: %w", err)
		}
		if taken {
			return errNameExists(name)
		}
		r, err := tx.Exec(`INSERT INTO spaces (id, org, name, fold, created) VALUES (?, ?, ?, ?, ?)`,
			made.ID, who.Org, name, chunk.Fold(name), millis(who.Now))
		if err != nil {
			return fmt.Errorf("add space: %w", err)
		}
		seq, err := r.LastInsertId()
		if err != nil {
			return fmt.Errorf("add space: %w", err)
		}
		if err := setRole(tx, seq, who.Account, cloudapi.RoleOwner); err != nil {
			return err
		}
		return record(tx, with(why, "space", made.ID, "name", name))
	})
	return made, err
}

// SetRole gives an account of the same organisation a role.
func (s *Store) SetRole(ctx context.Context, who meta.Who, id, account, role string, why meta.Entry) error {
	if rank(role) == 0 {
		return meta.Refuse(cloudapi.ErrInvalid, "the role is not known", "member", "role")
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		sp, err := spaceOf(tx, who, id, cloudapi.RoleOwner)
		if err != nil {
			return err
		}
		var known bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM accounts WHERE account = ? AND org = ?)`,
			account, who.Org).Scan(&known); err != nil {
			return fmt.Errorf("set role: %w", err)
		}
		if !known {
			return errHidden("account")
		}
		if err := setRole(tx, sp.seq, account, role); err != nil {
			return err
		}
		if err := stillOwned(tx, sp.seq); err != nil {
			return err
		}
		return record(tx, with(why, "space", sp.ID, "member", account, "role", role))
	})
}

// Unset takes a role away.
func (s *Store) Unset(ctx context.Context, who meta.Who, id, account string, why meta.Entry) error {
	need := cloudapi.RoleOwner
	if account == who.Account {
		need = cloudapi.RoleViewer // anyone may leave
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		sp, err := spaceOf(tx, who, id, need)
		if err != nil {
			return err
		}
		r, err := tx.Exec(`DELETE FROM roles WHERE space = ? AND account = ?`, sp.seq, account)
		if err != nil {
			return fmt.Errorf("unset role: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errHidden("member"))
		}
		if err := stillOwned(tx, sp.seq); err != nil {
			return err
		}
		return record(tx, with(why, "space", sp.ID, "member", account))
	})
}

func setRole(tx *sql.Tx, seq int64, account, role string) error {
	_, err := tx.Exec(`INSERT INTO roles (space, account, role) VALUES (?, ?, ?)
		ON CONFLICT (space, account) DO UPDATE SET role = excluded.role`, seq, account, role)
	if err != nil {
		return fmt.Errorf("set role: %w", err)
	}
	return nil
}

// stillOwned refuses a change that has left the space without an owner; the refusal
// undoes it.
func stillOwned(tx *sql.Tx, seq int64) error {
	var owned bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM roles WHERE space = ? AND role = ?)`,
		seq, cloudapi.RoleOwner).Scan(&owned); err != nil {
		return fmt.Errorf("look for owners: %w", err)
	}
	if !owned {
		return meta.Refuse(cloudapi.ErrConflict, "a space needs an owner; make another member owner first")
	}
	return nil
}

// inherit gives the spaces that a removed member left without an owner to the administrator who
// removed the member, or to the oldest one: nobody else could ever give a role or
// release a check-out there.
func inherit(tx *sql.Tx, org string, why meta.Entry) error {
	rows, err := tx.Query(`SELECT s.seq, s.id FROM spaces s WHERE s.org = ?
		AND NOT EXISTS (SELECT 1 FROM roles r WHERE r.space = s.seq AND r.role = ?)`, org, cloudapi.RoleOwner)
	if err != nil {
		return fmt.Errorf("inherit spaces: %w", err)
	}
	orphans := map[int64]string{}
	for rows.Next() {
		var seq int64
		var id string
		if err := rows.Scan(&seq, &id); err != nil {
			return errors.Join(err, rows.Close())
		}
		orphans[seq] = id
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("inherit spaces: %w", err)
	}
	for seq, id := range orphans {
		var heir string
		if err := tx.QueryRow(`SELECT account FROM accounts WHERE org = ? AND role = ? ORDER BY account <> ?, created, account LIMIT 1`,
			org, meta.RoleAdmin, why.Account).Scan(&heir); err != nil {
			return fmt.Errorf("inherit spaces: %w", err)
		}
		if err := setRole(tx, seq, heir, cloudapi.RoleOwner); err != nil {
			return err
		}
		e := with(why, "space", id, "member", heir, "role", cloudapi.RoleOwner)
		e.Action = "space.inherited"
		if err := record(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// with adds parameters to an audit entry without touching the caller's.
func with(e meta.Entry, pairs ...string) meta.Entry {
	params := make(map[string]string, len(e.Params)+len(pairs)/2)
	for k, v := range e.Params {
		params[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	e.Params = params
	return e
}
