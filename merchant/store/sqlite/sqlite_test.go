package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/storetest"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
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

func TestContract(t *testing.T) {
	need.NoLeak(t)
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "merchant.db")
		return storetest.Place{
			Open: func(t *testing.T) store.Store { return open(t, path) },
			// Close ends no turn, so for the next process it is as a kill is.
			Crash: func(t *testing.T, s store.Store) {
				if err := s.(*Store).Close(); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// TestContractInTheISVsDatabase: the same with tables beside the ISV's.
func TestContractInTheISVsDatabase(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "isv.db")
		return storetest.Place{
			Open: func(t *testing.T) store.Store { s, _ := use(t, path); return s },
			Crash: func(t *testing.T, s store.Store) {
				if err := s.(*Store).Close(); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func use(t *testing.T, path string) (*Store, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := Use(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, db
}

// TestFinishInTheISVsTransaction: both writes are there or neither.
func TestFinishInTheISVsTransaction(t *testing.T) {
	for _, tt := range []struct {
		name   string
		commit bool
		turn   store.Turn
		rows   int
	}{{"committed", true, store.Done, 1}, {"rolled back", false, store.Yours, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			s, db := use(t, filepath.Join(t.TempDir(), "isv.db"))
			if _, err := db.Exec(`CREATE TABLE instances (id TEXT PRIMARY KEY)`); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Begin(t.Context(), store.Begin{Key: "k", InstanceID: "i", Now: time.UnixMilli(1)}); err != nil {
				t.Fatal(err)
			}
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`INSERT INTO instances VALUES ('i')`); err != nil {
				t.Fatal(err)
			}
			if err := s.FinishIn(t.Context(), tx, store.Finish{Key: "k", Answer: []byte("a"), Now: time.UnixMilli(2)}); err != nil {
				t.Fatal(err)
			}
			if tt.commit {
				err = tx.Commit()
			} else {
				err = tx.Rollback()
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil { // as a crash, without Finish
				t.Fatal(err)
			}
			s, err = Use(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			state, err := s.Begin(t.Context(), store.Begin{Key: "k", InstanceID: "j", Now: time.UnixMilli(3)})
			var rows int
			if err := db.QueryRow(`SELECT count(*) FROM instances`).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if err != nil || state.Turn != tt.turn || state.InstanceID != "i" || rows != tt.rows {
				t.Errorf("got %+v, %d rows, %v", state, rows, err)
			}
		})
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "merchant.db")
	s := open(t, path)
	ctx, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	if second, err := Open(ctx, path); err == nil {
		second.Close()
		t.Error("a second one has opened the same file")
	}
	if _, err := s.Begin(t.Context(), store.Begin{Key: "k", Now: time.UnixMilli(1)}); err != nil {
		t.Errorf("the first one after it: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), store.Begin{Key: "k2", Now: time.UnixMilli(1)}); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	open(t, path)
}

func TestLicencesAreReadableByTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder's list of access says who reads there")
	}
	path := filepath.Join(t.TempDir(), "merchant.db")
	s := open(t, path)
	if _, err := s.Begin(t.Context(), store.Begin{Key: "k", Now: time.UnixMilli(1)}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

func TestMemoryIsRefused(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Use(t.Context(), db); err == nil {
		t.Error("a database in memory is taken")
	}
}

// TestAskingTwiceKeepsTheLock: this process asks for its own store again and is refused; another process still is too.
func TestAskingTwiceKeepsTheLock(t *testing.T) {
	const variable = "MERCHANT_STORE_OF_ANOTHER_PROCESS"
	if path := os.Getenv(variable); path != "" {
		ctx, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer end()
		if s, err := Open(ctx, path); err == nil {
			s.Close()
			t.Fatal("the store of a living process was opened")
		}
		return
	}
	path := filepath.Join(t.TempDir(), "merchant.db")
	open(t, path)
	ctx, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	if s, err := Open(ctx, path); err == nil {
		s.Close()
		t.Fatal("opened twice")
	}
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAskingTwiceKeepsTheLock$")
	other.Env = append(os.Environ(), variable+"="+path)
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
