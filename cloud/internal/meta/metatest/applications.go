package metatest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Applications tries the contract of licences that merchants make. open makes an empty store.
func Applications(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"one application for a key", oneApplication},
		{"key race", keyRace},
		{"quota", quota},
		{"quota race", quotaRace},
		{"resource and dates", applicationFits},
		{"grant", applicationGrant},
		{"states", applicationStates},
		{"refused for good", refusedForGood},
		{"many refusals", manyRefusals},
		{"given up", givenUp},
		{"asking again", askingAgain},
		{"uploads", uploads},
		{"upload race", uploadRace},
		{"late uploads", lateUploads},
		{"lists", applicationLists},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s.accounts(t)
			s.device(t, "dev_1")
			s.instance(t, "ins_1", 3)
			s.active(t, "1")
			c.run(t, s)
		})
	}
}

// active makes resource ins_N of three licences, usable from an hour ago for a day.
func (c *core) active(t *testing.T, n string) meta.Resource {
	t.Helper()
	c.place(t, n)
	return c.turn(t, n, func(r *meta.Resource) {
		r.State, r.Term, r.From, r.Until = meta.ResourceActive, 1, c.now.Add(-time.Hour), c.now.Add(23*time.Hour)
	})
}

func (c *core) turn(t *testing.T, n string, change func(*meta.Resource)) meta.Resource {
	t.Helper()
	r, err := c.Resource(c.ctx, "ins_"+n)
	ok(t, err)
	change(&r)
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: r}))
	return r
}

// wish is an application of key on ins_1 for its whole term, whatever the time is.
func (c *core) wish(key, event string) meta.Apply {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return meta.Apply{
		Application: meta.Application{Event: event, Key: meta.HashOf(key), Org: "org_a", Resource: "ins_1", Term: 1, Account: "ann", Device: "dev_1",
			Form: "string", Fingerprint: "FP", FingerprintForm: "full", From: noon.Add(-time.Hour), Until: noon.Add(23 * time.Hour)},
		Call: c.licenseCall(event), Now: c.now, Why: c.why("applied"),
	}
}

func (c *core) licenseCall(id string) meta.Call {
	call := c.call("license "+id, "")
	call.Activity = "getLicenseAsync"
	return call
}

func (c *core) apply(t *testing.T, key, event string) meta.Application {
	t.Helper()
	a, err := c.Apply(c.ctx, c.wish(key, event))
	ok(t, err)
	return a
}

func (c *core) callsOf(t *testing.T, event string) int {
	t.Helper()
	list, err := c.Calls(c.ctx, meta.CallFilter{Subject: event, Page: meta.Page{Limit: 10}})
	ok(t, err)
	return len(list)
}

func (c *core) upload(event, content string) meta.Upload {
	return meta.Upload{Event: event, Merchant: "mer_1", Type: "CHARACTERS", Content: []byte(content), Now: c.now}
}

func (c *core) state(t *testing.T, event, want string) meta.Application {
	t.Helper()
	a, err := c.Application(c.ctx, event)
	ok(t, err)
	if a.State != want {
		t.Errorf("%s is %s (%s), want %s", event, a.State, a.Reason, want)
	}
	return a
}

// reason compares a refusal's code and its param reason.
func reason(t *testing.T, what string, err error, wantCode, want string) {
	t.Helper()
	code(t, what, err, wantCode)
	var r *meta.Refusal
	if errors.As(err, &r) && r.Params["reason"] != want {
		t.Errorf("%s: reason %q, want %q", what, r.Params["reason"], want)
	}
}

func oneApplication(t *testing.T, c *core) {
	first := c.apply(t, "k", "e1")
	if first.Merchant != "mer_1" || first.Product != "cad" || first.State != meta.ApplicationAsking || first.Asks != 1 || !first.Created.Equal(c.now) {
		t.Errorf("made %+v", first)
	}
	again := c.apply(t, "k", "e2")
	if again.Event != "e1" || c.callsOf(t, "e1") != 1 || c.callsOf(t, "e2") != 0 {
		t.Errorf("again: %+v, calls %d and %d", again, c.callsOf(t, "e1"), c.callsOf(t, "e2"))
	}
	_, err := c.Application(c.ctx, "e2")
	code(t, "an event that was not needed", err, cloudapi.ErrNotFound)
	if other := c.apply(t, "other", "e3"); other.Event != "e3" {
		t.Errorf("another key: %+v", other)
	}
	got := c.state(t, "e1", meta.ApplicationAsking)
	if got.Fingerprint != "FP" || got.FingerprintForm != "full" || got.Account != "ann" || got.Device != "dev_1" || got.Form != "string" || got.Term != 1 ||
		!got.From.Equal(c.now.Add(-time.Hour)) || !got.Until.Equal(c.now.Add(23*time.Hour)) || got.Content != nil || !got.Decided.IsZero() || got.Key != meta.HashOf("k") {
		t.Errorf("kept %+v", got)
	}
}

func keyRace(t *testing.T, c *core) {
	events := make([]string, 16)
	got := atOnce(16, func(i int) error {
		a, err := c.Apply(c.ctx, c.wish("k", fmt.Sprint("e", i)))
		events[i] = a.Event
		return err
	})
	if got[""] != 16 {
		t.Fatalf("16 at once: %v", got)
	}
	calls := 0
	for i, e := range events {
		if e != events[0] {
			t.Errorf("request %d has event %s, another %s", i, e, events[0])
		}
		calls += c.callsOf(t, fmt.Sprint("e", i))
	}
	if calls != 1 {
		t.Errorf("%d calls for 16 equal requests", calls)
	}
}

func quota(t *testing.T, c *core) {
	for i := range 3 {
		c.apply(t, fmt.Sprint("k", i), fmt.Sprint("e", i))
	}
	_, err := c.Apply(c.ctx, c.wish("k3", "e3"))
	reason(t, "a fourth of three", err, cloudapi.ErrLicenseRefused, meta.ReasonQuota)
	c.apply(t, "k1", "e4") // a repeat never counts again
	ok(t, c.RefuseApplication(c.ctx, "e2", meta.ReasonDates, "000901", "no", c.now))
	c.apply(t, "k3", "e3") // what is refused does not count
	w := c.wish("k4", "e5")
	c.turn(t, "1", func(r *meta.Resource) { r.Term = 2 })
	_, err = c.Apply(c.ctx, w)
	reason(t, "for the term before", err, cloudapi.ErrConflict, meta.ReasonChanged)
	w.Term = 2
	a, err := c.Apply(c.ctx, w)
	ok(t, err)
	if a.Event != "e5" {
		t.Errorf("in a new term: %+v", a)
	}
}

func quotaRace(t *testing.T, c *core) {
	got := atOnce(16, func(i int) error {
		_, err := c.Apply(c.ctx, c.wish(fmt.Sprint("k", i), fmt.Sprint("e", i)))
		return err
	})
	if got[""] != 3 || got[cloudapi.ErrLicenseRefused] != 13 {
		t.Errorf("16 applications for 3 licences: %v", got)
	}
}

func applicationFits(t *testing.T, c *core) {
	day := 24 * time.Hour
	for i, tt := range []struct {
		name     string
		resource func(*meta.Resource)
		wish     func(*meta.Apply)
		want     string
		reason   string
	}{
		{"as it is", nil, nil, "", ""},
		{"frozen", func(r *meta.Resource) { r.State = meta.ResourceFrozen }, nil, cloudapi.ErrLicenseRefused, meta.ReasonFrozen},
		{"ordered", func(r *meta.Resource) { r.State = meta.ResourceOrdered }, nil, cloudapi.ErrLicenseRefused, meta.ReasonEarly},
		{"delivering", func(r *meta.Resource) { r.State = meta.ResourceDelivering }, nil, cloudapi.ErrLicenseRefused, meta.ReasonEarly},
		{"released", func(r *meta.Resource) { r.State = meta.ResourceReleased }, nil, cloudapi.ErrLicenseRefused, meta.ReasonEnded},
		{"unobtainable", func(r *meta.Resource) { r.State = meta.ResourceUnobtainable }, nil, cloudapi.ErrLicenseRefused, meta.ReasonEnded},
		{"at the resource's end", nil, func(a *meta.Apply) { a.Now = a.Until }, cloudapi.ErrLicenseRefused, meta.ReasonExpired},
		{"another organisation's", nil, func(a *meta.Apply) { a.Org = "org_b" }, cloudapi.ErrNotFound, ""},
		{"unknown resource", nil, func(a *meta.Apply) { a.Resource = "ins_9" }, cloudapi.ErrNotFound, ""},
		{"no end", nil, func(a *meta.Apply) { a.Until = time.Time{} }, cloudapi.ErrLicenseRefused, meta.ReasonExpiry},
		{"no end where there is none", func(r *meta.Resource) { r.Until = time.Time{} }, func(a *meta.Apply) { a.Until = time.Time{} }, "", ""},
		{"an end where there is none", func(r *meta.Resource) { r.Until = time.Time{} }, nil, "", ""},
		{"a second too early", nil, func(a *meta.Apply) { a.From = a.From.Add(-time.Second) }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"begins in its first second", func(r *meta.Resource) { r.From = r.From.Add(999 * time.Millisecond) }, nil, "", ""},
		{"a second too late", nil, func(a *meta.Apply) { a.Until = a.Until.Add(time.Second) }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"ends as it begins", nil, func(a *meta.Apply) { a.From = a.Until }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"is over", nil, func(a *meta.Apply) { a.Until = a.Now }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"not a licence", func(r *meta.Resource) { r.ID = "ins_saas" }, func(a *meta.Apply) { a.Resource = "ins_saas" }, cloudapi.ErrNotFound, ""},
	} {
		n := fmt.Sprint("f", i)
		r := c.resource(n)
		r.State, r.Term, r.From, r.Until = meta.ResourceActive, 1, c.now.Add(-time.Hour), c.now.Add(-time.Hour).Add(day)
		if tt.resource != nil {
			tt.resource(&r)
		}
		if r.ID == "ins_saas" {
			r.Kind = meta.KindSaaS
		}
		_, err := c.PlaceOrder(c.ctx, c.order(n), meta.Step{Resource: r})
		ok(t, err)
		w := c.wish(n, n)
		w.Resource = r.ID
		if tt.wish != nil {
			tt.wish(&w)
		}
		_, err = c.Apply(c.ctx, w)
		reason(t, tt.name, err, tt.want, tt.reason)
		if got := c.callsOf(t, n); (got == 1) != (tt.want == "") {
			t.Errorf("%s: %d calls", tt.name, got)
		}
	}
}

// applicationGrant: whoever may not work with the instance uses nothing of the quota up.
func applicationGrant(t *testing.T, c *core) {
	w := c.wish("k", "e1")
	g := c.grant("ins_1", "ann", "dev_1")
	w.Grant = &g
	_, err := c.Apply(c.ctx, w)
	code(t, "without a seat", err, cloudapi.ErrLicenseNone)
	_, err = c.Application(c.ctx, "e1")
	code(t, "its application", err, cloudapi.ErrNotFound)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	_, err = c.Apply(c.ctx, w)
	ok(t, err)
	ok(t, c.SetInstanceStatus(c.ctx, "org_a", "ins_1", meta.StatusFrozen, meta.Entry{}))
	_, err = c.Apply(c.ctx, w)
	reason(t, "a repeat when it is frozen", err, cloudapi.ErrLicenseRefused, "frozen")
}

func applicationStates(t *testing.T, c *core) {
	code(t, "taken, unknown", c.Taken(c.ctx, "e1", c.now), cloudapi.ErrNotFound)
	code(t, "refused, unknown", c.RefuseApplication(c.ctx, "e1", "isv", "", "", c.now), cloudapi.ErrNotFound)
	_, err := c.Deliver(c.ctx, c.upload("e1", "L"))
	code(t, "delivered, unknown", err, cloudapi.ErrNotFound)
	c.apply(t, "k", "e1")
	for range 2 {
		ok(t, c.Taken(c.ctx, "e1", c.now))
		c.state(t, "e1", meta.ApplicationMaking)
	}
	_, err = c.Deliver(c.ctx, c.upload("e1", "L"))
	ok(t, err)
	ok(t, c.Taken(c.ctx, "e1", c.now))
	ok(t, c.RefuseApplication(c.ctx, "e1", "quota", "000900", "late", c.now))
	if a := c.state(t, "e1", meta.ApplicationDelivered); string(a.Content) != "L" || a.Code != "" {
		t.Errorf("after late answers: %+v", a)
	}
	c.apply(t, "k2", "e2")
	ok(t, c.RefuseApplication(c.ctx, "e2", "quota", "000900", "none left", c.now))
	ok(t, c.RefuseApplication(c.ctx, "e2", "dates", "000901", "second", c.now.Add(time.Hour)))
	ok(t, c.Taken(c.ctx, "e2", c.now))
	if a := c.state(t, "e2", meta.ApplicationRefused); a.Reason != "quota" || a.Code != "000900" || a.Message != "none left" || !a.Decided.Equal(c.now) {
		t.Errorf("the first refusal does not stand: %+v", a)
	}
}

func refusedForGood(t *testing.T, c *core) {
	c.apply(t, "k", "e1")
	ok(t, c.RefuseApplication(c.ctx, "e1", "dates", "000901", "no", c.now))
	c.now = c.now.Add(meta.RefusalStands - time.Millisecond)
	if a := c.apply(t, "k", "e2"); a.Event != "e1" || a.State != meta.ApplicationRefused {
		t.Errorf("while the refusal stands: %+v", a)
	}
	c.now = c.now.Add(time.Millisecond)
	w := c.wish("k", "e2")
	w.From, w.Until = c.now, c.now.Add(time.Hour) // still the same term
	a, err := c.Apply(c.ctx, w)
	ok(t, err)
	if a.Event != "e2" || a.State != meta.ApplicationAsking {
		t.Errorf("after it: %+v", a)
	}
	_, err = c.AskAgain(c.ctx, "e1", c.now.Add(time.Hour), c.now, c.licenseCall("again"))
	ok(t, err)
	c.state(t, "e1", meta.ApplicationRefused)
	_, err = c.Deliver(c.ctx, c.upload("e1", "L"))
	reason(t, "an upload for the refused one", err, cloudapi.ErrConflict, meta.UploadRefused)
}

func manyRefusals(t *testing.T, c *core) {
	for i := range meta.MaxRefusals {
		n := fmt.Sprint(i)
		c.apply(t, "k"+n, "e"+n)
		ok(t, c.RefuseApplication(c.ctx, "e"+n, "dates", "000901", "no", c.now.Add(time.Duration(i)*time.Millisecond)))
	}
	_, err := c.Apply(c.ctx, c.wish("more", "more"))
	code(t, "one more", err, cloudapi.ErrRateLimited)
	if a := c.apply(t, "k0", "again"); a.Event != "e0" {
		t.Errorf("one that stands: %+v", a)
	}
	c.now = c.now.Add(meta.RefusalStands)
	c.apply(t, "more", "more") // the first one has lapsed
}

func givenUp(t *testing.T, c *core) {
	c.apply(t, "k", "e1")
	ok(t, c.RefuseApplication(c.ctx, "e1", meta.ReasonISV, "", "", c.now))
	c.now = c.now.Add(time.Hour)
	if a := c.apply(t, "k", "e2"); a.Event != "e1" || !a.GivenUp() {
		t.Errorf("a repeat: %+v", a)
	}
	for i := range 3 {
		c.apply(t, fmt.Sprint("other", i), fmt.Sprint("o", i))
	}
	_, err := c.AskAgain(c.ctx, "e1", c.now, c.now, c.licenseCall("again"))
	code(t, "asked while its call waits", err, "")
	c.end(t, "e1")
	_, err = c.AskAgain(c.ctx, "e1", c.now, c.now, c.licenseCall("again"))
	reason(t, "asked again without room", err, cloudapi.ErrLicenseRefused, meta.ReasonQuota)
	ok(t, c.Taken(c.ctx, "e1", c.now))
	c.state(t, "e1", meta.ApplicationRefused)
	_, err = c.Deliver(c.ctx, c.upload("e1", "L"))
	reason(t, "delivered without room", err, cloudapi.ErrConflict, meta.UploadQuota)
	ok(t, c.RefuseApplication(c.ctx, "o0", "dates", "000901", "no", c.now))
	ok(t, c.Taken(c.ctx, "e1", c.now))
	c.state(t, "e1", meta.ApplicationMaking)
	ok(t, c.RefuseApplication(c.ctx, "e1", meta.ReasonISV, "000005", "", c.now))
	if a, err := c.AskAgain(c.ctx, "e1", c.now, c.now, c.licenseCall("again")); err != nil || a.State != meta.ApplicationAsking || a.Asks != 2 || a.Code != "" {
		t.Errorf("asked again: %+v, %v", a, err)
	}
	ok(t, c.RefuseApplication(c.ctx, "e1", meta.ReasonISV, "", "", c.now))
	if _, err := c.Deliver(c.ctx, c.upload("e1", "L")); err != nil {
		t.Errorf("a late upload: %v", err)
	}
	c.state(t, "e1", meta.ApplicationDelivered)
}

// end answers all waiting calls of an event.
func (c *core) end(t *testing.T, event string) {
	t.Helper()
	list, err := c.Calls(c.ctx, meta.CallFilter{Subject: event, Page: meta.Page{Limit: 10}})
	ok(t, err)
	for _, call := range list {
		ok(t, c.AnswerCall(c.ctx, meta.CallAnswer{Call: call.ID, State: meta.CallDone, Time: c.now}))
	}
}

func askingAgain(t *testing.T, c *core) {
	_, err := c.AskAgain(c.ctx, "e1", c.now, c.now, c.licenseCall("x"))
	code(t, "unknown", err, cloudapi.ErrNotFound)
	c.apply(t, "k", "e1")
	c.end(t, "e1")
	ok(t, c.Taken(c.ctx, "e1", c.now))
	ask := func(after time.Duration, id string) meta.Application {
		now := c.now.Add(after)
		a, err := c.AskAgain(c.ctx, "e1", now.Add(-10*time.Minute), now, c.licenseCall(id))
		ok(t, err)
		return a
	}
	if a := ask(10*time.Minute, "early"); a.Asks != 1 || c.callsOf(t, "e1") != 1 {
		t.Errorf("too early: %+v", a)
	}
	if a := ask(10*time.Minute+time.Millisecond, "two"); a.Asks != 2 || c.callsOf(t, "e1") != 2 || a.State != meta.ApplicationMaking {
		t.Errorf("in time: %+v", a)
	}
	if a := ask(time.Hour, "three"); a.Asks != 2 || c.callsOf(t, "e1") != 2 {
		t.Errorf("while a call waits: %+v", a)
	}
	c.end(t, "e1")
	got := atOnce(8, func(i int) error {
		_, err := c.AskAgain(c.ctx, "e1", c.now.Add(time.Hour), c.now.Add(2*time.Hour), c.licenseCall(fmt.Sprint("race", i)))
		return err
	})
	if got[""] != 8 || c.callsOf(t, "e1") != 3 {
		t.Errorf("8 at once: %v, %d calls", got, c.callsOf(t, "e1"))
	}
	_, err = c.Deliver(c.ctx, c.upload("e1", "L"))
	ok(t, err)
	c.end(t, "e1")
	if a := ask(100*time.Hour, "late"); a.State != meta.ApplicationDelivered || c.callsOf(t, "e1") != 3 {
		t.Errorf("when it is delivered: %+v", a)
	}
}

func applicationLists(t *testing.T, c *core) {
	c.active(t, "2")
	for i := range 3 {
		c.apply(t, fmt.Sprint("k", i), fmt.Sprint("e", i))
	}
	w := c.wish("k9", "e9")
	w.Resource = "ins_2"
	_, err := c.Apply(c.ctx, w)
	ok(t, err)
	_, err = c.Deliver(c.ctx, c.upload("e1", "L"))
	ok(t, err)
	list := func(f meta.ApplicationFilter) (names string) {
		t.Helper()
		if f.Limit == 0 {
			f.Limit = 10
		}
		got, err := c.Applications(c.ctx, f)
		ok(t, err)
		for _, a := range got {
			names += a.Event + " "
			if a.Content != nil {
				t.Errorf("%s has its content in a list", a.Event)
			}
		}
		return names
	}
	for _, tt := range []struct {
		f    meta.ApplicationFilter
		want string
	}{
		{meta.ApplicationFilter{}, "e9 e2 e1 e0 "},
		{meta.ApplicationFilter{Org: "org_b"}, ""},
		{meta.ApplicationFilter{Org: "org_a", Resource: "ins_2"}, "e9 "},
		{meta.ApplicationFilter{Merchant: "mer_1", State: meta.ApplicationDelivered}, "e1 "},
		{meta.ApplicationFilter{Page: meta.Page{Limit: 2}}, "e9 e2 "},
		{meta.ApplicationFilter{Page: meta.Page{Before: "e2", Limit: 2}}, "e1 e0 "},
		{meta.ApplicationFilter{Page: meta.Page{Before: "unknown"}}, ""},
	} {
		if got := list(tt.f); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.f, got, tt.want)
		}
	}
}
