// Package sqlite is the embedded metadata back end: one file, one writer with
// group commit, a pool of readers, migrations in the binary. The cloud's wiring and
// tests open it; everyone else sees meta.Store. It never lets a second goroutine
// write, and never acknowledges a command before its transaction is on disk.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver, in Go: no C compiler on the operator's machine
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is how many queries may run beside the writer.
const readers = 8

// Store is an open database. It implements meta.Store.
type Store struct {
	writer *sql.DB // one connection, used by the writer goroutine only
	reader *sql.DB
	queue  chan *command
	ended  chan struct{} // closed when the writer goroutine has returned

	// mu guards closed: a command must not be queued once Close has begun.
	mu     sync.RWMutex
	closed bool
}

// Open opens or makes the database file at path, brings its tables up to date, and
// starts the writer. Close ends it.
func Open(ctx context.Context, path string) (*Store, error) {
	// The file is made before SQLite would make it, because its journal files take over
	// the mode of the file and none of them may be readable by others.
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w, err := sql.Open("sqlite", dsn(path, "immediate", false))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w.SetMaxOpenConns(1)
	if err := migrate(ctx, w); err != nil {
		w.Close()
		return nil, err
	}
	r, err := sql.Open("sqlite", dsn(path, "deferred", true))
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	r.SetMaxOpenConns(readers)
	r.SetMaxIdleConns(readers)
	s := &Store{writer: w, reader: r, queue: make(chan *command, maxBatch), ended: make(chan struct{})}
	go func() { // ends when Close closes the queue; Close waits for ended
		defer close(s.ended)
		s.run()
	}()
	return s, nil
}

// dsn spells the pragmas. synchronous=FULL makes a commit durable in WAL mode; foreign
// keys are off by default in SQLite.
func dsn(path, lock string, readOnly bool) string {
	q := url.Values{"_txlock": {lock}}
	for _, p := range []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(ON)", "temp_store(MEMORY)"} {
		q.Add("_pragma", p)
	}
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String()
}

func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// Close waits for the accepted commands, then closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	<-s.ended
	rerr := s.reader.Close()
	if err := s.writer.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return rerr
}

// read runs f in a read-only transaction: all queries in it see one state. It does not
// wait for the writer.
func (s *Store) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	defer tx.Rollback() // nothing was written
	return f(tx)
}

// millis and at are how times stand in the tables: Unix milliseconds.
func millis(t time.Time) int64 { return t.UnixMilli() }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
