package license

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestReportsAreSealed: what an application says of its licence waits unreadable,
// survives a restart, and a line that does not open is set aside without the others.
func TestReportsAreSealed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fake.Set(cloudtest.Down)
	verdict := func(text string) {
		t.Helper()
		if err := b.room.Verify(ctx, app, api.LicenseVerify{Error: text}); err != nil {
			t.Fatal(err)
		}
	}
	verdict("the seal of /home/li/secret is broken")
	path := filepath.Join(b.dir, reportsFile)
	if raw, err := os.ReadFile(path); err != nil || bytes.Contains(raw, []byte("secret")) || bytes.Contains(raw, []byte("minicad")) {
		t.Errorf("verdicts can be read on the disk (%v)", err)
	}
	if err := b.room.out.log.Append([]byte(`{"uid":1000}`)); err != nil { // nobody's seal
		t.Fatal(err)
	}
	verdict("again")
	for range 2 {
		b.start()
		var texts []string
		for _, l := range b.room.out.list() {
			texts = append(texts, l.Report.Error)
		}
		if len(texts) != 2 || texts[0] != "the seal of /home/li/secret is broken" || texts[1] != "again" {
			t.Errorf("waiting after a restart: %q", texts)
		}
	}
	if aside, err := filepath.Glob(path + ".damaged-*"); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
