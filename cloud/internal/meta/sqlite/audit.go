package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// record stores an audit entry inside the command that it tells of; an entry without an
// action is none.
func record(tx *sql.Tx, e meta.Entry) error {
	if e.Action == "" {
		return nil
	}
	params := []byte("{}")
	if len(e.Params) > 0 {
		var err error
		if params, err = json.Marshal(e.Params); err != nil {
			return fmt.Errorf("record %s: %w", e.Action, err)
		}
	}
	if _, err := tx.Exec(`INSERT INTO audit (org, time, account, device, action, params) VALUES (?, ?, ?, ?, ?, ?)`,
		e.Org, millis(e.Time), e.Account, e.Device, e.Action, string(params)); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

// Record implements meta.Trail.
func (s *Store) Record(ctx context.Context, e meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error { return record(tx, e) })
}

// Audit implements meta.Trail.
func (s *Store) Audit(ctx context.Context, org string, after int64, limit int) ([]meta.Entry, error) {
	var out []meta.Entry
	err := s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, org, time, account, device, action, params FROM audit
			WHERE org = ? AND id > ? ORDER BY id LIMIT ?`, org, after, limit)
		if err != nil {
			return fmt.Errorf("list audit: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var e meta.Entry
			var ms int64
			var params []byte
			if err := rows.Scan(&e.ID, &e.Org, &ms, &e.Account, &e.Device, &e.Action, &params); err != nil {
				return fmt.Errorf("list audit: %w", err)
			}
			e.Time = at(ms)
			if err := json.Unmarshal(params, &e.Params); err != nil {
				return fmt.Errorf("list audit: entry %d: %w", e.ID, err)
			}
			if len(e.Params) == 0 {
				e.Params = nil
			}
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}
