// Package sqlite is the store of one production server on one machine: a file of its own (Open), or
// tables in an SQLite database that the ISV has anyway (Use), so that the ISV's writes and
// the record of a call can be one transaction. An ISV's program opens it and gives it to package merchant.
//
// One process at a time has the file; a second one that opens it is refused. So a turn
// that was begun and not finished, and that this process did not begin, belongs to a process
// that is dead. It never acknowledges anything that is not on the disk (WAL, synchronous=FULL).
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver, in Go: no C compiler on the ISV's machine
)

//go:embed migrations/*.sql
var migrations embed.FS

// versions is goose's own table, apart from one that the ISV's migrations may have.
const versions = "merchant_versions"

// Store implements store.Store and store.Transactional.
type Store struct {
	db    *sql.DB
	own   bool    // Close closes db
	lock  *sql.DB // holds the lock file; nil for a database in memory
	queue chan *command
	ended chan struct{} // closed when the writer goroutine has returned

	// mu guards closed and held: keys whose turn this process has.
	mu     sync.RWMutex
	closed bool
	held   map[string]bool
}

// Open opens or makes the database file at path, for a store that has a file of its own. The file and
// its lock file beside it (path + ".lock") are readable by their owner only: licences lie in it.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := private(filepath.Clean(path)); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", DSN(path))
	if err != nil {
		return nil, fmt.Errorf("open merchant store: %w", err)
	}
	db.SetMaxOpenConns(8)
	s, err := Use(ctx, db)
	if err != nil {
		db.Close()
		return nil, err
	}
	s.own = true
	return s, nil
}

// private makes a file that is not there readable by its owner only. One that is there is not touched: closing it
// would end the locks that this process has on it (POSIX), and another process could then take the store.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("open merchant store: %w", err)
	}
	return nil
}

// DSN is the data source name with which a database should be opened for Use, by the driver "sqlite" of
// modernc.org/sqlite: durable commits, and writers that wait for each other.
func DSN(path string) string {
	q := url.Values{"_txlock": {"immediate"}}
	for _, p := range []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"} {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Use makes the store's tables (their names begin with merchant_) in a database of the ISV, opened
// with DSN or with pragmas that are as strict. The ISV closes the store, then the database.
func Use(ctx context.Context, db *sql.DB) (*Store, error) {
	lock, err := alone(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db); err != nil {
		lock.Close()
		return nil, err
	}
	s := &Store{db: db, lock: lock, queue: make(chan *command, maxBatch), ended: make(chan struct{}), held: map[string]bool{}}
	go func() { // ends when Close closes the queue; Close waits for ended
		defer close(s.ended)
		s.run()
	}()
	return s, nil
}

// alone takes the lock file beside the database: a second SQLite file, locked as long as this
// process lives. SQLite's own locks end with a killed process on every system.
func alone(ctx context.Context, db *sql.DB) (*sql.DB, error) {
	var path string
	if err := db.QueryRowContext(ctx, `SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path); err != nil {
		return nil, fmt.Errorf("open merchant store: %w", err)
	}
	if path == "" {
		return nil, errors.New("open merchant store: a database in memory forgets what a repeat returns")
	}
	path += ".lock"
	if err := private(path); err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": {"busy_timeout(5000)", "locking_mode(EXCLUSIVE)", "journal_mode(MEMORY)"}}
	lock, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open merchant store: %w", err)
	}
	lock.SetMaxOpenConns(1)
	lock.SetConnMaxIdleTime(0)
	lock.SetMaxIdleConns(1)
	// In exclusive locking mode the lock stays after the commit, until the connection closes.
	if _, err := lock.ExecContext(ctx, `BEGIN EXCLUSIVE; COMMIT`); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open merchant store: another process has it: %w", err)
	}
	return lock, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versions))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate merchant store: %w", err)
	}
	return nil
}

// Close waits for the commands that were accepted. Close the handler that uses it first.
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
	var err error
	if s.own {
		err = s.db.Close()
	}
	if err := errors.Join(err, s.lock.Close()); err != nil {
		return fmt.Errorf("close merchant store: %w", err)
	}
	return nil
}
