package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// A defect in one command is that command's error: the writer lives on, and what the command did is undone.
func TestAPanicIsOneCommandsError(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "isv.db"))
	err := s.write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`CREATE TABLE planted (n INTEGER)`); err != nil {
			return err
		}
		panic("planted")
	})
	if err == nil || !strings.Contains(err.Error(), "panic in a command: planted") {
		t.Fatalf("a command that panics: %v", err)
	}
	err = s.write(t.Context(), func(tx *sql.Tx) error {
		var left int
		if err := tx.QueryRow(`SELECT count(*) FROM sqlite_master WHERE name = 'planted'`).Scan(&left); err != nil {
			return err
		}
		if left != 0 {
			t.Error("what the command did is still there")
		}
		return nil
	})
	if err != nil {
		t.Errorf("the next command: %v", err)
	}
}
