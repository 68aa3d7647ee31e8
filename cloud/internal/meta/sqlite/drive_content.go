package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// askBatch bounds how many ids one query looks up.
const askBatch = 4096

// Permit looks at a transfer token's scope as its owner's role is now.
func (s *Store) Permit(ctx context.Context, who meta.Who, sc meta.Scope) (ended bool, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if _, err := permit(tx, who, sc); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM commits WHERE account = ? AND operation = ?)`,
			who.Account, sc.Operation).Scan(&ended)
	})
	return ended, err
}

func permit(tx *sql.Tx, who meta.Who, sc meta.Scope) (space, error) {
	need := cloudapi.RoleViewer
	if sc.Write {
		need = cloudapi.RoleEditor
	}
	sp, err := spaceOf(tx, who, sc.Space, need)
	if err != nil || sc.Object == "" {
		return sp, err
	}
	it, _, err := objectOf(tx, who, sc.Object, need)
	if err == nil && it.Space != sp.ID {
		err = errHidden("object")
	}
	return sp, err
}

// spaceSeq is for commands that were permitted before.
func spaceSeq(tx *sql.Tx, id string) (seq int64, err error) {
	err = tx.QueryRow(`SELECT seq FROM spaces WHERE id = ?`, id).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errHidden("space")
	}
	if err != nil {
		return 0, fmt.Errorf("find space: %w", err)
	}
	return seq, nil
}

// Missing returns the ids that the space does not hold.
func (s *Store) Missing(ctx context.Context, space string, ids []meta.Hash) ([]meta.Hash, error) {
	var out []meta.Hash
	err := s.read(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(ids, askBatch) {
			rows, err := tx.Query(`SELECT j.key FROM json_each(?) j
				WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.space = ? AND c.id = unhex(j.value)) ORDER BY j.key`, hexes(part), seq)
			if err != nil {
				return fmt.Errorf("look up chunks: %w", err)
			}
			for rows.Next() {
				var i int
				if err := rows.Scan(&i); err != nil {
					return errors.Join(err, rows.Close())
				}
				out = append(out, part[i])
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return fmt.Errorf("look up chunks: %w", err)
			}
		}
		return nil
	})
	return out, err
}

// locate answers ids (a JSON list) from the packs with content of one object's versions. The CROSS
// JOINs hold SQLite to the order: ids, then each chunk by its key. Left to itself it goes through
// all chunks of the packs for each id. Placeholders: object, space, ids, space.
const locate = `WITH mine AS MATERIALIZED (
		SELECT n.pack FROM items i JOIN versions v ON v.item = i.seq JOIN needs n ON n.manifest = v.manifest
		WHERE i.id = ? AND i.space = ?)
	SELECT j.key, p.sum, c.place, c.stored, c.size FROM json_each(?) j
	CROSS JOIN chunks c ON c.space = ? AND c.id = unhex(j.value) CROSS JOIN packs p ON p.seq = c.pack
	WHERE +c.pack IN mine ORDER BY j.key`

// Locate finds chunks among the packs of an object.
func (s *Store) Locate(ctx context.Context, space, object string, ids []meta.Hash) ([]meta.Location, error) {
	var out []meta.Location
	err := s.read(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		rows, err := tx.Query(locate, object, seq, hexes(ids), seq)
		if err != nil {
			return fmt.Errorf("locate chunks: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var i int
			var l meta.Location
			var sum []byte
			if err := rows.Scan(&i, &sum, &l.Offset, &l.Stored, &l.Size); err != nil {
				return fmt.Errorf("locate chunks: %w", err)
			}
			if l.Pack, err = hashOf(sum); err != nil {
				return err
			}
			l.ID = ids[i]
			out = append(out, l)
		}
		return rows.Err()
	})
	return out, err
}

// HasPack says whether the index has the pack.
func (s *Store) HasPack(ctx context.Context, space string, sum meta.Hash) (bool, error) {
	return s.ask(ctx, `SELECT EXISTS (SELECT 1 FROM packs p JOIN spaces s ON s.seq = p.space
		WHERE s.id = ? AND p.sum = ?)`, space, sum[:])
}

// PackOf says whether the pack holds content of the object.
func (s *Store) PackOf(ctx context.Context, space, object string, sum meta.Hash) (bool, error) {
	return s.ask(ctx, `SELECT EXISTS (SELECT 1 FROM packs p JOIN spaces s ON s.seq = p.space
		JOIN items i ON i.space = s.seq JOIN versions v ON v.item = i.seq
		JOIN needs n ON n.manifest = v.manifest AND n.pack = p.seq
		WHERE s.id = ? AND p.sum = ? AND i.id = ?)`, space, sum[:], object)
}

// ManifestOf says whether the manifest is one of the object's versions.
func (s *Store) ManifestOf(ctx context.Context, space, object string, sum meta.Hash) (bool, error) {
	return s.ask(ctx, `SELECT EXISTS (SELECT 1 FROM manifests m JOIN spaces s ON s.seq = m.space
		JOIN items i ON i.space = s.seq JOIN versions v ON v.item = i.seq AND v.manifest = m.seq
		WHERE s.id = ? AND m.sum = ? AND i.id = ?)`, space, sum[:], object)
}

func (s *Store) ask(ctx context.Context, query string, args ...any) (yes bool, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error { return tx.QueryRow(query, args...).Scan(&yes) })
	if err != nil {
		return false, fmt.Errorf("ask the index: %w", err)
	}
	return yes, nil
}

// AddPack indexes a stored pack.
func (s *Store) AddPack(ctx context.Context, space string, p meta.Pack) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		var pack int64
		err = tx.QueryRow(`INSERT INTO packs (space, sum, size) VALUES (?, ?, ?) ON CONFLICT (space, sum) DO NOTHING RETURNING seq`,
			seq, p.Sum[:], p.Size).Scan(&pack)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // indexed before, with all its chunks: one command adds both
		}
		if err != nil {
			return fmt.Errorf("add pack: %w", err)
		}
		add, err := tx.Prepare(`INSERT INTO chunks (space, id, pack, place, stored, size) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (space, id) DO NOTHING`)
		if err != nil {
			return fmt.Errorf("add pack: %w", err)
		}
		defer add.Close()
		for _, c := range p.Chunks {
			if _, err := add.Exec(seq, c.ID[:], pack, c.Offset, c.Stored, c.Size); err != nil {
				return fmt.Errorf("add pack: %w", err)
			}
		}
		return nil
	})
}
