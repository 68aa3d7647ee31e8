package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
)

func TestCases(t *testing.T) {
	metatest.Cases(t, func(t *testing.T) meta.Store { return open(t, filepath.Join(t.TempDir(), "cloud.db")) })
}
