package eventstest

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// teller takes what a test would be failed with.
type teller struct {
	testing.TB
	said []string
}

func (t *teller) Helper()                        {}
func (t *teller) Errorf(format string, _ ...any) { t.said = append(t.said, format) }

func TestAllDocumented(t *testing.T) {
	ev, err := events.Open(events.Config{Dir: t.TempDir(), Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ev.Close() }()
	owner := events.Owner{UID: "1000", Product: "minicad"}
	s, _, err := ev.Attach(owner, "")
	if err != nil {
		t.Fatal(err)
	}
	ev.Emit(owner, api.EventSignIn, api.OperateSignIn, map[string]string{"status": "failed", "account": "li", "code": "-30", "reason": "r", "hint": "h"})
	AllDocumented(t, s)
	ev.Emit(owner, api.EventSignIn, api.OperateSignIn, map[string]string{"status": "success", "shoeSize": "44"})
	ev.Emit(owner, "EVENT_OF_NO_ROW", "X", nil)
	found := &teller{TB: t}
	AllDocumented(found, s)
	if len(found.said) != 2 || !strings.Contains(found.said[0], "does not name") || !strings.Contains(found.said[1], "has no row") {
		t.Errorf("two planted faults were told as %q", found.said)
	}
}
