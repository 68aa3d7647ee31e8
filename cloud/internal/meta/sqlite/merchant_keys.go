package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func noMerchantKey() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such key") }

const merchantKeyColumns = `SELECT id, merchant, category, sealed, created, revoked FROM merchant_keys `

func scanMerchantKey(r row) (k meta.MerchantKey, err error) {
	var created int64
	var revoked sql.NullInt64
	err = r.Scan(&k.ID, &k.Merchant, &k.Category, &k.Sealed, &created, &revoked)
	k.Created, k.Revoked = at(created), since(revoked)
	return k, err
}

// AddMerchantKey implements meta.Merchants.
func (s *Store) AddMerchantKey(ctx context.Context, k meta.MerchantKey, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := merchantKnown(tx, k.Merchant); err != nil {
			return err
		}
		if err := fewKeys(tx, `SELECT count(*) FROM merchant_keys WHERE merchant = ? AND category = ? AND revoked IS NULL`, k.Merchant, k.Category); err != nil {
			return err
		}
		if err := insert(tx, meta.Refuse(cloudapi.ErrNameExists, "a key of this id exists already"),
			`INSERT INTO merchant_keys (id, merchant, category, sealed, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			k.ID, k.Merchant, k.Category, k.Sealed, millis(k.Created)); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// fewKeys refuses one more key than meta.MaxKeys; query counts those that are good.
func fewKeys(tx *sql.Tx, query string, args ...any) error {
	var n int
	if err := tx.QueryRow(query, args...).Scan(&n); err != nil {
		return fmt.Errorf("count keys: %w", err)
	}
	if n >= meta.MaxKeys {
		return meta.Refuse(cloudapi.ErrConflict, "there are many good keys of this kind already; revoke one first", "reason", "keys", "keys", fmt.Sprint(n))
	}
	return nil
}

// MerchantKeys implements meta.Merchants.
func (s *Store) MerchantKeys(ctx context.Context, merchant string) (list []meta.MerchantKey, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanMerchantKey, merchantKeyColumns+`WHERE merchant = ? ORDER BY seq`, merchant)
		return err
	})
	return list, err
}

// MerchantKey implements meta.Merchants.
func (s *Store) MerchantKey(ctx context.Context, id string) (k meta.MerchantKey, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		k, err = one(tx, scanMerchantKey, noMerchantKey(), merchantKeyColumns+`WHERE id = ?`, id)
		return err
	})
	return k, err
}

// RevokeMerchantKey implements meta.Merchants.
func (s *Store) RevokeMerchantKey(ctx context.Context, merchant, id string, now time.Time, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		k, err := one(tx, scanMerchantKey, noMerchantKey(), merchantKeyColumns+`WHERE merchant = ? AND id = ?`, merchant, id)
		if err != nil || !k.Revoked.IsZero() {
			return err
		}
		if _, err := tx.Exec(`UPDATE merchant_keys SET revoked = ? WHERE id = ?`, millis(now), id); err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
		return record(tx, why)
	})
}

const accessKeyColumns = `SELECT access, merchant, sealed, created, revoked FROM access_keys `

func scanAccessKey(r row) (k meta.AccessKey, err error) {
	var created int64
	var revoked sql.NullInt64
	err = r.Scan(&k.Access, &k.Merchant, &k.Sealed, &created, &revoked)
	k.Created, k.Revoked = at(created), since(revoked)
	return k, err
}

// AddAccessKey implements meta.Merchants.
func (s *Store) AddAccessKey(ctx context.Context, k meta.AccessKey, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := merchantKnown(tx, k.Merchant); err != nil {
			return err
		}
		if err := fewKeys(tx, `SELECT count(*) FROM access_keys WHERE merchant = ? AND revoked IS NULL`, k.Merchant); err != nil {
			return err
		}
		if err := insert(tx, meta.Refuse(cloudapi.ErrNameExists, "an access key of this name exists already"),
			`INSERT INTO access_keys (access, merchant, sealed, created) VALUES (?, ?, ?, ?) ON CONFLICT (access) DO NOTHING`,
			k.Access, k.Merchant, k.Sealed, millis(k.Created)); err != nil {
			return err
		}
		return record(tx, why)
	})
}

// AccessKeys implements meta.Merchants.
func (s *Store) AccessKeys(ctx context.Context, merchant string) (list []meta.AccessKey, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanAccessKey, accessKeyColumns+`WHERE merchant = ? ORDER BY seq`, merchant)
		return err
	})
	return list, err
}

// AccessKey implements meta.Merchants.
func (s *Store) AccessKey(ctx context.Context, access string) (k meta.AccessKey, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		k, err = one(tx, scanAccessKey, noMerchantKey(), accessKeyColumns+`WHERE access = ?`, access)
		return err
	})
	return k, err
}

// RevokeAccessKey implements meta.Merchants.
func (s *Store) RevokeAccessKey(ctx context.Context, merchant, access string, now time.Time, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		k, err := one(tx, scanAccessKey, noMerchantKey(), accessKeyColumns+`WHERE merchant = ? AND access = ?`, merchant, access)
		if err != nil || !k.Revoked.IsZero() {
			return err
		}
		if _, err := tx.Exec(`UPDATE access_keys SET revoked = ? WHERE access = ?`, millis(now), access); err != nil {
			return fmt.Errorf("revoke access key: %w", err)
		}
		return record(tx, why)
	})
}
