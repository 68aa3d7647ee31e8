package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// AddClientUse implements meta.Codes.
func (s *Store) AddClientUse(ctx context.Context, uses []meta.ClientUse) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, u := range uses {
			if _, err := tx.Exec(`INSERT INTO client_uses (code, day, client, active) VALUES (?, ?, ?, ?)
				ON CONFLICT (code, day, client) DO UPDATE SET active = max(active, excluded.active)`,
				u.Code, millis(u.Day), u.Client, u.Active); err != nil {
				return fmt.Errorf("note use of a code: %w", err)
			}
		}
		return nil
	})
}

// ClientUses implements meta.Codes.
func (s *Store) ClientUses(ctx context.Context, code string, since time.Time) (days map[time.Time]int, err error) {
	days = map[time.Time]int{}
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT day, max(sum(client <> ''), max(active)) FROM client_uses
			WHERE code = ? AND day >= ? GROUP BY day`, code, millis(since))
		if err != nil {
			return fmt.Errorf("count use of a code: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var day int64
			var n int
			if err := rows.Scan(&day, &n); err != nil {
				return fmt.Errorf("count use of a code: %w", err)
			}
			days[at(day)] = n
		}
		return rows.Err()
	})
	return days, err
}

const usageColumns = `merchant, serial, instance, package, value, record, begins, ends`

func scanUsage(row interface{ Scan(...any) error }) (u meta.Usage, err error) {
	var record, begin, end int64
	err = row.Scan(&u.Merchant, &u.Serial, &u.Instance, &u.Package, &u.Value, &record, &begin, &end)
	u.Record, u.Begin, u.End = at(record), at(begin), at(end)
	return u, err
}

// AddUsage implements meta.Codes.
func (s *Store) AddUsage(ctx context.Context, records []meta.Usage) (conflicts []string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		conflicts = nil
		for _, u := range records {
			u.Record, u.Begin, u.End = meta.Stamp(u.Record), meta.Stamp(u.Begin), meta.Stamp(u.End)
			before, err := scanUsage(tx.QueryRow(`SELECT `+usageColumns+` FROM usages WHERE merchant = ? AND serial = ?`, u.Merchant, u.Serial))
			switch {
			case err == nil && before != u:
				conflicts = append(conflicts, u.Serial)
				continue
			case err == nil:
				continue
			case !errors.Is(err, sql.ErrNoRows):
				return fmt.Errorf("look for usage record: %w", err)
			}
			if _, err := tx.Exec(`INSERT INTO usages (`+usageColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				u.Merchant, u.Serial, u.Instance, u.Package, u.Value, millis(u.Record), millis(u.Begin), millis(u.End)); err != nil {
				return fmt.Errorf("add usage record: %w", err)
			}
		}
		return nil
	})
	return conflicts, err
}

// Usages implements meta.Codes.
func (s *Store) Usages(ctx context.Context, merchant, instance string, limit int) (list []meta.Usage, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+usageColumns+` FROM usages WHERE merchant = ? AND instance = ? ORDER BY begins, serial LIMIT ?`,
			merchant, instance, limit)
		if err != nil {
			return fmt.Errorf("list usage records: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			u, err := scanUsage(rows)
			if err != nil {
				return fmt.Errorf("list usage records: %w", err)
			}
			list = append(list, u)
		}
		return rows.Err()
	})
	return list, err
}
