package market_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

func TestLicenseWalks(t *testing.T) {
	c := start(t, true)
	waiting := c.asking(c.request("dev_1", "FP"), long)
	c.until("the merchant is called", 0, func() bool { return len(c.seen()) == 1 })
	got := c.seen()[0]
	want := `{"activity":"getLicenseAsync","eventId":"` + got.EventID + `","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e",` +
		`"effectiveTime":"2026-03-09 09:00:00 z","expireTime":"2027-03-10 09:00:00 z","deviceFingerprint":"FP"}`
	if string(c.bodies[0]) != want {
		t.Errorf("body %s\nwant %s", c.bodies[0], want)
	}
	c.until("it is at work", 0, func() bool { return c.state(got.EventID) == meta.ApplicationMaking })
	c.ok(c.deliver(got.EventID, "LICENCE"))
	r := <-waiting
	if r.err != nil || string(r.app.Content) != "LICENCE" || r.app.FingerprintForm != cloudapi.FingerprintFull {
		t.Errorf("got %+v, %v", r.app, r.err)
	}
	again, err := c.ask(c.request("dev_1", "FP"), long)
	if err != nil || again.Event != got.EventID || string(again.Content) != "LICENCE" || len(c.seen()) != 1 {
		t.Errorf("the same request: %+v, %v, %d calls", again, err, len(c.seen()))
	}
	for name, other := range map[string]func(*market.Request){
		"another device":      func(r *market.Request) { r.Device, r.Hold.Device = "dev_2", "dev_2" },
		"another fingerprint": func(r *market.Request) { r.Fingerprint = "FP2" },
	} {
		r := c.request("dev_1", "FP")
		other(&r)
		if a, err := c.ask(r, brief); err != nil || a.Event == got.EventID {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	r4 := c.request("dev_1", "FP")
	r4.Form = token.FormFile
	_, err = c.ask(r4, brief)
	denied(t, "a fourth of three", err, cloudapi.ErrLicenseRefused, meta.ReasonQuota)
}

func TestLicenseTwoAtOnce(t *testing.T) {
	c := start(t, true)
	var all []<-chan outcome
	for range 20 {
		all = append(all, c.asking(c.request("dev_1", "FP"), long))
	}
	c.until("the merchant is called", 0, func() bool { return len(c.seen()) > 0 })
	c.ok(c.deliver(c.seen()[0].EventID, "L"))
	for _, w := range all {
		if r := <-w; r.err != nil || string(r.app.Content) != "L" {
			t.Errorf("%+v, %v", r.app, r.err)
		}
	}
	if len(c.applications()) != 1 || len(c.seen()) != 1 {
		t.Errorf("%d applications, %d calls", len(c.applications()), len(c.seen()))
	}
}

// TestLicenseWaitingCostsNothing: who waits asks the store when something happens, and then only.
func TestLicenseWaitingCostsNothing(t *testing.T) {
	c := start(t, true)
	c.merchant(func(int, wire.GetLicenseAsync) wire.Answer { return wire.Answer{ResultCode: wire.Internal} })
	var all []<-chan outcome
	for range 50 {
		all = append(all, c.asking(c.request("dev_1", "FP"), long))
	}
	c.until("all wait", 0, func() bool { return c.store.count() >= 50 && len(c.seen()) > 0 })
	before := c.store.count()
	time.Sleep(50 * time.Millisecond)
	if now := c.store.count(); now != before {
		t.Errorf("%d reads while nothing happened", now-before)
	}
	c.ok(c.deliver(c.seen()[0].EventID, "L"))
	for _, w := range all {
		if r := <-w; r.err != nil {
			t.Error(r.err)
		}
	}
	if n := c.store.count() - before; n > 51 { // one each, and Deliver's own
		t.Errorf("%d reads for one event and 50 who wait", n)
	}
}

// TestLicenseBeforeTheAnswer: a merchant that makes the licence first and answers afterwards.
func TestLicenseBeforeTheAnswer(t *testing.T) {
	c := start(t, true)
	c.merchant(func(n int, r wire.GetLicenseAsync) wire.Answer {
		if err := c.deliver(r.EventID, "L"); err != nil {
			t.Error(err)
		}
		return wire.Answer{ResultCode: []wire.Code{wire.Internal, wire.QuotaInsufficient}[n-1]} // and then nonsense, twice
	})
	a, err := c.ask(c.request("dev_1", "FP"), long)
	if err != nil || string(a.Content) != "L" {
		t.Fatalf("%+v, %v", a, err)
	}
	c.until("both answers", time.Second, func() bool { return len(c.seen()) == 2 })
	c.until("the call is done", 0, func() bool {
		list, err := c.store.Calls(context.Background(), meta.CallFilter{State: meta.CallDone, Page: meta.Page{Limit: 9}})
		c.ok(err)
		return len(list) == 1
	})
	if got := c.state(a.Event); got != meta.ApplicationDelivered {
		t.Errorf("after the answers it is %s", got)
	}
}

func TestLicenseRefused(t *testing.T) {
	for _, tt := range []struct {
		code   wire.Code
		reason string
	}{
		{wire.QuotaInsufficient, meta.ReasonQuota},
		{wire.OutsideValidity, meta.ReasonDates},
		{wire.ExpiryMissing, meta.ReasonExpiry},
		{wire.FingerprintMissing, meta.ReasonFingerprint},
	} {
		t.Run(string(tt.code), func(t *testing.T) {
			c := start(t, true)
			c.merchant(code(tt.code, "no more seats"))
			_, err := c.ask(c.request("dev_1", "FP"), long)
			no := denied(t, "first", err, cloudapi.ErrLicenseRefused, tt.reason)
			if no.Params["text"] != "no more seats" || no.Params["result"] != string(tt.code) || no.Params["event"] == "" {
				t.Errorf("params %v", no.Params)
			}
			c.merchant(code(wire.Success, ""))
			_, err = c.ask(c.request("dev_1", "FP"), long)
			denied(t, "while it stands", err, cloudapi.ErrLicenseRefused, tt.reason)
			c.clock.Advance(meta.RefusalStands)
			a, err := c.ask(c.request("dev_1", "FP"), brief)
			if err != nil || a.Event == no.Params["event"] {
				t.Errorf("after it: %+v, %v", a, err)
			}
			c.until("a second call", 0, func() bool { return len(c.seen()) == 2 })
			if err := c.deliver(no.Params["event"], "L"); err == nil {
				t.Error("an upload for the refused application is taken")
			}
			c.ok(c.deliver(a.Event, "L"))
		})
	}
}

func TestLicenseFailures(t *testing.T) {
	c := start(t, true)
	c.merchant(func(n int, _ wire.GetLicenseAsync) wire.Answer {
		return wire.Answer{ResultCode: []wire.Code{wire.Internal, wire.NoInstance, wire.Success}[n-1]}
	})
	w := c.asking(c.request("dev_1", "FP"), long)
	c.until("three calls", time.Second, func() bool { return len(c.seen()) == 3 })
	for i, r := range c.seen() {
		if r.EventID != c.seen()[0].EventID || !bytes.Equal(c.bodies[i], c.bodies[0]) {
			t.Errorf("call %d is another one: %s", i, c.bodies[i])
		}
	}
	c.until("taken", 0, func() bool { return c.state(c.seen()[0].EventID) == meta.ApplicationMaking })
	c.ok(c.deliver(c.seen()[0].EventID, "L"))
	if r := <-w; r.err != nil {
		t.Error(r.err)
	}
}

func TestLicensePlanEnds(t *testing.T) {
	c := start(t, true)
	c.merchant(code(wire.Internal, ""))
	w := c.asking(c.request("dev_1", "FP"), long)
	// By the store and not by the answer: the clock must not go on once the refusal stands.
	c.until("given up", 2*time.Second, func() bool {
		list := c.applications()
		return len(list) == 1 && list[0].State == meta.ApplicationRefused
	})
	no := denied(t, "given up", (<-w).err, cloudapi.ErrLicenseRefused, meta.ReasonISV)
	event, calls := no.Params["event"], len(c.seen())
	if no.Params["result"] != string(wire.Internal) {
		t.Errorf("params %v", no.Params)
	}
	c.merchant(code(wire.Success, ""))
	_, err := c.ask(c.request("dev_1", "FP"), brief)
	denied(t, "while it stands", err, cloudapi.ErrLicenseRefused, meta.ReasonISV)
	c.clock.Advance(meta.RefusalStands + time.Millisecond)
	a, err := c.ask(c.request("dev_1", "FP"), brief)
	if err != nil || a.Event != event {
		t.Fatalf("asked again: %+v, %v", a, err)
	}
	c.until("called again", 0, func() bool { return len(c.seen()) == calls+1 })
	if got := c.seen()[calls]; got.EventID != event {
		t.Errorf("another event: %+v", got)
	}
	c.ok(c.deliver(event, "L"))
}

// TestLicenseSentAgain: the merchant's "send again" brings an application back that was given up.
func TestLicenseSentAgain(t *testing.T) {
	c := start(t, true)
	c.merchant(code(wire.Internal, ""))
	a, err := c.ask(c.request("dev_1", "FP"), brief)
	c.ok(err)
	c.until("given up", 2*time.Second, func() bool { return c.state(a.Event) == meta.ApplicationRefused })
	var list []meta.Call
	c.until("recorded", 0, func() bool {
		list, err = c.store.Calls(context.Background(), meta.CallFilter{Subject: a.Event, State: meta.CallFailed, Page: meta.Page{Limit: 9}})
		c.ok(err)
		return len(list) == 1
	})
	c.merchant(code(wire.Processing, ""))
	_, err = c.queue.Restart(context.Background(), "mer_1", list[0].ID, meta.Entry{})
	c.ok(err)
	c.until("taken", 0, func() bool { return c.state(a.Event) == meta.ApplicationMaking })
	c.ok(c.deliver(a.Event, "L"))
}

// TestLicenseRestart: the cloud ends while an agent waits and a call is due; nothing is asked twice under another event.
func TestLicenseRestart(t *testing.T) {
	c := start(t, true)
	hang, hold := make(chan struct{}), make(chan struct{}, 9)
	c.merchant(func(int, wire.GetLicenseAsync) wire.Answer {
		hold <- struct{}{}
		<-hang
		return wire.Answer{ResultCode: wire.Success}
	})
	ctx, cut := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = c.room.Ask(ctx, c.request("dev_1", "FP"), long) }()
	c.until("the call is under way", 0, func() bool { return len(hold) == 1 })
	cut()
	<-ended
	c.close()
	close(hang)
	c.open()
	a, err := c.ask(c.request("dev_1", "FP"), brief)
	c.ok(err)
	c.until("called again", 0, func() bool { return len(c.seen()) == 2 })
	if c.seen()[0].EventID != a.Event || c.seen()[1].EventID != a.Event {
		t.Errorf("events %+v, application %s", c.seen(), a.Event)
	}
	c.ok(c.deliver(a.Event, "L"))
	c.close()
	c.open()
	c.ok(c.deliver(a.Event, "L")) // the merchant has not seen the answer
	if err := c.deliver(a.Event, "M"); err == nil {
		t.Error("other bytes are taken")
	}
	got, err := c.ask(c.request("dev_1", "FP"), long)
	if err != nil || string(got.Content) != "L" || len(c.applications()) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLicenseLost: taken, and never brought. Who still wants it makes the cloud ask again.
func TestLicenseLost(t *testing.T) {
	c := start(t, true)
	a, err := c.ask(c.request("dev_1", "FP"), brief)
	c.ok(err)
	c.until("taken", 0, func() bool { return c.state(a.Event) == meta.ApplicationMaking })
	c.until("recorded", 0, func() bool {
		list, err := c.store.Calls(context.Background(), meta.CallFilter{Subject: a.Event, State: meta.CallDone, Page: meta.Page{Limit: 9}})
		c.ok(err)
		return len(list) == 1
	})
	c.clock.Advance(10 * time.Minute)
	_, err = c.ask(c.request("dev_1", "FP"), brief)
	c.ok(err)
	if n := len(c.seen()); n != 1 {
		t.Errorf("%d calls after ten minutes", n)
	}
	c.clock.Advance(time.Second)
	for range 3 {
		again, err := c.ask(c.request("dev_1", "FP"), brief)
		if err != nil || again.Event != a.Event {
			t.Errorf("%+v, %v", again, err)
		}
	}
	c.until("asked again", 0, func() bool { return len(c.seen()) == 2 })
	if c.seen()[1].EventID != a.Event {
		t.Errorf("another event: %+v", c.seen()[1])
	}
}

func TestLicenseFingerprints(t *testing.T) {
	c := start(t, true)
	_, err := c.ask(c.request("dev_1", ""), brief)
	denied(t, "none for a bound product", err, cloudapi.ErrLicenseRefused, meta.ReasonFingerprint)
	if n := len(c.applications()); n != 0 {
		t.Errorf("%d applications", n)
	}
	full, long := strings.Repeat("指", 1024), strings.Repeat("A", 1025)
	a, err := c.ask(c.request("dev_1", full), brief)
	if err != nil || a.Fingerprint != full || a.FingerprintForm != cloudapi.FingerprintFull {
		t.Errorf("1024 characters: %+v, %v", a, err)
	}
	a, err = c.ask(c.request("dev_1", long), brief)
	sum := token.FingerprintSum(long)
	if err != nil || a.Fingerprint != "SHA256:"+strings.ToUpper(sum) || len(a.Fingerprint) != 71 || a.FingerprintForm != cloudapi.FingerprintDigest {
		t.Errorf("1025 characters: %+v, %v", a, err)
	}
	c.ok(c.deliver(a.Event, "L"))
	doc, err := c.room.Document(context.Background(), "org_a", a.Event)
	if err != nil || doc.Fingerprint != sum {
		t.Errorf("document of a digest: %+v, %v", doc, err)
	}
}

func TestLicenseForms(t *testing.T) {
	c := start(t, false)
	n := 0
	for _, tt := range []struct {
		name, form, kind, content string
		ok                        bool
	}{
		{"text for a string", token.FormString, wire.UploadCharacters, "L", true},
		{"a file that is text for a string", token.FormString, wire.UploadFile, "line 1\nline 2\n", true},
		{"1024 characters for a string", token.FormString, wire.UploadFile, strings.Repeat("许", 1024), true},
		{"1025 characters for a string", token.FormString, wire.UploadFile, strings.Repeat("x", 1025), false},
		{"a binary file for a string", token.FormString, wire.UploadFile, "a\xff", false},
		{"NUL for a string", token.FormString, wire.UploadCharacters, "a\x00b", false},
		{"nothing for a string", token.FormString, wire.UploadFile, "", false},
		{"characters for a file", token.FormFile, wire.UploadCharacters, "L", true},
		{"any bytes for a file", token.FormFile, wire.UploadFile, "\x00\xff", true},
		{"1 MiB for a file", token.FormFile, wire.UploadFile, strings.Repeat("x", 1<<20), true},
		{"one byte more", token.FormFile, wire.UploadFile, strings.Repeat("x", 1<<20+1), false},
		{"nothing for a file", token.FormFile, wire.UploadFile, "", false},
	} {
		n++
		res, err := c.store.Resource(context.Background(), "ins_1")
		c.ok(err)
		res.Amount = 100
		c.ok(c.store.TakeStep(context.Background(), meta.Step{Resource: res}))
		r := c.request("dev_1", fmt.Sprint("FP", n))
		r.Form = tt.form
		a, err := c.ask(r, brief)
		c.ok(err)
		err = c.room.Deliver(context.Background(), meta.Upload{Event: a.Event, Merchant: "mer_1", Type: tt.kind, Content: []byte(tt.content)})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !tt.ok {
			denied(t, tt.name, err, cloudapi.ErrInvalid, "")
		}
		if got := c.state(a.Event); (got == meta.ApplicationDelivered) != tt.ok {
			t.Errorf("%s: it is %s", tt.name, got)
		}
		err = c.room.Deliver(context.Background(), meta.Upload{Event: a.Event, Merchant: "mer_2", Type: tt.kind, Content: []byte(tt.content)})
		denied(t, tt.name+", by another merchant", err, cloudapi.ErrConflict, meta.UploadForeign)
	}
}

func TestLicenseTyped(t *testing.T) {
	c := start(t, true)
	ctx := context.Background()
	typed := func(change func(*market.TypedRequest)) (meta.Application, error) {
		r := market.TypedRequest{Org: "org_a", Account: "boss", Resource: "ins_1", Form: token.FormString, HardwareCode: "HW-1"}
		if change != nil {
			change(&r)
		}
		return c.room.Apply(ctx, r)
	}
	first, err := typed(nil)
	if err != nil || first.FingerprintForm != cloudapi.FingerprintCode || !first.From.Equal(c.merchI.From) || !first.Until.Equal(c.merchI.Until) {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := typed(func(r *market.TypedRequest) { r.Account = "ann"; r.From = c.merchI.From.Add(999 * time.Millisecond) })
	if err != nil || again.Event != first.Event {
		t.Errorf("the same by another administrator: %+v, %v", again, err)
	}
	now := c.clock.Now()
	for _, tt := range []struct {
		name         string
		change       func(*market.TypedRequest)
		code, reason string
	}{
		{"another organisation's", func(r *market.TypedRequest) { r.Org = "org_isv" }, cloudapi.ErrNotFound, ""},
		{"other form", func(r *market.TypedRequest) { r.Form = "FILE" }, cloudapi.ErrInvalid, ""},
		{"both", func(r *market.TypedRequest) { r.Fingerprint = "FP" }, cloudapi.ErrInvalid, ""},
		{"neither", func(r *market.TypedRequest) { r.HardwareCode = "" }, cloudapi.ErrLicenseRefused, meta.ReasonFingerprint},
		{"code too long", func(r *market.TypedRequest) { r.HardwareCode = strings.Repeat("码", 1025) }, cloudapi.ErrInvalid, ""},
		{"ends after the term", func(r *market.TypedRequest) { r.Until = c.merchI.Until.Add(time.Second) }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"begins before it", func(r *market.TypedRequest) { r.From = c.merchI.From.Add(-time.Second) }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
		{"ends before it begins", func(r *market.TypedRequest) { r.From, r.Until = now.Add(2*time.Hour), now.Add(time.Hour) }, cloudapi.ErrLicenseRefused, meta.ReasonDates},
	} {
		_, err := typed(tt.change)
		denied(t, tt.name, err, tt.code, tt.reason)
	}
	inside, err := typed(func(r *market.TypedRequest) { r.From, r.Until = now, now.Add(time.Hour) })
	if err != nil || inside.Event == first.Event {
		t.Errorf("other dates: %+v, %v", inside, err)
	}
	_, err = c.room.Delivered(ctx, "org_a", first.Event)
	denied(t, "not delivered yet", err, cloudapi.ErrConflict, "")
	c.ok(c.deliver(first.Event, "L"))
	_, err = c.room.Document(ctx, "org_isv", first.Event)
	denied(t, "another organisation's document", err, cloudapi.ErrNotFound, "")
	doc, err := c.room.Document(ctx, "org_a", first.Event)
	if err != nil || doc.Fingerprint != "" || string(doc.Content) != "L" || doc.Product != "cad" || doc.Instance != "ins_1" || len(doc.Features) != 1 {
		t.Errorf("document %+v, %v", doc, err)
	}
	if _, err := doc.Claims(); err != nil {
		t.Error(err)
	}
}

// TestLicenseRenewal: after a renewal the same request is an application with the new dates.
func TestLicenseRenewal(t *testing.T) {
	c := start(t, true)
	ctx := context.Background()
	a, err := c.ask(c.request("dev_1", "FP"), brief)
	c.ok(err)
	c.ok(c.deliver(a.Event, "OLD"))
	res, err := c.store.Resource(ctx, "ins_1")
	c.ok(err)
	res.Term, res.Until = 2, res.Until.AddDate(1, 0, 0)
	c.ok(c.store.TakeStep(ctx, meta.Step{Resource: res}))
	b, err := c.ask(c.request("dev_1", "FP"), brief)
	if err != nil || b.Event == a.Event || !b.Until.Equal(res.Until) {
		t.Fatalf("%+v, %v", b, err)
	}
	c.ok(c.deliver(b.Event, "NEW"))
	if got, err := c.ask(c.request("dev_1", "FP"), long); err != nil || string(got.Content) != "NEW" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLicenseRelease: a cloud that ends keeps nobody waiting.
func TestLicenseRelease(t *testing.T) {
	c := start(t, true)
	w := c.asking(c.request("dev_1", "FP"), long)
	c.until("the merchant is called", 0, func() bool { return len(c.seen()) == 1 })
	c.room.Release()
	c.room.Release()
	if r := <-w; r.err != nil || r.app.State == meta.ApplicationDelivered {
		t.Errorf("%+v, %v", r.app, r.err)
	}
}
