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

func TestOrders(t *testing.T) {
	metatest.Orders(t, func(t *testing.T) meta.Store { return open(t, filepath.Join(t.TempDir(), "cloud.db")) })
}

// TestDueCallsGoByIndex: a plan that looks at every call that is due works in every small test, and takes
// 170 ms for each look when a merchant has been down over 20,000 calls.
func TestDueCallsGoByIndex(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	var plan strings.Builder
	err := s.read(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.Query("EXPLAIN QUERY PLAN "+dueCalls, 1, 8, 128)
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
	for _, want := range []string{"SEARCH c USING INDEX calls_due (merchant=? AND next<?)", "SEARCH b USING COVERING INDEX calls_line (subject=? AND seq<?)"} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("no %q in the plan:\n%s", want, plan.String())
		}
	}
	for _, bad := range []string{"SCAN c", "SCAN d", "SCAN b"} {
		if strings.Contains(plan.String(), bad+"\n") || strings.Contains(plan.String(), bad+" USING") {
			t.Errorf("%q in the plan:\n%s", bad, plan.String())
		}
	}
}
