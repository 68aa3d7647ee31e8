package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestCoreContract(t *testing.T) {
	metatest.Core(t, func(t *testing.T) meta.Store { return open(t, filepath.Join(t.TempDir(), "cloud.db")) })
}

var errPlanted = errors.New("planted")

func put(n int) func(tx *sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO nonces (hash, expires) VALUES (?, ?)`, fmt.Append(nil, n), n)
		return err
	}
}

func count(t testing.TB, s *Store) (n int) {
	t.Helper()
	if err := s.read(context.Background(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM nonces`).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCommandsAreApart: in one batch, a command that fails, panics or breaks a rule leaves
// nothing, and takes nothing from its neighbours.
func TestCommandsAreApart(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	held, hold := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // holds the writer until all others are queued, so that they become one batch
		if err := s.write(context.Background(), func(*sql.Tx) error { close(held); <-hold; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	const n = 200 // fits into the queue
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			errs[i] = s.write(context.Background(), func(tx *sql.Tx) error {
				if err := put(i)(tx); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return errPlanted
				case 2:
					panic("planted")
				case 3:
					return put(i)(tx) // the same key twice
				}
				return nil
			})
		})
	}
	for len(s.queue) < n {
		runtime.Gosched()
	}
	close(hold)
	wg.Wait()
	for i, err := range errs {
		if (err == nil) != (i%4 == 0) || i%4 == 1 && !errors.Is(err, errPlanted) {
			t.Errorf("command %d: %v", i, err)
		}
	}
	if got := count(t, s); got != n/4 {
		t.Errorf("%d rows, want %d", got, n/4)
	}
}

// TestCommandsSeeThoseBefore: a batch is a row of commands, not a heap of them.
func TestCommandsSeeThoseBefore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	if err := s.write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO nonces (hash, expires) VALUES (x'00', 0)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			if err := s.write(context.Background(), func(tx *sql.Tx) error {
				var n int
				if err := tx.QueryRow(`SELECT expires FROM nonces`).Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec(`UPDATE nonces SET expires = ?`, n+1)
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var n int
	if err := s.read(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT expires FROM nonces`).Scan(&n) }); err != nil || n != 300 {
		t.Errorf("300 increments gave %d, %v", n, err)
	}
}

// TestAcknowledgedIsReadable: when write returns, every reader sees the row.
func TestAcknowledgedIsReadable(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	for i := range 50 {
		if err := s.write(t.Context(), put(i)); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s); got != i+1 {
			t.Fatalf("after %d acknowledged rows a reader sees %d", i+1, got)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	if err := s.read(t.Context(), put(1)); err == nil {
		t.Error("a reader wrote")
	}
}

// TestClose: what was accepted happens, what comes later is refused, twice is once.
func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloud.db")
	s := open(t, path)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i := range 100 {
		wg.Go(func() {
			err := s.write(context.Background(), put(i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if !errors.Is(err, errClosed) {
				t.Error(err)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := s.write(context.Background(), put(1000)); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	if got := count(t, open(t, path)); got != done {
		t.Errorf("%d rows, %d were acknowledged", got, done)
	}
}

// TestFullDisk plants one: the refusal has its own code, what was acknowledged stays, and the
// store goes on when there is room again.
func TestFullDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	if err := s.write(t.Context(), put(1)); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) { // on the writer's one connection
		if _, err := s.writer.Exec(`PRAGMA max_page_count = ` + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite takes the present size instead: nothing more fits
	large := func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO nonces (hash, expires) VALUES (?, 0)`, make([]byte, 100_000))
		return err
	}
	if err := s.write(t.Context(), large); meta.CodeOf(err) != cloudapi.ErrStorageFull {
		t.Errorf("on a full disk: %v", err)
	}
	limit("1000000")
	if err := s.write(t.Context(), large); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if got := count(t, s); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

// TestOpenRefusesDamage: a file that is no database is an error, and stays as it was.
func TestOpenRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloud.db")
	text := make([]byte, 8192)
	copy(text, "this is no database")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), path); err == nil {
		s.Close()
		t.Error("a damaged file was opened")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("the damaged file was changed: %v", err)
	}
}

func TestFilesAreOurs(t *testing.T) {
	name := "a b?c#d%41" // a path that must not become a URL's query
	if runtime.GOOS == "windows" {
		name = "a b#d%41&x=y"
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "cloud.db"))
	if err := s.write(t.Context(), put(1)); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}

// BenchmarkWrite64 is 64 callers who each wait for their own durable row.
func BenchmarkWrite64(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "cloud.db"))
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	var mu sync.Mutex
	next := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			next++
			n := next
			mu.Unlock()
			if err := s.write(context.Background(), put(n)); err != nil {
				b.Error(err)
			}
		}
	})
}
