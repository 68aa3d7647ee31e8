package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/iscdesk/iscdesk/merchant/store"
)

const columns = `key, instance_id, attempts, state, ordered, digest, request, kept, answer, owed_since, due`

// scan reads a row. A turn that is not ended shows in Store.held only, or belongs to a dead process.
func scan(row interface{ Scan(into ...any) error }) (s store.State, found bool, err error) {
	var id sql.NullString
	var state string
	var since, due sql.NullInt64
	err = row.Scan(&s.Key, &id, &s.Attempt, &state, &s.Ordered, &s.Digest, &s.Request, &s.Kept, &s.Answer, &since, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return store.State{}, false, nil
	}
	if err != nil {
		return store.State{}, false, fmt.Errorf("read call: %w", err)
	}
	s.InstanceID = id.String
	s.Cut = state == "begun" || state == "open"
	if since.Valid {
		s.Since, s.Due = time.UnixMilli(since.Int64), time.UnixMilli(due.Int64)
	}
	if state == "done" {
		s.Turn = store.Done
	}
	return s, true, nil
}

// Begin implements store.Store.
func (s *Store) Begin(ctx context.Context, b store.Begin) (state store.State, err error) {
	// A key is held before its row says begun: otherwise a second Begin could take the row for a dead process's.
	if !s.hold(b.Key) {
		return s.elsewhere(ctx, b.Key)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		state, err = begin(tx, b)
		return err
	})
	if err != nil || state.Turn != store.Yours {
		s.release(b.Key)
	}
	return state, err
}

func (s *Store) hold(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key] {
		return false
	}
	s.held[key] = true
	return true
}

func (s *Store) release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, key)
}

func (s *Store) holds(key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.held[key]
}

// elsewhere is the state of a key that another caller of this process holds. It may have finished since.
func (s *Store) elsewhere(ctx context.Context, key string) (store.State, error) {
	state, _, err := scan(s.db.QueryRowContext(ctx, `SELECT `+columns+` FROM merchant_calls WHERE key = ?`, key))
	if err == nil && state.Turn != store.Done {
		state.Turn = store.Elsewhere
	}
	return state, err
}

func begin(tx *sql.Tx, b store.Begin) (store.State, error) {
	state, found, err := scan(tx.QueryRow(`SELECT `+columns+` FROM merchant_calls WHERE key = ?`, b.Key))
	if err != nil || state.Turn == store.Done && !b.Owed {
		return state, err
	}
	now := sql.NullInt64{Int64: b.Now.UnixMilli(), Valid: b.Owed}
	if found {
		state.Turn, state.Cut = store.Yours, true
		state.Attempt++
		if b.Owed && state.Since.IsZero() {
			state.Since, state.Due = b.Now, b.Now
		}
		if state.Request == nil {
			state.Request = b.Request
		}
		if _, err := tx.Exec(`UPDATE merchant_calls SET state = 'begun', attempts = ?, request = coalesce(request, ?), owed_since = coalesce(owed_since, ?),
			due = coalesce(due, ?) WHERE key = ?`, state.Attempt, b.Request, now, now, b.Key); err != nil {
			return state, fmt.Errorf("begin call: %w", err)
		}
		return state, nil
	}
	state = store.State{Key: b.Key, InstanceID: b.InstanceID, Attempt: 1, Cut: true, Digest: b.Digest, Request: b.Request}
	if b.Owed {
		state.Since, state.Due = b.Now, b.Now
	}
	if state.InstanceID != "" {
		var taken bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM merchant_calls WHERE instance_id = ?)`, b.InstanceID).Scan(&taken); err != nil {
			return state, fmt.Errorf("begin call: %w", err)
		}
		if taken {
			state.InstanceID = b.SpareID
		}
	}
	_, err = tx.Exec(`INSERT INTO merchant_calls (key, test, digest, instance_id, attempts, state, created, request, owed_since, due)
		VALUES (?, ?, ?, ?, 1, 'begun', ?, ?, ?, ?)`,
		b.Key, b.Test, b.Digest, sql.NullString{String: state.InstanceID, Valid: state.InstanceID != ""}, b.Now.UnixMilli(), b.Request, now, now)
	if err != nil {
		return state, fmt.Errorf("begin call: %w", err)
	}
	return state, nil
}

// Keep implements store.Store.
func (s *Store) Keep(ctx context.Context, key string, made []byte) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE merchant_calls SET kept = ? WHERE key = ? AND kept IS NULL`, made, key); err != nil {
			return fmt.Errorf("keep call's result: %w", err)
		}
		return nil
	})
}

// Finish implements store.Store.
func (s *Store) Finish(ctx context.Context, f store.Finish) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		return finish(func(q string, args ...any) error {
			_, err := tx.Exec(q, args...)
			return err
		}, f)
	})
	if err == nil {
		s.release(f.Key)
	}
	return err
}

// FinishIn implements store.Transactional. tx is one of the database that Use was given.
func (s *Store) FinishIn(ctx context.Context, tx store.Execer, f store.Finish) error {
	return finish(func(q string, args ...any) error {
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	}, f)
}

func finish(exec func(q string, args ...any) error, f store.Finish) error {
	state := "done"
	if f.Open {
		state = "ordered"
	}
	// What the request held, say a fingerprint, is not kept longer than it is needed.
	if err := exec(`UPDATE merchant_calls SET state = ?, ordered = ordered OR ?, answer = ?, done = ?, request = CASE WHEN ? THEN request END,
		owed_since = NULL, due = NULL WHERE key = ? AND state <> 'done'`,
		state, f.Open, f.Answer, f.Now.UnixMilli(), f.Open, f.Key); err != nil {
		return fmt.Errorf("finish call: %w", err)
	}
	return nil
}

// GiveUp implements store.Store.
func (s *Store) GiveUp(ctx context.Context, key string, again time.Time) error {
	due := sql.NullInt64{Int64: again.UnixMilli(), Valid: !again.IsZero()}
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE merchant_calls SET state = 'open', owed_since = CASE WHEN ? IS NOT NULL THEN owed_since END,
			due = CASE WHEN owed_since IS NOT NULL THEN ? END WHERE key = ? AND state = 'begun'`, due, due, key); err != nil {
			return fmt.Errorf("give up call: %w", err)
		}
		return nil
	})
	// Also when the disk refuses: nobody works on the key, and a row that still says begun is taken over.
	s.release(key)
	return err
}

// Owed implements store.Store.
func (s *Store) Owed(ctx context.Context, limit int) ([]store.State, error) {
	s.mu.RLock()
	held := maps.Clone(s.held)
	s.mu.RUnlock()
	rows, err := s.db.QueryContext(ctx, `SELECT key, instance_id, attempts, state, ordered, digest, request, NULL, NULL, owed_since, due
		FROM merchant_calls WHERE due IS NOT NULL ORDER BY due LIMIT ?`, limit+len(held))
	if err != nil {
		return nil, fmt.Errorf("list owed calls: %w", err)
	}
	defer rows.Close()
	var out []store.State
	for len(out) < limit && rows.Next() {
		state, _, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if !held[state.Key] {
			out = append(out, state)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list owed calls: %w", err)
	}
	return out, nil
}

// Find implements store.Store.
func (s *Store) Find(ctx context.Context, test bool, instanceID string) (store.State, bool, error) {
	var key string
	err := s.db.QueryRowContext(ctx, `SELECT key FROM merchant_calls WHERE instance_id = ? AND test = ?`, instanceID, test).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return store.State{}, false, nil
	}
	if err != nil {
		return store.State{}, false, fmt.Errorf("find instance: %w", err)
	}
	held := s.holds(key)
	state, found, err := scan(s.db.QueryRowContext(ctx, `SELECT `+columns+` FROM merchant_calls WHERE key = ?`, key))
	if held && state.Turn != store.Done {
		state.Turn = store.Elsewhere
	}
	return state, found, err
}

// Remember implements store.Store.
func (s *Store) Remember(ctx context.Context, nonce string, until, now time.Time) (fresh bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`DELETE FROM merchant_nonces WHERE until < ?`, now.UnixMilli()); err != nil {
			return fmt.Errorf("forget nonces: %w", err)
		}
		r, err := tx.Exec(`INSERT INTO merchant_nonces (nonce, until) VALUES (?, ?) ON CONFLICT DO NOTHING`, nonce, until.UnixMilli())
		if err != nil {
			return fmt.Errorf("remember nonce: %w", err)
		}
		n, err := r.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh, err
}
