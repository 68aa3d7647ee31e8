package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const deviceColumns = `id, thumb, key, name, platform, identity, created, seen`

func scanDevice(row *sql.Row) (d meta.Device, err error) {
	var created, seen int64
	err = row.Scan(&d.ID, &d.Thumb, &d.Key, &d.Name, &d.Platform, &d.Identity, &created, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return meta.Device{}, meta.Refuse(cloudapi.ErrNotFound, "there is no such device")
	}
	if err != nil {
		return meta.Device{}, fmt.Errorf("read device: %w", err)
	}
	d.Created, d.Seen = at(created), at(seen)
	return d, nil
}

// useNonce lets a proof through once.
func useNonce(tx *sql.Tx, n meta.Nonce) error {
	r, err := tx.Exec(`INSERT INTO nonces (hash, expires) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, n.Hash[:], millis(n.Expires))
	if err != nil {
		return fmt.Errorf("use nonce: %w", err)
	}
	if rows, err := r.RowsAffected(); err != nil || rows == 0 {
		return firstOf(err, meta.Refuse(cloudapi.ErrUnauthenticated, "the proof was used before", "reason", "replay"))
	}
	return nil
}

// Enrol implements meta.Devices.
func (s *Store) Enrol(ctx context.Context, d meta.Device, n meta.Nonce, why meta.Entry) (stored meta.Device, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := useNonce(tx, n); err != nil {
			return err
		}
		var err error
		stored, err = scanDevice(tx.QueryRow(`INSERT INTO devices (`+deviceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (thumb) DO UPDATE SET name = excluded.name, platform = excluded.platform, identity = excluded.identity, seen = excluded.seen
			RETURNING `+deviceColumns, d.ID, d.Thumb, d.Key, d.Name, d.Platform, d.Identity, millis(d.Created), millis(d.Seen)))
		if err != nil {
			return err
		}
		why.Device = stored.ID
		return record(tx, why)
	})
	return stored, err
}

// Device implements meta.Devices.
func (s *Store) Device(ctx context.Context, id string) (d meta.Device, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		d, err = scanDevice(tx.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE id = ?`, id))
		return err
	})
	return d, err
}

// DeviceToken implements meta.Devices.
func (s *Store) DeviceToken(ctx context.Context, t meta.Token, n meta.Nonce) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := useNonce(tx, n); err != nil {
			return err
		}
		r, err := tx.Exec(`UPDATE devices SET seen = ? WHERE id = ?`, millis(t.Created), t.Device)
		if err != nil {
			return fmt.Errorf("note device: %w", err)
		}
		if rows, err := r.RowsAffected(); err != nil || rows == 0 {
			return firstOf(err, meta.Refuse(cloudapi.ErrNotFound, "there is no such device"))
		}
		return putToken(tx, t)
	})
}
