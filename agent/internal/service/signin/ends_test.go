package signin

import (
	"encoding/json"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestEndsAreTold: whoever ends a sign-in, other rooms and the user's applications
// hear of it, each in its language.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var sessions []*events.Session
	languages := []string{"en", "zh-CN"}
	for _, language := range languages {
		s, _, err := b.events.Attach(events.Owner{UID: "1000", Product: "minicad", Language: language}, "")
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	b.signIn()
	b.fake.RevokeAll()
	if err := b.me("1000"); api.CodeOf(err) != api.SessionExpired {
		t.Fatalf("got %v", err)
	}
	for i, s := range sessions {
		raw, _, _, err := s.Next(ctx, 1) // the first event is the sign-in
		if err != nil || len(raw) != 1 {
			t.Fatalf("%d events, %v", len(raw), err)
		}
		var ev api.Event
		if err := json.Unmarshal(raw[0], &ev); err != nil {
			t.Fatal(err)
		}
		reason, hint := api.Text(api.SessionExpired, languages[i])
		if p := ev.Envelope.Params; ev.Type != api.EventSignIn || p[api.ParamReason] != reason || p[api.ParamHint] != hint || p["account"] != "li" {
			t.Errorf("%s: %s %v", languages[i], ev.Type, p)
		}
	}
	if n := b.left.Load(); n != 1 {
		t.Errorf("others were told %d times of an end by the cloud", n)
	}
	b.signIn()
	for range 2 {
		if err := b.room.Logout(ctx, li); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.left.Load(); n != 2 {
		t.Errorf("others were told %d times of two ends", n)
	}
}
