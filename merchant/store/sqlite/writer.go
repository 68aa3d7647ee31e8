package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// maxBatch bounds how many commands share one transaction.
const maxBatch = 128

// errClosed is what a command gets after Close.
var errClosed = errors.New("write merchant store: it is closed")

// command is one unit of work on its way through the writer.
type command struct {
	ctx  context.Context
	do   func(tx *sql.Tx) error
	err  error
	done chan struct{} // closed when err is final
}

// write runs f as one command: all of it is durable when write returns nil, nothing of it is kept
// when f returns an error. Commands that wait together share one commit, since waiting for the disk is what
// a call costs most; each stands in a savepoint of its own. f uses the forms without a context, closes its rows and
// waits for nothing.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	c := &command{ctx: ctx, do: f, done: make(chan struct{})}
	if err := s.enqueue(c); err != nil {
		return err
	}
	<-c.done
	return c.err
}

func (s *Store) enqueue(c *command) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.queue <- c:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// run takes whatever is queued as one batch: while a commit waits for the disk, the next gathers.
func (s *Store) run() {
	for first := range s.queue {
		batch := []*command{first}
	gather:
		for len(batch) < maxBatch {
			select {
			case c, open := <-s.queue:
				if !open {
					break gather
				}
				batch = append(batch, c)
			default:
				break gather
			}
		}
		err := s.transact(batch)
		for _, c := range batch {
			if c.err == nil {
				c.err = err
			}
			close(c.done)
		}
	}
}

func (s *Store) transact(batch []*command) error {
	tx, err := s.db.Begin()
	if err != nil {
		return fmt.Errorf("write merchant store: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	for _, c := range batch {
		if c.err = context.Cause(c.ctx); c.err != nil {
			continue
		}
		if _, err := tx.Exec("SAVEPOINT command"); err != nil {
			return fmt.Errorf("write merchant store: %w", err)
		}
		if c.err = guard(c.do, tx); c.err != nil {
			if _, err := tx.Exec("ROLLBACK TO command"); err != nil {
				return fmt.Errorf("write merchant store: %w", errors.Join(c.err, err))
			}
		}
		if _, err := tx.Exec("RELEASE command"); err != nil {
			return fmt.Errorf("write merchant store: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit merchant store: %w", err)
	}
	return nil
}

// guard keeps a defect in one command from ending the ISV's process and everyone else's commands.
func guard(f func(tx *sql.Tx) error, tx *sql.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write merchant store: panic in a command: %v", p)
		}
	}()
	return f(tx)
}
