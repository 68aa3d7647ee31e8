package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const codeColumns = `code, merchant, org, product, product_id, resource, order_id, amount, test, state, expire, effect, activated, seen, created`

// orZero and orNone are times that may be missing: 0 in the tables.
func orZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

func orNone(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return at(ms)
}

func scanCode(row interface{ Scan(...any) error }) (c meta.Code, err error) {
	var expire, effect, activated, seen, created int64
	err = row.Scan(&c.Code, &c.Merchant, &c.Org, &c.Product, &c.ProductID, &c.Resource, &c.Order, &c.Amount, &c.Test, &c.State,
		&expire, &effect, &activated, &seen, &created)
	c.Expire, c.Effect, c.Activated, c.Seen, c.Created = orNone(expire), orNone(effect), orNone(activated), orNone(seen), at(created)
	return c, err
}

// oneCode reads the code for which column has the value.
func oneCode(tx *sql.Tx, column, value string) (meta.Code, error) {
	c, err := scanCode(tx.QueryRow(`SELECT `+codeColumns+` FROM codes WHERE `+column+` = ?`, value))
	if errors.Is(err, sql.ErrNoRows) {
		return c, meta.Refuse(cloudapi.ErrNotFound, "there is no such authorization code")
	}
	if err != nil {
		return c, fmt.Errorf("read authorization code: %w", err)
	}
	return c, nil
}

// AddCode implements meta.Codes.
func (s *Store) AddCode(ctx context.Context, c meta.Code, why meta.Entry) (stands meta.Code, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if c.Resource != "" {
			if stands, err = oneCode(tx, "resource", c.Resource); meta.CodeOf(err) != cloudapi.ErrNotFound {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO codes (`+codeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.Code, c.Merchant, c.Org, c.Product, c.ProductID, c.Resource, c.Order, c.Amount, c.Test, c.State,
			orZero(c.Expire), orZero(c.Effect), orZero(c.Activated), orZero(c.Seen), millis(c.Created)); err != nil {
			return fmt.Errorf("add authorization code: %w", err)
		}
		if stands, err = oneCode(tx, "code", c.Code); err != nil {
			return err
		}
		return record(tx, why)
	})
	return stands, err
}

// Code implements meta.Codes.
func (s *Store) Code(ctx context.Context, code string) (c meta.Code, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		c, err = oneCode(tx, "code", code)
		return err
	})
	return c, err
}

// CodeOfResource implements meta.Codes.
func (s *Store) CodeOfResource(ctx context.Context, resource string) (c meta.Code, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		c, err = oneCode(tx, "resource", resource)
		return err
	})
	return c, err
}

// MerchantCodes implements meta.Codes.
func (s *Store) MerchantCodes(ctx context.Context, merchant string, test bool, after string, limit int) (list []meta.Code, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+codeColumns+` FROM codes WHERE merchant = ? AND test = ? AND code > ? ORDER BY code LIMIT ?`,
			merchant, test, after, limit)
		if err != nil {
			return fmt.Errorf("list authorization codes: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			c, err := scanCode(rows)
			if err != nil {
				return fmt.Errorf("list authorization codes: %w", err)
			}
			list = append(list, c)
		}
		return rows.Err()
	})
	return list, err
}

// ChangeCode implements meta.Codes.
func (s *Store) ChangeCode(ctx context.Context, ch meta.CodeChange) (c meta.Code, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if c, err = oneCode(tx, "code", ch.Code); err != nil {
			return err
		}
		expire := c.Expire
		if !ch.Expire.IsZero() {
			expire = meta.Stamp(ch.Expire)
		}
		if c.State == ch.To && c.Expire.Equal(expire) {
			return nil
		}
		if c.State != ch.To && !slices.Contains(ch.From, c.State) {
			return wrongState(c)
		}
		if _, err := tx.Exec(`UPDATE codes SET state = ?, expire = ? WHERE code = ?`, ch.To, orZero(expire), ch.Code); err != nil {
			return fmt.Errorf("change authorization code: %w", err)
		}
		c.State, c.Expire = ch.To, expire
		return record(tx, ch.Why)
	})
	return c, err
}

func wrongState(c meta.Code) error {
	return meta.Refuse(cloudapi.ErrConflict, "the authorization code is in another state", "code", c.Code, "state", c.State)
}

// owned reads the merchant's codes; the refusal names the one that is not there.
func owned(tx *sql.Tx, merchant string, codes []string) ([]meta.Code, error) {
	list := make([]meta.Code, 0, len(codes))
	for _, code := range codes {
		c, err := oneCode(tx, "code", code)
		if meta.CodeOf(err) == cloudapi.ErrNotFound || err == nil && c.Merchant != merchant {
			return nil, meta.Refuse(cloudapi.ErrNotFound, "there is no such authorization code", "code", code)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// ActivateCodes implements meta.Codes.
func (s *Store) ActivateCodes(ctx context.Context, merchant string, codes []string, effect, now time.Time, ends map[string]time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		list, err := owned(tx, merchant, codes)
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.State != meta.CodeCollected {
				return wrongState(c)
			}
			if _, err := tx.Exec(`UPDATE codes SET state = ?, expire = ?, effect = ?, activated = ? WHERE code = ?`,
				meta.CodeAlive, orZero(ends[c.Code]), millis(effect), millis(now), c.Code); err != nil {
				return fmt.Errorf("activate authorization code: %w", err)
			}
			if err := record(tx, meta.Entry{Org: c.Org, Time: meta.Stamp(now), Action: "code.activated",
				Params: map[string]string{"code": c.Code, "merchant": merchant}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SeeCodes implements meta.Codes.
func (s *Store) SeeCodes(ctx context.Context, merchant string, codes []string, now time.Time) (list []meta.Code, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if list, err = owned(tx, merchant, codes); err != nil {
			return err
		}
		for i := range list {
			if _, err := tx.Exec(`UPDATE codes SET seen = ? WHERE code = ?`, millis(now), list[i].Code); err != nil {
				return fmt.Errorf("note query of a code: %w", err)
			}
			list[i].Seen = meta.Stamp(now)
		}
		return nil
	})
	return list, err
}
