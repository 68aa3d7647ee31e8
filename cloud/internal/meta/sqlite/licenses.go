package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// AddInstance implements meta.Licenses.
func (s *Store) AddInstance(ctx context.Context, i meta.Instance, why meta.Entry) error {
	if i.Features == nil {
		i.Features = []string{}
	}
	features, err := json.Marshal(i.Features)
	if err != nil {
		return fmt.Errorf("add instance: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := productFor(tx, i.Product, i.Org); err != nil {
			return err
		}
		if err := unlisted(tx, i.Product); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO instances (id, org, product, features, seats, starts, ends, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			i.ID, i.Org, i.Product, string(features), i.Seats, millis(i.From), millis(i.Until), i.Status); err != nil {
			return fmt.Errorf("add instance: %w", err)
		}
		return record(tx, why)
	})
}

const instanceColumns = `i.id, i.org, i.product, i.features, i.seats, i.starts, i.ends, i.status`

func instances(tx *sql.Tx, where string, args ...any) (list []meta.Instance, err error) {
	rows, err := tx.Query(`SELECT `+instanceColumns+` FROM instances i `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i meta.Instance
		var features []byte
		var from, until int64
		if err := rows.Scan(&i.ID, &i.Org, &i.Product, &features, &i.Seats, &from, &until, &i.Status); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		if err := json.Unmarshal(features, &i.Features); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		if len(i.Features) == 0 {
			i.Features = nil
		}
		i.From, i.Until = at(from), at(until)
		list = append(list, i)
	}
	return list, rows.Err()
}

// Instances implements meta.Licenses.
func (s *Store) Instances(ctx context.Context, org string) (list []meta.Instance, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if list, err = instances(tx, `WHERE i.org = ? ORDER BY i.seq`, org); err != nil {
			return err
		}
		place := make(map[string]int, len(list))
		for n, i := range list {
			place[i.ID] = n
		}
		rows, err := tx.QueryContext(ctx, `SELECT s.instance, s.account FROM assignments s JOIN instances i ON i.id = s.instance
			WHERE i.org = ? ORDER BY s.instance, s.account`, org)
		if err != nil {
			return fmt.Errorf("list assignments: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var instance, account string
			if err := rows.Scan(&instance, &account); err != nil {
				return fmt.Errorf("list assignments: %w", err)
			}
			n := place[instance]
			list[n].Assigned = append(list[n].Assigned, account)
		}
		return rows.Err()
	})
	return list, err
}

func noInstance() error {
	return meta.Refuse(cloudapi.ErrNotFound, "there is no such licence instance")
}

// SetInstanceStatus implements meta.Licenses.
func (s *Store) SetInstanceStatus(ctx context.Context, org, instance, status string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`UPDATE instances SET status = ? WHERE id = ? AND org = ?`, status, instance, org)
		if err != nil {
			return fmt.Errorf("set instance's status: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, noInstance())
		}
		return record(tx, why)
	})
}

// seatsNow is how many seats of instances i may be taken: an order that leaves fewer counts from the
// moment it is placed, or people would have more than were bought once it is done.
const seatsNow = `min(i.seats, coalesce((SELECT o.amount FROM resources r JOIN orders o ON o.id = r.pending WHERE r.id = i.id), i.seats))`

// Assign implements meta.Licenses.
func (s *Store) Assign(ctx context.Context, org, instance, account string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		var seats, taken, mine int
		err := tx.QueryRow(`SELECT `+seatsNow+`, (SELECT count(*) FROM assignments s WHERE s.instance = i.id),
			(SELECT count(*) FROM assignments s WHERE s.instance = i.id AND s.account = ?)
			FROM instances i WHERE i.id = ? AND i.org = ?`, account, instance, org).Scan(&seats, &taken, &mine)
		if errors.Is(err, sql.ErrNoRows) {
			return noInstance()
		}
		if err != nil {
			return fmt.Errorf("assign instance: %w", err)
		}
		if _, err := member(tx, org, account); err != nil {
			return err
		}
		if mine > 0 {
			return nil
		}
		if taken >= seats {
			return meta.Refuse(cloudapi.ErrConflict, "all seats of the instance are taken", "reason", "full", "seats", fmt.Sprint(seats))
		}
		if _, err := tx.Exec(`INSERT INTO assignments (instance, account) VALUES (?, ?)`, instance, account); err != nil {
			return fmt.Errorf("assign instance: %w", err)
		}
		return record(tx, why)
	})
}

// Unassign implements meta.Licenses.
func (s *Store) Unassign(ctx context.Context, org, instance, account string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`DELETE FROM assignments WHERE instance = ? AND account = ?
			AND instance IN (SELECT id FROM instances WHERE org = ?)`, instance, account, org)
		if err != nil {
			return fmt.Errorf("unassign instance: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, meta.Refuse(cloudapi.ErrNotFound, "the instance is not assigned to this account"))
		}
		return record(tx, why)
	})
}

// Assigned implements meta.Licenses.
func (s *Store) Assigned(ctx context.Context, account, product string) (list []meta.Instance, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if err := productKnown(tx, product); err != nil {
			return err
		}
		list, err = instances(tx, `JOIN assignments s ON s.instance = i.id WHERE s.account = ? AND i.product = ? ORDER BY i.seq`, account, product)
		return err
	})
	return list, err
}

// grant looks at everything again, because between the question and the command an
// administrator may have frozen the instance or taken the seat back.
func grant(tx *sql.Tx, g meta.Grant) error {
	list, err := instances(tx, `JOIN assignments s ON s.instance = i.id WHERE s.account = ? AND i.id = ?`, g.Account, g.Instance)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return meta.Refuse(cloudapi.ErrLicenseNone, "no licence of this product is assigned to the account")
	}
	if err := list[0].Usable(g.Now); err != nil {
		return err
	}
	var others int
	if err := tx.QueryRow(`SELECT count(*) FROM holds WHERE instance = ? AND account = ? AND device <> ? AND until > ?`,
		g.Instance, g.Account, g.Device, millis(g.Now)).Scan(&others); err != nil {
		return fmt.Errorf("count devices: %w", err)
	}
	if others >= g.Devices {
		return meta.Refuse(cloudapi.ErrLicenseRefused, "the account uses the licence on too many devices", "reason", "devices", "devices", fmt.Sprint(g.Devices))
	}
	if _, err := tx.Exec(`INSERT INTO holds (instance, account, device, until) VALUES (?, ?, ?, ?)
		ON CONFLICT (instance, account, device) DO UPDATE SET until = max(until, excluded.until)`,
		g.Instance, g.Account, g.Device, millis(g.Until)); err != nil {
		return fmt.Errorf("hold license: %w", err)
	}
	return record(tx, g.Why)
}

// Grant implements meta.Licenses.
func (s *Store) Grant(ctx context.Context, g meta.Grant) error {
	return s.write(ctx, func(tx *sql.Tx) error { return grant(tx, g) })
}

// GrantIssued implements meta.Licenses.
func (s *Store) GrantIssued(ctx context.Context, g meta.Grant, i meta.Issued) (content string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := grant(tx, g); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO issued (key, content, created) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING`,
			i.Key[:], i.Content, millis(g.Now)); err != nil {
			return fmt.Errorf("keep license: %w", err)
		}
		if err := tx.QueryRow(`SELECT content FROM issued WHERE key = ?`, i.Key[:]).Scan(&content); err != nil {
			return fmt.Errorf("keep license: %w", err)
		}
		return nil
	})
	return content, err
}

// Report implements meta.Licenses.
func (s *Store) Report(ctx context.Context, account, report string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`INSERT INTO reports (account, report, time) VALUES (?, ?, ?) ON CONFLICT (account, report) DO NOTHING`,
			account, report, millis(why.Time))
		if err != nil {
			return fmt.Errorf("note report: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return record(tx, why)
	})
}
