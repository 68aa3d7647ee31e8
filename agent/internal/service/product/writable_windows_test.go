package product

import (
	"os"
	"testing"

	"github.com/iscdesk/iscdesk/internal/acltest"
)

// setWritable says whether others may write the file at path.
func setWritable(t *testing.T, path string, others bool) {
	t.Helper()
	rights := acltest.Read
	if others {
		rights = acltest.Write
	}
	acltest.Grant(t, path, rights)
}

// secondName makes one of the file at path: Wine shows no symbolic links.
func secondName(path, name string) error { return os.Link(path, name) }
