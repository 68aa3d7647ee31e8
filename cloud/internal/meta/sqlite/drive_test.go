package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
)

func TestDriveContract(t *testing.T) {
	metatest.Drive(t, func(t *testing.T) meta.Store {
		return open(t, filepath.Join(t.TempDir(), "cloud.db"))
	})
}

// TestLocateGoesByKey: a plan that reads all chunks for each id works in every small test and
// takes minutes on a real object.
func TestLocateGoesByKey(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	var plan strings.Builder
	err := s.read(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.Query("EXPLAIN QUERY PLAN "+locate, "o", 1, "[]", 1)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			fmt.Fprintln(&plan, detail)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	ids, chunks := strings.Index(plan.String(), "SCAN j"), strings.Index(plan.String(), "SEARCH c USING PRIMARY KEY (space=? AND id=?)")
	if ids < 0 || chunks < ids {
		t.Errorf("plan:\n%s", plan.String())
	}
}
