package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/metatest"
)

func TestMerchantsContract(t *testing.T) {
	metatest.Merchants(t, func(t *testing.T) meta.Store { return open(t, filepath.Join(t.TempDir(), "cloud.db")) })
}
