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

const accountColumns = `a.account, a.name, a.role, a.org, o.name, a.password, a.created`

const accountTables = `accounts a JOIN organisations o ON o.id = a.org`

// SetSetupCode implements meta.Accounts.
func (s *Store) SetSetupCode(ctx context.Context, code meta.Hash, expires time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if done, err := setupDone(tx); err != nil || done {
			return firstOf(err, meta.Refuse(cloudapi.ErrSetupDone, "the first administrator exists already"))
		}
		if _, err := tx.Exec(`INSERT INTO setup (one, code, expires) VALUES (1, ?, ?)
			ON CONFLICT (one) DO UPDATE SET code = excluded.code, expires = excluded.expires`, code[:], millis(expires)); err != nil {
			return fmt.Errorf("store setup code: %w", err)
		}
		return nil
	})
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func setupDone(tx *sql.Tx) (done bool, err error) {
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM accounts)`).Scan(&done); err != nil {
		return false, fmt.Errorf("look for an administrator: %w", err)
	}
	return done, nil
}

// SetupDone implements meta.Accounts.
func (s *Store) SetupDone(ctx context.Context) (done bool, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		done, err = setupDone(tx)
		return err
	})
	return done, err
}

// Setup implements meta.Accounts.
func (s *Store) Setup(ctx context.Context, b meta.Bootstrap) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if done, err := setupDone(tx); err != nil || done {
			return firstOf(err, meta.Refuse(cloudapi.ErrSetupDone, "the first administrator exists already"))
		}
		// The code is a hash already: comparing hashes in SQL tells a guesser nothing.
		r, err := tx.Exec(`DELETE FROM setup WHERE code = ? AND expires > ?`, b.Code[:], millis(b.Now))
		if err != nil {
			return fmt.Errorf("use setup code: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, meta.Refuse(cloudapi.ErrWrongCredentials, "the one-time code is wrong or has ended; the cloud prints a new one when it starts"))
		}
		return addOrganisation(tx, b.Account, b.Why)
	})
}

// AddOrganisation implements meta.Accounts.
func (s *Store) AddOrganisation(ctx context.Context, admin meta.Account, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error { return addOrganisation(tx, admin, why) })
}

func addOrganisation(tx *sql.Tx, admin meta.Account, why meta.Entry) error {
	if _, err := tx.Exec(`INSERT INTO organisations (id, name, created) VALUES (?, ?, ?)`, admin.Org, admin.OrgName, millis(admin.Created)); err != nil {
		return fmt.Errorf("add organisation: %w", err)
	}
	// The first organisation runs the platform.
	if _, err := tx.Exec(`INSERT INTO operator (one, org) VALUES (1, ?) ON CONFLICT (one) DO NOTHING`, admin.Org); err != nil {
		return fmt.Errorf("add organisation: %w", err)
	}
	return addAccount(tx, admin, why)
}

func addAccount(tx *sql.Tx, a meta.Account, why meta.Entry) error {
	r, err := tx.Exec(`INSERT INTO accounts (account, org, name, role, password, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account) DO NOTHING`, a.Account, a.Org, a.Name, a.Role, a.Password, millis(a.Created))
	if err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return firstOf(err, meta.Refuse(cloudapi.ErrNameExists, "an account of this name exists already"))
	}
	return record(tx, why)
}

// Account implements meta.Accounts.
func (s *Store) Account(ctx context.Context, account string) (a meta.Account, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		a, err = scanAccount(tx.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM `+accountTables+` WHERE a.account = ?`, account))
		return err
	})
	return a, err
}

func scanAccount(row interface{ Scan(...any) error }) (a meta.Account, err error) {
	var created int64
	err = row.Scan(&a.Account, &a.Name, &a.Role, &a.Org, &a.OrgName, &a.Password, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return meta.Account{}, noAccount()
	}
	if err != nil {
		return meta.Account{}, fmt.Errorf("read account: %w", err)
	}
	a.Created = at(created)
	return a, nil
}

func noAccount() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such account") }

// Members implements meta.Accounts.
func (s *Store) Members(ctx context.Context, org string) (list []meta.Account, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+accountColumns+` FROM `+accountTables+` WHERE a.org = ? ORDER BY a.account`, org)
		if err != nil {
			return fmt.Errorf("list members: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			a, err := scanAccount(rows)
			if err != nil {
				return err
			}
			a.Password = ""
			list = append(list, a)
		}
		return rows.Err()
	})
	return list, err
}

// AddMember implements meta.Accounts.
func (s *Store) AddMember(ctx context.Context, a meta.Account, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error { return addAccount(tx, a, why) })
}

// member finds the role of an organisation's account.
func member(tx *sql.Tx, org, account string) (role string, err error) {
	err = tx.QueryRow(`SELECT role FROM accounts WHERE account = ? AND org = ?`, account, org).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noAccount()
	}
	if err != nil {
		return "", fmt.Errorf("read member: %w", err)
	}
	return role, nil
}

// RemoveMember implements meta.Accounts.
func (s *Store) RemoveMember(ctx context.Context, org, account string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		role, err := member(tx, org, account)
		if err != nil {
			return err
		}
		if err := notLast(tx, org, account, role); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM accounts WHERE account = ?`, account); err != nil {
			return fmt.Errorf("remove member: %w", err)
		}
		if err := inherit(tx, org, why); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// notLast refuses what would leave an organisation without an administrator.
func notLast(tx *sql.Tx, org, account, role string) error {
	if role != meta.RoleAdmin {
		return nil
	}
	var others int
	if err := tx.QueryRow(`SELECT count(*) FROM accounts WHERE org = ? AND role = 'admin' AND account <> ?`, org, account).Scan(&others); err != nil {
		return fmt.Errorf("count administrators: %w", err)
	}
	if others == 0 {
		return meta.Refuse(cloudapi.ErrForbidden, "the last administrator cannot be removed", "reason", "last_admin")
	}
	return nil
}

// SetMemberRole implements meta.Accounts.
func (s *Store) SetMemberRole(ctx context.Context, org, account, role string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		was, err := member(tx, org, account)
		if err != nil || was == role {
			return err
		}
		if err := notLast(tx, org, account, was); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE accounts SET role = ? WHERE account = ?`, role, account); err != nil {
			return fmt.Errorf("set role: %w", err)
		}
		return record(tx, why)
	})
}

// SetPassword implements meta.Accounts.
func (s *Store) SetPassword(ctx context.Context, account, password string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`UPDATE accounts SET password = ? WHERE account = ?`, password, account)
		if err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, noAccount())
		}
		if _, err := tx.Exec(`DELETE FROM failures WHERE account = ?`, account); err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		if err := revokeAccount(tx, account); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// RevokeMember implements meta.Accounts.
func (s *Store) RevokeMember(ctx context.Context, org, account string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := member(tx, org, account); err != nil {
			return err
		}
		if err := revokeAccount(tx, account); err != nil {
			return err
		}
		return record(tx, why)
	})
}

func revokeAccount(tx *sql.Tx, account string) error {
	if _, err := tx.Exec(`DELETE FROM tokens WHERE account = ?`, account); err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	return nil
}

// LoginFailures implements meta.Accounts.
func (s *Store) LoginFailures(ctx context.Context, account string) (f meta.Failures, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		var until int64
		err := tx.QueryRowContext(ctx, `SELECT count, until FROM failures WHERE account = ?`, account).Scan(&f.Count, &until)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read failures: %w", err)
		}
		f.Until = at(until)
		return nil
	})
	return f, err
}

// LoginFailed implements meta.Accounts.
func (s *Store) LoginFailed(ctx context.Context, account string, until time.Time, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO failures (account, count, until) VALUES (?, 1, ?)
			ON CONFLICT (account) DO UPDATE SET count = count + 1, until = excluded.until`, account, millis(until)); err != nil {
			return fmt.Errorf("count failure: %w", err)
		}
		return record(tx, why)
	})
}
