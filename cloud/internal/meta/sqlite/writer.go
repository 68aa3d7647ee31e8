package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// maxBatch bounds how many commands share one transaction, so that none waits long for the rest.
const maxBatch = 256

// errClosed is what a command gets after Close.
var errClosed = errors.New("write database: the store is closed")

// command is one unit of work on its way through the writer.
type command struct {
	ctx  context.Context
	do   func(tx *sql.Tx) error
	err  error
	done chan struct{} // closed when err is final: after the commit, or after the refusal
}

// write runs f as one command: all of it is durable when write returns nil, none of it is
// kept when f returns an error (which write returns as it is). Commands of
// different callers share a transaction, each inside a savepoint of its own, and see what
// those before them did.
//
// f must use tx.Exec, tx.Query and tx.QueryRow, never the forms with a context: an
// interrupted statement would roll back the whole batch. f must not keep tx, must
// close its rows, and must not wait for anything else: it holds up every writer.
// When ctx ends before the turn comes, f does not run. An error of the commit itself
// leaves open whether the command happened; commands are written so that they can be repeated.
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

// run takes whatever is queued as one batch: while a commit waits for the disk, the
// next batch gathers by itself, so no timer is needed.
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
		s.commit(batch)
	}
}

// commit runs a batch in one transaction and tells each command its result after the commit.
func (s *Store) commit(batch []*command) {
	err := s.transact(batch)
	for _, c := range batch {
		if err != nil && c.err == nil {
			c.err = err
		}
		c.err = full(c.err)
		close(c.done)
	}
}

func (s *Store) transact(batch []*command) error {
	tx, err := s.writer.Begin()
	if err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	for _, c := range batch {
		if c.err = context.Cause(c.ctx); c.err != nil {
			continue
		}
		if _, err := tx.Exec("SAVEPOINT command"); err != nil {
			return fmt.Errorf("write database: %w", err)
		}
		if c.err = guard(c.do, tx); c.err != nil {
			// A full disk makes SQLite roll back everything: then there is no savepoint to go back
			// to, and the whole batch has failed.
			if _, err := tx.Exec("ROLLBACK TO command"); err != nil {
				return fmt.Errorf("write database: %w", errors.Join(c.err, err))
			}
		}
		if _, err := tx.Exec("RELEASE command"); err != nil {
			return fmt.Errorf("write database: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit database: %w", err)
	}
	return nil
}

// full names the one failure of the database that a caller can do something about.
func full(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w: %w", meta.Refuse(cloudapi.ErrStorageFull, "the cloud's disk is full"), err)
	}
	return err
}

// guard keeps a defect in one command from ending the writer and everyone else's commands.
func guard(f func(tx *sql.Tx) error, tx *sql.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write database: panic in a command: %v", p)
		}
	}()
	return f(tx)
}
