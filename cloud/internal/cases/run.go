package cases

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Report is what a run came to.
type Report struct {
	Scene     string
	Passed    bool
	Verdict   Verdict
	Exchanges []produce.Exchange // in the order in which they were sent; the repeat is the last of them
	Event     meta.TestEvent     // getLicenseAsync: what has arrived; zero otherwise
	Case      meta.Case          // as it is saved; zero when nothing is
}

func (r *Room) stamp() string { return r.Sender.Timestamp() }

// Run sends a wish, judges it, and saves what has passed. Refusals: those of the target (see Show);
// rate_limited when too many of the merchant are under way.
func (r *Room) Run(ctx context.Context, w Wish, why meta.Entry) (Report, error) {
	if err := r.enter(w.Merchant); err != nil {
		return Report{}, err
	}
	defer r.leave(w.Merchant)
	a, err := r.ready(ctx, w)
	if err != nil {
		return Report{}, err
	}
	rep, err := r.try(ctx, a)
	if err != nil || !rep.Passed {
		return rep, err
	}
	params, err := json.Marshal(a.Params)
	if err != nil {
		return rep, err
	}
	now := meta.Stamp(r.Clock.Now())
	c := meta.Case{ID: meta.NewID("cas"), Merchant: a.Merchant, Product: a.Product, URL: a.URL, Key: w.Key, Scene: a.scene.ID, Params: string(params),
		Saved: now, Last: now, Passed: true, Verdict: rep.Verdict.Code, Text: rep.Verdict.English()}
	if a.scene.Activity == wire.ActivityNewInstance {
		c.Instance = rep.Exchanges[0].Result.InstanceID
	}
	rep.Case, err = r.Store.PutCase(ctx, c, why)
	return rep, err
}

// RunAll runs the scenes of the listing's kind with their pre-set parameters, one after the other; it
// ends early when the server is not reached.
func (r *Room) RunAll(ctx context.Context, w Wish, why meta.Entry) ([]Report, error) {
	l, err := r.Store.Listing(ctx, w.Product)
	if err == nil && l.Merchant != w.Merchant {
		err = meta.Refuse(cloudapi.ErrNotFound, "the product is not listed")
	}
	if err != nil {
		return nil, err
	}
	var list []Report
	for _, s := range Usual(l) {
		rep, err := r.Run(ctx, Wish{Merchant: w.Merchant, Product: w.Product, Scene: s.ID}, why)
		if err != nil {
			return list, err
		}
		list = append(list, rep)
		if rep.unreached() {
			break
		}
	}
	return list, nil
}

// Usual lists the scenes that every server of the listing's kind has to pass.
func Usual(l meta.Listing) (list []Scene) {
	for _, s := range Scenes() {
		switch s.Category {
		case meta.KeyBase:
			if l.Kind == meta.KindCode || l.Kind == meta.KindSaaS && s.Activity == wire.ActivityGetLicenseAsync ||
				l.Kind == meta.KindLicense && s.ID == "refreshInstance.RENEWAL_CHANGE" {
				continue
			}
		case meta.KeyCode:
			if l.Kind != meta.KindCode {
				continue
			}
		case meta.KeyNotify:
			if l.NotifyURL == "" {
				continue
			}
		default: // the kit is a part of its own
			continue
		}
		list = append(list, s)
	}
	return list
}

func (rep Report) unreached() bool {
	n := len(rep.Exchanges)
	return n > 0 && rep.Exchanges[n-1].Outcome == produce.Unreached
}

// Replay sends a saved case again with its parameters and notes what came of it.
func (r *Room) Replay(ctx context.Context, merchant, id string) (Report, error) {
	if err := r.enter(merchant); err != nil {
		return Report{}, err
	}
	defer r.leave(merchant)
	c, err := r.Store.Case(ctx, merchant, id)
	if err != nil {
		return Report{}, err
	}
	return r.replay(ctx, c)
}

// ReplayAll replays a merchant's cases, those of one product when it is named. What stands behind a server
// that is not reached is not sent.
func (r *Room) ReplayAll(ctx context.Context, merchant, product string) ([]Report, error) {
	if err := r.enter(merchant); err != nil {
		return nil, err
	}
	defer r.leave(merchant)
	list, err := r.Store.Cases(ctx, merchant)
	if err != nil {
		return nil, err
	}
	var of []meta.Case
	for _, c := range list {
		if product == "" || c.Product == product {
			of = append(of, c)
		}
	}
	return r.replayList(ctx, of)
}

func (r *Room) replayList(ctx context.Context, list []meta.Case) (reports []Report, err error) {
	down := map[string]bool{}
	for _, c := range list {
		if down[target(c)] {
			rep := Report{Scene: c.Scene, Verdict: Verdict{Code: "skipped"}, Case: c}
			if rep, err = r.note(ctx, rep); err != nil {
				return reports, err
			}
			reports = append(reports, rep)
			continue
		}
		rep, err := r.replay(ctx, c)
		if err != nil {
			return reports, err
		}
		down[target(c)] = rep.unreached()
		reports = append(reports, rep)
	}
	return reports, nil
}

// replay is Replay without the count. A target that is refused by now is a failure of the case.
func (r *Room) replay(ctx context.Context, c meta.Case) (Report, error) {
	w, err := wishOf(c)
	if err != nil {
		return Report{}, err
	}
	a, err := r.ready(ctx, w)
	if code := meta.CodeOf(err); code == cloudapi.ErrInvalid || code == cloudapi.ErrConflict || code == cloudapi.ErrNotFound {
		return r.note(ctx, Report{Scene: c.Scene, Verdict: Verdict{Code: "target", Params: map[string]string{"why": err.Error()}}, Case: c})
	}
	if err != nil {
		return Report{}, err
	}
	rep, err := r.try(ctx, a)
	if err != nil {
		return rep, err
	}
	if x := rep.Exchanges; rep.Passed && c.Instance != "" && x[0].Result.InstanceID != c.Instance {
		rep.Passed, rep.Verdict = false, Verdict{Code: "other_instance", Params: map[string]string{"first": c.Instance, "second": x[0].Result.InstanceID}}
	}
	rep.Case = c
	return r.note(ctx, rep)
}

func (r *Room) note(ctx context.Context, rep Report) (Report, error) {
	c := &rep.Case
	c.Last, c.Passed, c.Verdict, c.Text = meta.Stamp(r.Clock.Now()), rep.Passed, rep.Verdict.Code, rep.Verdict.English()
	return rep, r.Store.NoteCase(ctx, meta.CaseResult{Case: c.ID, Time: c.Last, Passed: c.Passed, Verdict: c.Verdict, Text: c.Text})
}

// pollEvery is how often an upload is looked for, askEvery how often the server is asked whether its work has ended.
const (
	pollEvery = 100 * time.Millisecond
	askEvery  = time.Second
)

// try sends what a scene needs and judges it. It saves nothing.
func (r *Room) try(ctx context.Context, a aim) (Report, error) {
	rep := Report{Scene: a.scene.ID}
	event := ""
	var before meta.TestEvent // what an earlier run has brought is no evidence of this one
	if a.scene.Activity == wire.ActivityGetLicenseAsync {
		if event = a.Params["eventId"]; event == "" || len(event) > 64 {
			return rep, wrongParam("eventId", "the event has 1 to 64 characters")
		}
		if err := r.Store.AddTestEvent(ctx, a.Merchant, event, meta.Stamp(r.Clock.Now())); err != nil {
			return rep, err
		}
		var err error
		if before, err = r.Store.TestEvent(ctx, a.Merchant, event); err != nil {
			return rep, wrongParam("eventId", "choose another event: this one is taken")
		}
	}
	x, err := r.send(ctx, a, &rep)
	if err != nil {
		return rep, err
	}
	if rep.Verdict = judge(a, x); rep.Verdict.Code == "result.000001" && !a.scene.Kit() {
		r.trySeconds(ctx, a, x, &rep)
	}
	if rep.Verdict.Code != passed {
		return rep, nil
	}
	if a.scene.Twice {
		again, err := r.send(ctx, a, &rep)
		if err != nil {
			return rep, err
		}
		if rep.Verdict = judgeRepeat(judge(a, again), x, again); rep.Verdict.Code != passed {
			return rep, nil
		}
	}
	if event != "" {
		if err := r.arrival(ctx, before, &rep); err != nil {
			return rep, err
		}
	}
	rep.Passed = rep.Verdict.Code == passed
	return rep, ctx.Err()
}

// send makes one request; work that goes on is asked for again, as the marketplace does, until it is done
// or the waiting ends. newInstance and getLicenseAsync may answer that they go on: that is looked at elsewhere.
func (r *Room) send(ctx context.Context, a aim, rep *Report) (produce.Exchange, error) {
	waits := a.scene.Activity != wire.ActivityNewInstance && a.scene.Activity != wire.ActivityGetLicenseAsync
	end := int(r.Wait / askEvery)
	for n := 0; ; n++ {
		x, err := r.request(a)
		if err != nil {
			return x, err
		}
		x = r.Sender.Send(ctx, x, a.to, a.scene.Activity)
		if n > 0 {
			rep.Exchanges = rep.Exchanges[:len(rep.Exchanges)-1] // only the last answer counts
		}
		rep.Exchanges = append(rep.Exchanges, x)
		if x.Outcome != produce.Processing || !waits || n >= end || clock.Wait(ctx, askEvery) != nil {
			return x, ctx.Err()
		}
	}
}

// trySeconds finds the mistake that looks like any wrong signature: a server that takes the timestamp for
// seconds refuses each call as too old.
func (r *Room) trySeconds(ctx context.Context, a aim, x produce.Exchange, rep *Report) {
	seconds := r.Sender.Sign(a.to, x.Request, strconv.FormatInt(r.Clock.Now().Unix(), 10))
	seconds = r.Sender.Send(ctx, seconds, a.to, a.scene.Activity)
	rep.Exchanges = append(rep.Exchanges, seconds)
	if seconds.Outcome == produce.Done || seconds.Outcome == produce.Processing {
		rep.Verdict = Verdict{Code: "seconds"}
	}
}

// arrival waits for an upload of a test event that was not there before, and judges it: a merchant uploads the same
// licence again when the same application comes again.
func (r *Room) arrival(ctx context.Context, before meta.TestEvent, rep *Report) error {
	for n := 0; ; n++ {
		e, err := r.Store.TestEvent(ctx, before.Merchant, before.Event)
		if err != nil {
			return err
		}
		rep.Event = e
		switch {
		case e.Others > before.Others:
			rep.Verdict = Verdict{Code: "other_licence", Params: map[string]string{"others": strconv.Itoa(e.Others)}}
			return nil
		case before.Received.IsZero() && !e.Received.IsZero(), e.Repeats > before.Repeats:
			return nil
		case n >= int(r.Wait/pollEvery):
			rep.Verdict = Verdict{Code: "no_upload", Params: map[string]string{"seconds": strconv.Itoa(int(r.Wait / time.Second)), "event": before.Event}}
			return nil
		}
		if err := clock.Wait(ctx, pollEvery); err != nil {
			return err
		}
	}
}
