package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
)

func TestDriveContract(t *testing.T) {
	metatest.Drive(t, func(t *testing.T) meta.Store {
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "cloud.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}
