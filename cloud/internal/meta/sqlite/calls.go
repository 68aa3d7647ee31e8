package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const callColumns = `id, merchant, product, activity, subject, key, body, state, attempts, created, next, ends,
	last_time, last_status, last_result, last_error`

func noCall() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such call") }

func scanCall(r row) (c meta.Call, err error) {
	var created, next, end, last int64
	err = r.Scan(&c.ID, &c.Merchant, &c.Product, &c.Activity, &c.Subject, &c.Key, &c.Body, &c.State, &c.Attempts, &created, &next, &end,
		&last, &c.LastStatus, &c.LastResult, &c.LastError)
	c.Created, c.Next, c.End, c.LastTime = at(created), orNone(next), orNone(end), orNone(last)
	return c, err
}

// addCall puts a call in the queue as part of a command.
func addCall(tx *sql.Tx, c meta.Call) error {
	if _, err := tx.Exec(`INSERT INTO calls (`+callColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, 0, '', '') ON CONFLICT (key) DO NOTHING`,
		c.ID, c.Merchant, c.Product, c.Activity, c.Subject, c.Key, c.Body, meta.CallWaiting, millis(c.Created), orZero(c.Next), orZero(c.End)); err != nil {
		return fmt.Errorf("add call: %w", err)
	}
	return nil
}

// AddCall implements meta.Queue.
func (s *Store) AddCall(ctx context.Context, c meta.Call) error {
	return s.write(ctx, func(tx *sql.Tx) error { return addCall(tx, c) })
}

// dueCalls goes from merchant to merchant by index and takes the first few of each: a backlog of many thousand calls
// costs no more than a few, and one merchant's leaves room for the others. A call waits for the one before it
// on the same subject.
const dueCalls = `WITH RECURSIVE merchants(merchant) AS (
	SELECT min(merchant) FROM calls WHERE state = 'waiting'
	UNION ALL
	SELECT (SELECT min(c.merchant) FROM calls c WHERE c.state = 'waiting' AND c.merchant > m.merchant) FROM merchants m WHERE m.merchant IS NOT NULL)
	SELECT ` + callColumns + ` FROM (
		SELECT d.*, row_number() OVER (PARTITION BY d.merchant ORDER BY d.next, d.seq) AS place FROM merchants m JOIN calls d ON d.seq IN (
			SELECT c.seq FROM calls c WHERE c.state = 'waiting' AND c.merchant = m.merchant AND c.next <= ? AND NOT EXISTS
				(SELECT 1 FROM calls b WHERE b.subject = c.subject AND b.state = 'waiting' AND b.seq < c.seq)
			ORDER BY c.next, c.seq LIMIT ?))
	ORDER BY place, next, seq LIMIT ?`

// NextCalls implements meta.Queue.
func (s *Store) NextCalls(ctx context.Context, now time.Time, each, limit int) (due []meta.Call, next time.Time, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if due, err = all(tx, scanCall, dueCalls, millis(now), each, limit); err != nil {
			return err
		}
		var ms int64
		if err := tx.QueryRow(`SELECT coalesce(min(next), 0) FROM calls WHERE state = 'waiting' AND next > ?`, millis(now)).Scan(&ms); err != nil {
			return fmt.Errorf("look for the next call: %w", err)
		}
		next = orNone(ms)
		return nil
	})
	return due, next, err
}

// AnswerCall implements meta.Queue.
func (s *Store) AnswerCall(ctx context.Context, a meta.CallAnswer) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`UPDATE calls SET attempts = attempts + 1, last_time = ?, last_status = ?, last_result = ?, last_error = ?,
			next = CASE state WHEN 'waiting' THEN ? ELSE next END, state = CASE state WHEN 'waiting' THEN ? ELSE state END WHERE id = ?`,
			millis(a.Time), a.Status, a.Result, a.Error, orZero(a.Next), a.State, a.Call)
		if err != nil {
			return fmt.Errorf("record answer: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, noCall())
		}
		if a.Notice != nil {
			return putNotice(tx, *a.Notice)
		}
		return nil
	})
}

// RestartCall implements meta.Queue.
func (s *Store) RestartCall(ctx context.Context, merchant, id string, now, end time.Time, why meta.Entry) (c meta.Call, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if c, err = one(tx, scanCall, noCall(), `SELECT `+callColumns+` FROM calls WHERE id = ? AND merchant = ?`, id, merchant); err != nil {
			return err
		}
		if c.State != meta.CallFailed {
			return meta.Refuse(cloudapi.ErrConflict, "only a call that has failed can be sent again", "reason", "state", "state", c.State)
		}
		c.State, c.Next, c.End = meta.CallWaiting, meta.Stamp(now), meta.Stamp(end)
		if _, err := tx.Exec(`UPDATE calls SET state = ?, next = ?, ends = ? WHERE id = ?`, c.State, millis(now), millis(end), id); err != nil {
			return fmt.Errorf("restart call: %w", err)
		}
		return record(tx, why)
	})
	return c, err
}

// Call implements meta.Queue.
func (s *Store) Call(ctx context.Context, id string) (c meta.Call, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		c, err = one(tx, scanCall, noCall(), `SELECT `+callColumns+` FROM calls WHERE id = ?`, id)
		return err
	})
	return c, err
}

// Calls implements meta.Queue.
func (s *Store) Calls(ctx context.Context, f meta.CallFilter) (list []meta.Call, err error) {
	q := newest("calls", f.Page).with("merchant", f.Merchant).with("subject", f.Subject).with("state", f.State)
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanCall, q.text(callColumns), q.args...)
		return err
	})
	return list, err
}

// putNotice adds a notice, or lets the one of the same event about the same thing count on. It is
// unread again only by its first row: sixty failures of one call are one thing to read.
func putNotice(tx *sql.Tx, n meta.Notice) error {
	params, err := json.Marshal(n.Params)
	if err != nil {
		return fmt.Errorf("add notice: %w", err)
	}
	if _, err := tx.Exec(`INSERT INTO notices (id, merchant, category, event, about, params, count, time, read) VALUES (?, ?, ?, ?, ?, ?, 1, ?, 0)
		ON CONFLICT (about, event) DO UPDATE SET params = excluded.params, count = count + 1, time = excluded.time`,
		n.ID, n.Merchant, n.Category, n.Event, n.About, string(params), millis(n.Time)); err != nil {
		return fmt.Errorf("add notice: %w", err)
	}
	return nil
}

func scanNotice(r row) (n meta.Notice, err error) {
	var params []byte
	var time, read int64
	if err := r.Scan(&n.ID, &n.Merchant, &n.Category, &n.Event, &n.About, &params, &n.Count, &time, &read); err != nil {
		return n, err
	}
	n.Time, n.Read = at(time), orNone(read)
	return n, json.Unmarshal(params, &n.Params)
}

// Notices implements meta.Queue.
func (s *Store) Notices(ctx context.Context, merchant string, p meta.Page) (list []meta.Notice, err error) {
	q := newest("notices", p).with("merchant", merchant)
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanNotice, q.text(`id, merchant, category, event, about, params, count, time, read`), q.args...)
		return err
	})
	return list, err
}

// ReadNotices implements meta.Queue.
func (s *Store) ReadNotices(ctx context.Context, merchant string, ids []string, now time.Time) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE notices SET read = ? WHERE merchant = ? AND read = 0 AND id IN (SELECT value FROM json_each(?))`,
			millis(now), merchant, string(list)); err != nil {
			return fmt.Errorf("read notices: %w", err)
		}
		return nil
	})
}
