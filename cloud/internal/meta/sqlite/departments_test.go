package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
)

func TestDepartmentsContract(t *testing.T) {
	metatest.Departments(t, func(t *testing.T) meta.Store {
		return open(t, filepath.Join(t.TempDir(), "cloud.db"))
	})
}
