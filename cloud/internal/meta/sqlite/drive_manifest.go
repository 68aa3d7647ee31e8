package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// AddManifest notes a stored manifest.
func (s *Store) AddManifest(ctx context.Context, space string, m meta.Manifest) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO manifests (space, sum, kind, size) VALUES (?, ?, ?, ?) ON CONFLICT (space, sum) DO NOTHING`,
			seq, m.Sum[:], m.Kind, m.Size)
		if err != nil {
			return fmt.Errorf("add manifest: %w", err)
		}
		return nil
	})
}

// Manifest reads what was noted.
func (s *Store) Manifest(ctx context.Context, space string, sum meta.Hash) (meta.Manifest, error) {
	var m meta.Manifest
	err := s.read(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err == nil {
			_, m, err = manifestOf(tx, seq, sum)
		}
		return err
	})
	return m, err
}

func manifestOf(tx *sql.Tx, space int64, sum meta.Hash) (seq int64, m meta.Manifest, err error) {
	m.Sum = sum
	err = tx.QueryRow(`SELECT seq, kind, size, complete FROM manifests WHERE space = ? AND sum = ?`, space, sum[:]).
		Scan(&seq, &m.Kind, &m.Size, &m.Complete)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, m, errHidden("manifest")
	}
	if err != nil {
		return 0, m, fmt.Errorf("find manifest: %w", err)
	}
	return seq, m, nil
}

// Complete looks all chunks up beside the writer, which a large manifest would hold up for
// long, and then notes what it found. That is sound because no row of the index is ever
// removed between the two.
func (s *Store) Complete(ctx context.Context, space string, sum meta.Hash, refs []meta.ChunkRef) error {
	packs := make(map[int64]bool)
	missing := 0
	err := s.read(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(refs, askBatch) {
			n, err := lookUp(tx, seq, part, packs)
			if err != nil {
				return err
			}
			missing += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	if missing > 0 {
		return errMissing(missing)
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		seq, err := spaceSeq(tx, space)
		if err != nil {
			return err
		}
		manifest, _, err := manifestOf(tx, seq, sum)
		if err != nil {
			return err
		}
		for pack := range packs {
			if _, err := tx.Exec(`INSERT INTO needs (manifest, pack) VALUES (?, ?) ON CONFLICT DO NOTHING`, manifest, pack); err != nil {
				return fmt.Errorf("complete manifest: %w", err)
			}
		}
		if _, err := tx.Exec(`UPDATE manifests SET complete = 1 WHERE seq = ?`, manifest); err != nil {
			return fmt.Errorf("complete manifest: %w", err)
		}
		return nil
	})
}

func errMissing(n int) error {
	return meta.Refuse(cloudapi.ErrChunksMissing, "the manifest names chunks that are not stored", "missing", strconv.Itoa(n))
}

// lookUp adds the packs of refs and counts those that are not stored. A chunk that is stored
// with another length than the manifest states makes the manifest wrong.
func lookUp(tx *sql.Tx, space int64, refs []meta.ChunkRef, packs map[int64]bool) (missing int, err error) {
	ids := make([]meta.Hash, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	rows, err := tx.Query(`SELECT j.key, c.pack, c.size FROM json_each(?) j
		LEFT JOIN chunks c ON c.space = ? AND c.id = unhex(j.value)`, hexes(ids), space)
	if err != nil {
		return 0, fmt.Errorf("look up chunks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var pack, size sql.NullInt64
		if err := rows.Scan(&i, &pack, &size); err != nil {
			return 0, fmt.Errorf("look up chunks: %w", err)
		}
		switch {
		case !pack.Valid:
			missing++
		case size.Int64 != refs[i].Size:
			return 0, meta.Refuse(cloudapi.ErrContentDamaged, "the manifest states a wrong length for a chunk")
		default:
			packs[pack.Int64] = true
		}
	}
	return missing, rows.Err()
}
