package files

import (
	"os"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// documented holds an event's params to the row of docs/protocol.md that is its type's:
// a param that stands nowhere is one that no application can know.
func documented(t *testing.T, e *api.Event) {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, found := strings.Cut(string(text), "\n| `"+e.Type+"` |")
	if row, _, _ = strings.Cut(row, "\n"); !found {
		t.Fatalf("docs/protocol.md has no row for %s", e.Type)
	}
	for param, value := range e.Envelope.Params {
		failure := param == api.ParamCode || param == api.ParamReason || param == api.ParamHint || param == "detail"
		if !failure && !strings.Contains(row, "`"+param+"`") {
			t.Errorf("%s carries %s=%q, which its row of docs/protocol.md does not name", e.Type, param, value)
		}
	}
}
