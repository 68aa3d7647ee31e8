package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func noTestEvent() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such test event") }

func scanTestEvent(r row) (e meta.TestEvent, err error) {
	var created, received int64
	var sum []byte
	err = r.Scan(&e.Event, &e.Merchant, &created, &received, &e.Type, &e.FileName, &e.Size, &sum, &e.Head, &e.Repeats, &e.Others)
	e.Created, e.Received = at(created), orNone(received)
	copy(e.Sum[:], sum)
	return e, err
}

func testEvent(tx *sql.Tx, merchant, event string) (meta.TestEvent, error) {
	return one(tx, scanTestEvent, noTestEvent(), `SELECT event, merchant, created, received, type, file_name, size, sum, head, repeats, others
		FROM test_events WHERE event = ? AND merchant = ?`, event, merchant)
}

// AddTestEvent implements meta.Cases.
func (s *Store) AddTestEvent(ctx context.Context, merchant, event string, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := merchantKnown(tx, merchant); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO test_events (event, merchant, created, received, type, file_name, size, sum, head, repeats, others)
			VALUES (?, ?, ?, 0, '', '', 0, x'', x'', 0, 0) ON CONFLICT (event) DO NOTHING`, event, merchant, millis(now)); err != nil {
			return fmt.Errorf("add test event: %w", err)
		}
		if _, err := tx.Exec(`DELETE FROM test_events WHERE merchant = ? AND seq NOT IN
			(SELECT seq FROM test_events WHERE merchant = ? ORDER BY seq DESC LIMIT ?)`, merchant, merchant, meta.MaxTestEvents); err != nil {
			return fmt.Errorf("forget test events: %w", err)
		}
		return nil
	})
}

// TestEvent implements meta.Cases.
func (s *Store) TestEvent(ctx context.Context, merchant, event string) (e meta.TestEvent, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		e, err = testEvent(tx, merchant, event)
		return err
	})
	return e, err
}

// DeliverTest implements meta.Cases.
func (s *Store) DeliverTest(ctx context.Context, u meta.Upload) error {
	other := false
	err := s.write(ctx, func(tx *sql.Tx) error {
		other = false
		e, err := testEvent(tx, u.Merchant, u.Event)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(u.Content)
		switch {
		case e.Received.IsZero():
			_, err = tx.Exec(`UPDATE test_events SET received = ?, type = ?, file_name = ?, size = ?, sum = ?, head = ? WHERE event = ?`,
				millis(u.Now), u.Type, u.FileName, len(u.Content), sum[:], u.Content[:min(len(u.Content), meta.MaxTestHead)], u.Event)
		case e.Sum == sum:
			_, err = tx.Exec(`UPDATE test_events SET repeats = repeats + 1 WHERE event = ?`, u.Event)
		default:
			other = true // the count is kept, so the refusal comes after the commit
			_, err = tx.Exec(`UPDATE test_events SET others = others + 1 WHERE event = ?`, u.Event)
		}
		if err != nil {
			return fmt.Errorf("take test licence: %w", err)
		}
		return nil
	})
	if err == nil && other {
		return undeliverable("the test event has its licence already, with other bytes", meta.UploadOther)
	}
	return err
}
