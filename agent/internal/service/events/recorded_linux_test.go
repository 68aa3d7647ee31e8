package events

import (
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// TestRecordsOfRootAreRoots: records of when users were numbers have none for root. An
// operation of theirs is still root's, and nobody else's.
func TestRecordsOfRootAreRoots(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	log, _, err := atomicfile.OpenLog(filepath.Join(dir, "operations.log"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"id":7,"product":"cad","method":"file.save","state":"running"}`,
		`{"id":8,"uid":1000,"product":"cad","method":"file.save","state":"running"}`,
	} {
		if err := log.Append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, c)
	if e.Find("0", 7) == nil || e.Find("", 7) != nil || e.Find("1000", 7) != nil {
		t.Errorf("operation 7 is of %q, not of root", e.ops[7].r.UID)
	}
	if e.Find("1000", 8) == nil {
		t.Error("operation 8 is lost")
	}
}
