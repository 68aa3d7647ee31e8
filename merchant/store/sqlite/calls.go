package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/merchant/store"
)

const columns = `instance_id, attempts, state, ordered, digest, kept, answer`

// scan reads a row. A turn that is not ended shows in Store.held only, or belongs to a dead process.
func scan(row *sql.Row) (s store.State, found bool, err error) {
	var id sql.NullString
	var state string
	err = row.Scan(&id, &s.Attempt, &state, &s.Ordered, &s.Digest, &s.Kept, &s.Answer)
	if errors.Is(err, sql.ErrNoRows) {
		return store.State{}, false, nil
	}
	if err != nil {
		return store.State{}, false, fmt.Errorf("read call: %w", err)
	}
	s.InstanceID = id.String
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
	if err != nil || state.Turn == store.Done {
		return state, err
	}
	if found {
		state.Attempt++
		if _, err := tx.Exec(`UPDATE merchant_calls SET state = 'begun', attempts = ? WHERE key = ?`, state.Attempt, b.Key); err != nil {
			return state, fmt.Errorf("begin call: %w", err)
		}
		return state, nil
	}
	state = store.State{InstanceID: b.InstanceID, Attempt: 1, Digest: b.Digest}
	if state.InstanceID != "" {
		var taken bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM merchant_calls WHERE instance_id = ?)`, b.InstanceID).Scan(&taken); err != nil {
			return state, fmt.Errorf("begin call: %w", err)
		}
		if taken {
			state.InstanceID = b.SpareID
		}
	}
	_, err = tx.Exec(`INSERT INTO merchant_calls (key, test, digest, instance_id, attempts, state, created) VALUES (?, ?, ?, ?, 1, 'begun', ?)`,
		b.Key, b.Test, b.Digest, sql.NullString{String: state.InstanceID, Valid: state.InstanceID != ""}, b.Now.UnixMilli())
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
	if err := exec(`UPDATE merchant_calls SET state = ?, ordered = ordered OR ?, answer = ?, done = ? WHERE key = ? AND state <> 'done'`,
		state, f.Open, f.Answer, f.Now.UnixMilli(), f.Key); err != nil {
		return fmt.Errorf("finish call: %w", err)
	}
	return nil
}

// GiveUp implements store.Store.
func (s *Store) GiveUp(ctx context.Context, key string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE merchant_calls SET state = 'open' WHERE key = ? AND state = 'begun'`, key); err != nil {
			return fmt.Errorf("give up call: %w", err)
		}
		return nil
	})
	// Also when the disk refuses: nobody works on the key, and a row that still says begun is taken over.
	s.release(key)
	return err
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
