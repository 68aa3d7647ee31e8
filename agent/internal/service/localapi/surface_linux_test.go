package localapi

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestHandlesAreAsTheDocumentSays compares each number in the table "Handles" of
// docs/attacksurface.md with the constant that holds it.
func TestHandlesAreAsTheDocumentSays(t *testing.T) {
	e, err := events.Open(events.Config{Dir: t.TempDir(), Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	session, _, err := e.Attach(events.Owner{UID: alice, Product: "cad"}, "")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(session.Secret())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../../../docs/attacksurface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## Handles\n")
	part, _, _ = strings.Cut(part, "\n## ")
	for handle, says := range map[string][]string{
		"local socket, JSON-RPC frames": {
			fmt.Sprintf("%d connections a user, %d in all;", api.MaxConnections, maxOpen),
			fmt.Sprintf("%s to `hello`;", inSeconds(api.HelloTimeout)),
			fmt.Sprintf("requests of %d KiB, %d unanswered;", api.MaxRequestFrame>>10, api.MaxInFlight),
			fmt.Sprintf("%s to take an answer;", inSeconds(api.WriteTimeout)),
		},
		"session secret": {fmt.Sprintf("%d random bits,", 8*len(secret))},
		// The link between service and worker takes both from sdk/api: see ipc.Options
		"socketpair":             {fmt.Sprintf("frames of %d MiB;", api.MaxAnswerFrame>>20), inSeconds(api.WriteTimeout) + " to take one"},
		"127.0.0.1, a free port": {inSeconds(api.PageSilence) + " of silence"},
	} {
		_, row, found := strings.Cut(part, "\n| "+handle+" |")
		if row, _, _ = strings.Cut(row, "\n"); !found {
			t.Errorf("the table has no row %q", handle)
		}
		for _, s := range says {
			if !strings.Contains(row, " "+s) {
				t.Errorf("the row of %q does not say %q, which is what holds: %s", handle, s, row)
			}
			row = strings.Replace(row, s, "", 1)
		}
		row = strings.Replace(row, "127.0.0.1", "", 1)
		if strings.ContainsAny(row, "0123456789") {
			t.Errorf("the row of %q has a number that no constant holds: %s", handle, row)
		}
	}
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
