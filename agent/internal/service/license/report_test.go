package license

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
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

// TestReportsStayShort: a verdict that cannot be sent does not keep those that were
// sent in the log.
func TestReportsStayShort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	add := func(uid caller.UID, id string) {
		t.Helper()
		if err := b.room.out.add(queued{UID: uid, Report: cloudapi.VerifyReport{Report: id, Error: strings.Repeat("x", api.MaxText)}}); err != nil {
			t.Fatal(err)
		}
	}
	q := b.room.out
	add("1001", "of one who signed out")
	for n := range 3 * compactAt / api.MaxText {
		add("1000", strconv.Itoa(n))
		if err := errors.Join(q.done(strconv.Itoa(n)), q.compact()); err != nil {
			t.Fatal(err)
		}
	}
	if n := q.log.Size(); n > compactAt+2*api.MaxText {
		t.Errorf("the log has %d bytes with one verdict waiting", n)
	}
	b.start()
	if l := b.room.out.list(); len(l) != 1 || l[0].UID != "1001" {
		t.Errorf("%d verdicts wait after a restart", len(l))
	}
}

// TestRefusalsAreBounded: a program that asks for product after product fills neither
// memory nor disk, and another user is not touched by it.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	no := &api.Error{Code: api.ProductUnknown}
	for n := range 3 * maxRefusals {
		b.room.refuse(key{"1000", "p" + strconv.Itoa(n)}, cloudtest.Account, no)
	}
	b.room.refuse(key{"1001", "p"}, cloudtest.Account, no)
	b.room.refuse(key{"1000", "minicad"}, cloudtest.Account, &api.Error{Code: api.LicenseRefused})
	b.want("one that was there", api.StateRefused, api.LicenseRefused)
	names, err := b.store.Names(recordPrefix)
	if err != nil || len(names) != maxRefusals+2 {
		t.Errorf("%d records, %v", len(names), err)
	}
}
