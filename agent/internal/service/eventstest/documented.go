// Package eventstest holds what the rooms' tests want of every event. Tests of the
// packages in agent/internal/service use it, and nothing else may.
package eventstest

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Documented holds an event's params to the row of docs/protocol.md that is its type's:
// a param that stands nowhere is one that no application can know.
func Documented(t testing.TB, e *api.Event) {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/protocol.md") // seen from a room
	if err != nil {
		t.Fatal(err)
	}
	_, row, found := strings.Cut(string(text), "\n| `"+e.Type+"` |")
	if row, _, _ = strings.Cut(row, "\n"); !found {
		t.Errorf("docs/protocol.md has no row for %s", e.Type)
		return
	}
	for param, value := range e.Envelope.Params {
		failure := param == api.ParamCode || param == api.ParamReason || param == api.ParamHint || param == "detail"
		if !failure && !strings.Contains(row, "`"+param+"`") {
			t.Errorf("%s carries %s=%q, which its row of docs/protocol.md does not name", e.Type, param, value)
		}
	}
}

// AllDocumented holds every event that the session still has to its row. It does not
// wait for more.
func AllDocumented(t testing.TB, s *events.Session) {
	t.Helper()
	ended, end := context.WithCancel(context.Background())
	end()
	for after := int64(0); ; {
		raw, last, _, err := s.Next(ended, after)
		if err != nil {
			return
		}
		after = last
		for _, r := range raw {
			var e api.Event
			if err := json.Unmarshal(r, &e); err != nil {
				t.Fatal(err)
			}
			Documented(t, &e)
		}
	}
}
