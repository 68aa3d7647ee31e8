package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// objectOf finds an object with the space it lies in, and refuses a role below need.
func objectOf(tx *sql.Tx, who meta.Who, id, need string) (item, space, error) {
	it, err := scanItem(tx.QueryRow(`SELECT `+itemColumns+` WHERE i.id = ? AND i.rank = 1`, millis(who.Now), id))
	if errors.Is(err, sql.ErrNoRows) {
		return it, space{}, errHidden("object")
	}
	if err != nil {
		return it, space{}, fmt.Errorf("find object: %w", err)
	}
	sp, err := spaceOf(tx, who, it.Space, need)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		err = errHidden("object") // the same words as for an object that is not there
	}
	return it, sp, err
}

// Object finds an object and where it is.
func (s *Store) Object(ctx context.Context, who meta.Who, object string) (meta.Place, error) {
	var p meta.Place
	err := s.read(ctx, func(tx *sql.Tx) error {
		it, sp, err := objectOf(tx, who, object, cloudapi.RoleViewer)
		if err != nil {
			return err
		}
		p.Space, p.Item = sp.Space, it.Item
		if p.Path, err = pathTo(tx, who, it.parent); err != nil {
			return err
		}
		if len(p.Path) > 0 {
			p.Item.Parent = p.Path[len(p.Path)-1].ID
		}
		return nil
	})
	return p, err
}

// Versions lists versions, newest first.
func (s *Store) Versions(ctx context.Context, who meta.Who, object string, before int64, limit int) ([]meta.Version, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	var out []meta.Version
	err := s.read(ctx, func(tx *sql.Tx) error {
		it, _, err := objectOf(tx, who, object, cloudapi.RoleViewer)
		if err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT v.number, m.sum, v.size, v.created, v.by, v.device, v.machine
			FROM versions v JOIN manifests m ON m.seq = v.manifest
			WHERE v.item = ? AND v.number < ? ORDER BY v.number DESC LIMIT ?`, it.seq, before, limit)
		if err != nil {
			return fmt.Errorf("list versions: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var v meta.Version
			var sum []byte
			var created int64
			if err := rows.Scan(&v.Number, &sum, &v.Size, &created, &v.By, &v.Device, &v.Machine); err != nil {
				return fmt.Errorf("list versions: %w", err)
			}
			if v.Manifest, err = hashOf(sum); err != nil {
				return err
			}
			v.Created = at(created)
			out = append(out, v)
		}
		return rows.Err()
	})
	return out, err
}
