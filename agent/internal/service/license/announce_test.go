package license

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// listener is an application's session, with what it was told.
type listener struct {
	s     *events.Session
	actor caller.Actor
	after int64
}

// hello opens a session as the door does: the answer holds the licence's state.
func (b *bench) hello(o events.Owner) (*listener, api.LicenseState) {
	b.t.Helper()
	s, _, err := b.events.Attach(o, "")
	if err != nil {
		b.t.Fatal(err)
	}
	l := &listener{s: s, actor: caller.Actor{UID: o.UID, Product: o.Product, Language: o.Language, Session: s.ID()}}
	return l, b.room.State(ctx, l.actor)
}

// states reads the events of states that wait.
func (l *listener) states(t *testing.T) (got []map[string]string) {
	t.Helper()
	for {
		read, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		raw, last, _, err := l.s.Next(read, l.after)
		cancel()
		if err != nil {
			return got
		}
		l.after = last
		for _, r := range raw {
			var ev api.Event
			if err := json.Unmarshal(r, &ev); err != nil {
				t.Fatal(err)
			}
			eventstest.Documented(t, &ev)
			if ev.Type == api.EventLicenseState {
				got = append(got, ev.Envelope.Params)
			}
		}
	}
}

// leaver is a worker during whose work the user signs out.
type leaver struct{ b *bench }

func (l leaver) Call(_ context.Context, _ string, _, result any) error {
	l.b.sign("", &api.Error{Code: api.NotSignedIn})
	l.b.room.Wake("1000")
	result.(*workerapi.WrittenFile).Path = home()
	return nil
}

func (leaver) Release() {}

// TestSignOutBeforeTheEnd: the end of a request tells the state of its answer; a session whose user
// has signed out meanwhile is told so after it.
func TestSignOutBeforeTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l, _ := b.hello(b.owner())
	b.room.cfg.Worker = func(context.Context, caller.Actor) (Worker, error) { return leaver{b}, nil }
	st, err := b.room.Request(ctx, l.actor, api.LicenseRequest{Form: api.FormFile})
	if err != nil {
		t.Fatal(err)
	}
	if p, state := b.result(st.Operation); state != api.OpDone || p["state"] != api.StateValid {
		t.Fatalf("ended %s %v", state, p)
	}
	b.room.stop()
	b.room.work.Wait()
	raw, _, _, err := l.s.Next(ctx, 0)
	if err != nil || len(raw) == 0 {
		t.Fatal(err)
	}
	var last api.Event
	if err := json.Unmarshal(raw[len(raw)-1], &last); err != nil || last.Type != api.EventLicenseState || last.Envelope.Params["state"] != api.StateNone {
		t.Errorf("told last: %s", raw[len(raw)-1])
	}
}

func TestStateEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l, first := b.hello(b.owner())
	if first.State != api.StateUnknown {
		t.Fatalf("hello %+v", first)
	}
	b.request(api.FormString)
	b.room.tick(ctx)
	b.fake.Set(cloudtest.Down)
	for _, d := range []time.Duration{7*day*3/4 + time.Minute, 2 * day, 3 * day} {
		b.world.pass(d)
		b.room.tick(ctx)
		b.room.tick(ctx) // nothing new: no second event
	}
	var got []string
	for _, p := range l.states(t) {
		got = append(got, p["state"])
	}
	if want := []string{api.StateValid, api.StateRefreshDue, api.StateGrace, api.StateExpired}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// TestStateFollowsTheSignIn: an application that opened before anybody signed in
// hears of everything that changes what it saw, in its language and only once.
func TestStateFollowsTheSignIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sign("", &api.Error{Code: api.NotSignedIn})
	english, _ := b.hello(events.Owner{UID: "1000", Product: "minicad", Language: "en"})
	chinese, first := b.hello(events.Owner{UID: "1000", Product: "minicad", Language: "zh-CN"})
	other, _ := b.hello(events.Owner{UID: "1001", Product: "minicad", Language: "en"})
	if first.Code != api.NotSignedIn {
		t.Fatalf("hello %+v", first)
	}
	steps := []struct {
		name string
		do   func()
		want api.Code
		st   string
	}{
		{"sign-in", func() { b.sign(cloudtest.Account, nil); b.room.Wake("1000") }, api.LicenseUnknown, api.StateUnknown},
		{"licence", func() { b.request(api.FormString) }, api.OK, api.StateValid},
		{"sign-out", func() { b.sign("", &api.Error{Code: api.NotSignedIn}); b.room.Wake("1000") }, api.NotSignedIn, api.StateNone},
		{"sign-in again", func() { b.sign(cloudtest.Account, nil); b.room.Wake("1000") }, api.OK, api.StateValid},
	}
	for _, step := range steps {
		step.do()
		b.room.tick(ctx) // tells nothing twice
		for _, l := range []*listener{english, chinese} {
			got := l.states(t)
			want := params(b.room.state(key{"1000", "minicad"}, l.actor.Language))
			if len(got) != 1 || got[0]["state"] != step.st || got[0][api.ParamCode] != want[api.ParamCode] || want["state"] != step.st ||
				got[0][api.ParamReason] != want[api.ParamReason] || got[0][api.ParamHint] != want[api.ParamHint] {
				t.Errorf("%s, %s: got %v, want %v", step.name, l.actor.Language, got, want)
			}
		}
		reason, _ := api.Text(step.want, "zh-CN")
		if st := b.room.state(key{"1000", "minicad"}, "zh-CN"); step.want != api.OK && (st.Code != step.want || st.Reason != reason) {
			t.Errorf("%s: state %+v", step.name, st)
		}
	}
	for _, p := range other.states(t) { // the bench's sign-in is everybody's; the licence is not
		if p["state"] != api.StateUnknown && p["state"] != api.StateNone {
			t.Errorf("another user was told %v", p)
		}
	}
}

// TestARenewedLeaseIsNews: the cached Until of an application moves with the lease.
func TestARenewedLeaseIsNews(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	l, first := b.hello(b.owner())
	b.world.pass(7*day - time.Hour)
	b.room.tick(ctx)
	got := l.states(t)
	if len(got) == 0 || got[len(got)-1]["state"] != api.StateValid || got[len(got)-1]["until"] <= first.Until.UTC().Format(time.RFC3339) {
		t.Errorf("after a renewal: %v, before: %+v", got, first)
	}
}

func TestSessionsThatEndedAreForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n := range maxTold {
		b.room.told[string(rune(n))] = ""
	}
	l, _ := b.hello(b.owner())
	if _, known := b.room.told[l.s.ID()]; !known || len(b.room.told) != 1 {
		t.Errorf("%d sessions are remembered, this one %v", len(b.room.told), known)
	}
}
