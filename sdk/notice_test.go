package sdk

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Whatever an agent sends as a notice, the client lives on, its queue stays
// bounded, and its cursor never goes back inside an epoch.
func FuzzNotices(f *testing.F) {
	files, err := filepath.Glob("api/testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("event", text)
	}
	f.Add("gap", []byte(`{"epoch":"e7f1","from":12,"next":40}`))
	f.Add("gap", []byte(`{"epoch":"","from":-1,"next":-9223372036854775808}`))
	f.Add("weather", []byte(`null`))
	f.Fuzz(func(t *testing.T, method string, params []byte) {
		c := &Client{
			clock: clock.System{}, queue: newQueue(nil), wake: make(chan struct{}, 1),
			open: map[api.Operation]request{103: {method: api.MethodSave}}, ended: newEndings(), waiting: newEndings(), cursor: cursor{epoch: "e7f1", id: 5},
		}
		if !json.Valid(params) {
			return // the link has read it as JSON before
		}
		c.notice(method, params)
		c.notice(method, params)
		if c.cursor.epoch == "e7f1" && c.cursor.id < 5 {
			t.Errorf("the cursor went back to %d", c.cursor.id)
		}
		if n := c.queue.size(); n > 2 {
			t.Errorf("%d events wait after two notices", n)
		}
	})
}

func TestEndingsAreBounded(t *testing.T) {
	s := newEndings()
	for op := range api.Operation(3 * endingsKept) {
		s.add(op + 1)
		s.add(op + 1)
	}
	if len(s.set) != endingsKept || len(s.order) != endingsKept || s.has(1) || !s.has(3*endingsKept) {
		t.Errorf("%d and %d kept", len(s.set), len(s.order))
	}
}
