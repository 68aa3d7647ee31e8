package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/merchant"
)

//go:embed book.sql
var tables string

// book is what this ISV knows of its customers: instances and licences, in the database in which
// package merchant keeps what repeated calls return. All methods may be called from several goroutines,
// and each may be repeated with the same arguments, because the marketplace repeats its calls.
type book struct{ db *sql.DB }

var errUnknown = errors.New("there is no such instance")

// instance is what an order line became here.
type instance struct {
	ID     string
	Order  string
	Line   string
	Test   bool
	Seats  int
	Until  time.Time // zero: without an end
	Status string    // active, frozen, released
}

func openBook(ctx context.Context, db *sql.DB) (*book, error) {
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	return &book{db}, nil
}

// add enters an instance with what the call says.
func (b *book) add(ctx context.Context, i instance, a merchant.Attempt) error {
	return b.once(ctx, a, `INSERT INTO instances (id, order_id, line, test, seats, until, status) VALUES (?, ?, ?, ?, ?, ?, 'active')
		ON CONFLICT (id) DO NOTHING`, i.ID, i.Order, i.Line, i.Test, i.Seats, seconds(i.Until))
}

// change writes status, seats and end of an instance.
func (b *book) change(ctx context.Context, i instance, a merchant.Attempt) error {
	return b.once(ctx, a, `UPDATE instances SET status = ?, seats = ?, until = ? WHERE id = ?`, i.Status, i.Seats, seconds(i.Until), i.ID)
}

// once does one statement and records the call in the same transaction: after a crash both are
// there or neither, so that an order line never becomes two instances.
func (b *book) once(ctx context.Context, a merchant.Attempt, statement string, args ...any) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write book: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("write book: %w", err)
	}
	// Calls that only set a status are not kept: they may be done again.
	if err := a.Record(ctx, tx); err != nil && !errors.Is(err, merchant.ErrNotTransactional) {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write book: %w", err)
	}
	return nil
}

// instance reads one; errUnknown.
func (b *book) instance(ctx context.Context, id string) (i instance, err error) {
	var until int64
	err = b.db.QueryRowContext(ctx, `SELECT id, order_id, line, test, seats, until, status FROM instances WHERE id = ?`, id).
		Scan(&i.ID, &i.Order, &i.Line, &i.Test, &i.Seats, &until, &i.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return i, errUnknown
	}
	if err != nil {
		return i, fmt.Errorf("read instance: %w", err)
	}
	i.Until = moment(until)
	return i, nil
}

// number is the number of the licence of an event for a device: the first time a new one, then the same again.
func (b *book) number(ctx context.Context, instance, event, fingerprint string) (n int64, err error) {
	_, err = b.db.ExecContext(ctx, `INSERT INTO licences (event, instance, fingerprint) VALUES (?, ?, ?)
		ON CONFLICT (instance, event, fingerprint) DO NOTHING`, event, instance, fingerprint)
	if err == nil {
		err = b.db.QueryRowContext(ctx, `SELECT number FROM licences WHERE instance = ? AND event = ? AND fingerprint = ?`,
			instance, event, fingerprint).Scan(&n)
	}
	if err != nil {
		return 0, fmt.Errorf("number licence: %w", err)
	}
	return n, nil
}

// seconds and moment are times in the tables: Unix seconds, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
