package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const caseColumns = `c.id, c.merchant, c.product, c.url, c.key, c.scene, c.params, c.instance, c.saved, c.last, c.passed, c.verdict, c.said`

func noCase() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such case") }

func scanCase(r row) (c meta.Case, err error) {
	var saved, last int64
	err = r.Scan(&c.ID, &c.Merchant, &c.Product, &c.URL, &c.Key, &c.Scene, &c.Params, &c.Instance, &saved, &last, &c.Passed, &c.Verdict, &c.Text)
	c.Saved, c.Last = at(saved), orNone(last)
	return c, err
}

// PutCase implements meta.Cases.
func (s *Store) PutCase(ctx context.Context, c meta.Case, why meta.Entry) (out meta.Case, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := merchantKnown(tx, c.Merchant); err != nil {
			return err
		}
		var many int
		if err := tx.QueryRow(`SELECT count(*) FROM cases WHERE merchant = ? AND NOT (product = ? AND url = ? AND scene = ?)`,
			c.Merchant, c.Product, c.URL, c.Scene).Scan(&many); err != nil {
			return fmt.Errorf("count cases: %w", err)
		}
		if many >= meta.MaxCases {
			return meta.Refuse(cloudapi.ErrConflict, "there are too many saved cases", "reason", "cases", "many", strconv.Itoa(meta.MaxCases))
		}
		if _, err := tx.Exec(`INSERT INTO cases (id, merchant, product, url, key, scene, params, instance, saved, last, passed, verdict, said)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (merchant, product, url, scene) DO UPDATE SET key = excluded.key,
			params = excluded.params, instance = excluded.instance, saved = excluded.saved, last = excluded.last, passed = excluded.passed,
			verdict = excluded.verdict, said = excluded.said`,
			c.ID, c.Merchant, c.Product, c.URL, c.Key, c.Scene, c.Params, c.Instance, millis(c.Saved), orZero(c.Last), c.Passed, c.Verdict, c.Text); err != nil {
			return fmt.Errorf("put case: %w", err)
		}
		if out, err = one(tx, scanCase, noCase(), `SELECT `+caseColumns+` FROM cases c WHERE merchant = ? AND product = ? AND url = ? AND scene = ?`,
			c.Merchant, c.Product, c.URL, c.Scene); err != nil {
			return err
		}
		return record(tx, why)
	})
	return out, err
}

// Case implements meta.Cases.
func (s *Store) Case(ctx context.Context, merchant, id string) (c meta.Case, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		c, err = one(tx, scanCase, noCase(), `SELECT `+caseColumns+` FROM cases c WHERE id = ? AND merchant = ?`, id, merchant)
		return err
	})
	return c, err
}

// Cases implements meta.Cases.
func (s *Store) Cases(ctx context.Context, merchant string) (list []meta.Case, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanCase, `SELECT `+caseColumns+` FROM cases c WHERE merchant = ? ORDER BY product, url, seq`, merchant)
		return err
	})
	return list, err
}

// DeleteCase implements meta.Cases.
func (s *Store) DeleteCase(ctx context.Context, merchant, id string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`DELETE FROM cases WHERE id = ? AND merchant = ?`, id, merchant)
		if err != nil {
			return fmt.Errorf("delete case: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, noCase())
		}
		return record(tx, why)
	})
}

// NoteCase implements meta.Cases.
func (s *Store) NoteCase(ctx context.Context, c meta.CaseResult) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE cases SET last = ?, passed = ?, verdict = ?, said = ? WHERE id = ?`,
			millis(c.Time), c.Passed, c.Verdict, c.Text, c.Case); err != nil {
			return fmt.Errorf("note case: %w", err)
		}
		return nil
	})
}

// CasesOnSale implements meta.Cases.
func (s *Store) CasesOnSale(ctx context.Context, slot time.Time) (list []meta.Case, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanCase, `SELECT `+caseColumns+` FROM cases c JOIN listings l ON l.product = c.product AND l.merchant = c.merchant
			WHERE l.on_sale AND c.saved < ? AND NOT EXISTS (SELECT 1 FROM probes p WHERE p.product = c.product AND p.slot >= ?)
			ORDER BY c.product, c.seq`, millis(slot), millis(slot))
		return err
	})
	return list, err
}

// EndProbe implements meta.Cases.
func (s *Store) EndProbe(ctx context.Context, p meta.Probe) (out meta.Probed, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		var slot, failing, day int64
		err := tx.QueryRow(`SELECT slot, failing, day FROM probes WHERE product = ?`, p.Product).Scan(&slot, &failing, &day)
		if err != nil && err != sql.ErrNoRows {
			return fmt.Errorf("read probe: %w", err)
		}
		out = meta.Probed{Slot: orNone(slot), Failing: int(failing)}
		if slot >= millis(p.Slot) {
			return nil
		}
		today := millis(p.Slot.UTC().Truncate(24 * time.Hour))
		switch {
		case p.Passed:
			failing, day = 0, 0
		case day != today:
			failing, day = failing+1, today
		}
		out.Slot, out.Failing = meta.Stamp(p.Slot), int(failing)
		if p.Notice != nil && !p.Passed {
			if err := putNotice(tx, *p.Notice); err != nil {
				return err
			}
		}
		if !p.Passed && p.Days > 0 && out.Failing >= p.Days {
			if failing, err = 0, delist(tx, p); err != nil {
				return err
			}
			out.Delisted = true
		}
		if _, err := tx.Exec(`INSERT INTO probes (product, slot, failing, day) VALUES (?, ?, ?, ?)
			ON CONFLICT (product) DO UPDATE SET slot = excluded.slot, failing = excluded.failing, day = excluded.day`,
			p.Product, millis(p.Slot), failing, day); err != nil {
			return fmt.Errorf("record probe: %w", err)
		}
		return nil
	})
	return out, err
}

// delist takes a listing off sale for its probes, and says so.
func delist(tx *sql.Tx, p meta.Probe) error {
	if _, err := tx.Exec(`UPDATE listings SET on_sale = 0 WHERE product = ? AND merchant = ?`, p.Product, p.Merchant); err != nil {
		return fmt.Errorf("take listing off sale: %w", err)
	}
	if err := putNotice(tx, meta.Notice{ID: meta.NewID("ntc"), Merchant: p.Merchant, Category: meta.NoticeOperation, Event: meta.NoticeDelisted,
		About: p.Product + "@" + p.Slot.UTC().Format(time.RFC3339), Params: map[string]string{"product": p.Product, "days": strconv.Itoa(p.Days)}, Time: p.Now}); err != nil {
		return err
	}
	return record(tx, p.Why)
}
