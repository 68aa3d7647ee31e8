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

// row is what sql.Row and sql.Rows have in common.
type row interface{ Scan(...any) error }

// one reads the one row of a query, or returns none when there is no row.
func one[T any](tx *sql.Tx, scan func(row) (T, error), none error, query string, args ...any) (T, error) {
	v, err := scan(tx.QueryRow(query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, none
	}
	if err != nil {
		return v, fmt.Errorf("read database: %w", err)
	}
	return v, nil
}

// all reads every row of a query.
func all[T any](tx *sql.Tx, scan func(row) (T, error), query string, args ...any) (list []T, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("read database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read database: %w", err)
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// insert runs an INSERT … ON CONFLICT DO NOTHING; taken is the error when the row was there.
func insert(tx *sql.Tx, taken error, query string, args ...any) error {
	r, err := tx.Exec(query, args...)
	if err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return firstOf(err, taken)
	}
	return nil
}

// since reads a time that may not have come yet.
func since(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return at(ms.Int64)
}

// Operator implements meta.Merchants.
func (s *Store) Operator(ctx context.Context) (org string, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		org, err = one(tx, func(r row) (org string, err error) { return org, r.Scan(&org) },
			meta.Refuse(cloudapi.ErrNotFound, "nobody has set the cloud up yet"), `SELECT org FROM operator`)
		return err
	})
	return org, err
}

const organisationColumns = `SELECT id, name, created FROM organisations `

func scanOrganisation(r row) (o meta.Organisation, err error) {
	var created int64
	err = r.Scan(&o.ID, &o.Name, &created)
	o.Created = at(created)
	return o, err
}

func noOrganisation() error {
	return meta.Refuse(cloudapi.ErrNotFound, "there is no such organisation")
}

// Organisations implements meta.Merchants.
func (s *Store) Organisations(ctx context.Context) (list []meta.Organisation, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanOrganisation, organisationColumns+`ORDER BY created, id`)
		return err
	})
	return list, err
}

// Organisation implements meta.Merchants.
func (s *Store) Organisation(ctx context.Context, id string) (o meta.Organisation, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		o, err = one(tx, scanOrganisation, noOrganisation(), organisationColumns+`WHERE id = ?`, id)
		return err
	})
	return o, err
}

func noMerchant() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such merchant") }

const merchantColumns = `SELECT id, org, name, created FROM merchants `

func scanMerchant(r row) (m meta.Merchant, err error) {
	var created int64
	err = r.Scan(&m.ID, &m.Org, &m.Name, &created)
	m.Created = at(created)
	return m, err
}

// merchantKnown refuses a merchant that is not there.
func merchantKnown(tx *sql.Tx, id string) error {
	_, err := one(tx, scanMerchant, noMerchant(), merchantColumns+`WHERE id = ?`, id)
	return err
}

// AddMerchant implements meta.Merchants.
func (s *Store) AddMerchant(ctx context.Context, m meta.Merchant, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := one(tx, scanOrganisation, noOrganisation(), organisationColumns+`WHERE id = ?`, m.Org); err != nil {
			return err
		}
		if err := insert(tx, meta.Refuse(cloudapi.ErrNameExists, "the organisation is a merchant already"),
			`INSERT INTO merchants (id, org, name, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			m.ID, m.Org, m.Name, millis(m.Created)); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// ListMerchants implements meta.Merchants.
func (s *Store) ListMerchants(ctx context.Context) (list []meta.Merchant, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanMerchant, merchantColumns+`ORDER BY seq`)
		return err
	})
	return list, err
}

// Merchant implements meta.Merchants.
func (s *Store) Merchant(ctx context.Context, id string) (m meta.Merchant, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		m, err = one(tx, scanMerchant, noMerchant(), merchantColumns+`WHERE id = ?`, id)
		return err
	})
	return m, err
}

// MerchantOf implements meta.Merchants.
func (s *Store) MerchantOf(ctx context.Context, org string) (m meta.Merchant, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		m, err = one(tx, scanMerchant, meta.Refuse(cloudapi.ErrNotFound, "the organisation is no merchant"), merchantColumns+`WHERE org = ?`, org)
		return err
	})
	return m, err
}

func noAddress() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such address") }

const addressColumns = `SELECT id, merchant, base, challenge, verified, created FROM addresses `

func scanAddress(r row) (a meta.Address, err error) {
	var verified sql.NullInt64
	var created int64
	err = r.Scan(&a.ID, &a.Merchant, &a.Base, &a.Challenge, &verified, &created)
	a.Verified, a.Created = since(verified), at(created)
	return a, err
}

// AddAddress implements meta.Merchants.
func (s *Store) AddAddress(ctx context.Context, a meta.Address, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := merchantKnown(tx, a.Merchant); err != nil {
			return err
		}
		if err := insert(tx, meta.Refuse(cloudapi.ErrNameExists, "the merchant has this address already"),
			`INSERT INTO addresses (id, merchant, base, challenge, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			a.ID, a.Merchant, a.Base, a.Challenge, millis(a.Created)); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// Addresses implements meta.Merchants.
func (s *Store) Addresses(ctx context.Context, merchant string) (list []meta.Address, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanAddress, addressColumns+`WHERE merchant = ? ORDER BY seq`, merchant)
		return err
	})
	return list, err
}

// Address implements meta.Merchants.
func (s *Store) Address(ctx context.Context, merchant, id string) (a meta.Address, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		a, err = one(tx, scanAddress, noAddress(), addressColumns+`WHERE merchant = ? AND id = ?`, merchant, id)
		return err
	})
	return a, err
}

// VerifyAddress implements meta.Merchants.
func (s *Store) VerifyAddress(ctx context.Context, merchant, id string, now time.Time, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		a, err := one(tx, scanAddress, noAddress(), addressColumns+`WHERE merchant = ? AND id = ?`, merchant, id)
		if err != nil || !a.Verified.IsZero() {
			return err
		}
		if _, err := tx.Exec(`UPDATE addresses SET verified = ? WHERE id = ?`, millis(now), id); err != nil {
			return fmt.Errorf("verify address: %w", err)
		}
		return record(tx, why)
	})
}
