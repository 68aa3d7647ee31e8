package license

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Pace of a request whose licence a publisher has to make. The cloud holds each question back for
// up to 20 s, so few of them are enough; none of these waits is a timer under a second.
const (
	patience   = 2*time.Hour + 15*time.Minute // the marketplace calls a publisher for 2 hours; then the cloud has its answer
	askSoonest = time.Second
	askSlowest = 5 * time.Minute  // what the cloud may wish for at most
	askFloor   = 30 * time.Second // what a long wait slows down to by itself
	awayFirst  = 5 * time.Second  // with the cloud away; doubles up to awayMost
	awayMost   = 2 * time.Minute
	maxAsking  = 16 // waiting requests that ask at the same time
	tellEvery  = time.Minute
)

// wait is one request after the cloud has taken it, or before.
type wait struct {
	room *Room
	op   *events.Op
	asked
	told   string // what was told last
	toldAt time.Time
	away   int // questions in a row that the cloud did not answer
}

// accepted says that the cloud has the request: from then on its absence is waited out.
func (w *wait) accepted() bool { return !w.Accepted.IsZero() }

// take notes that the cloud has the request, durably: an agent that is killed now goes on with it.
func (w *wait) take(account, event string, now time.Time) {
	w.away = 0
	if w.accepted() && w.Event == event {
		return
	}
	w.Event, w.Account = event, account
	if !w.accepted() {
		w.Accepted = now
	}
	if err := w.op.SetData(w.asked); err != nil {
		w.room.cfg.Log.Error("keep that a licence is waited for", "operation", w.op.ID(), "error", err)
	}
}

// over says that it was waited for long enough.
func (w *wait) over(now time.Time) bool { return w.accepted() && now.Sub(w.Accepted) >= patience }

// late is the end of a request that was waited for long enough.
func (w *wait) late() error {
	return &api.Error{Code: api.LicenseLate, Detail: fmt.Sprintf("application %s, taken by the cloud at %s", w.Event, w.Accepted.UTC().Format(time.RFC3339))}
}

// tell shows what is waited for: in the operation's state, and as an event. A cloud that says something
// else each time is told of once a minute.
func (w *wait) tell(cause error, now time.Time) {
	reason, hint := makingPhrase(api.Chinese(w.op.Owner().Language))
	p := map[string]string{"waitsFor": api.WaitsPublisher, "event": w.Event, "until": w.Accepted.Add(patience).UTC().Format(time.RFC3339)}
	if cause != nil {
		code := api.CodeOf(cause)
		p["waitsFor"], p[api.ParamCode] = api.WaitsCloud, strconv.Itoa(int(code))
		if code == api.NotSignedIn || code == api.SessionExpired {
			p["waitsFor"] = api.WaitsSignIn
		}
		reason, hint = api.Text(code, w.op.Owner().Language)
	}
	p[api.ParamReason], p[api.ParamHint] = reason, hint
	what := p["waitsFor"] + p[api.ParamCode] + p["event"]
	if what == w.told || w.told != "" && now.Sub(w.toldAt) < tellEvery {
		return
	}
	w.told, w.toldAt = what, now
	if err := w.op.Queue(api.EventLicensePending, api.OperateLicensePending, p); err != nil {
		w.room.cfg.Log.Error("tell that a licence is waited for", "operation", w.op.ID(), "error", err)
	}
}

// makingPhrase says that the publisher is at work.
func makingPhrase(chinese bool) (reason, hint string) {
	if chinese {
		return "软件商正在生成许可证。", "请稍候，许可证生成后会自动送达；也可以先取消，稍后再申请。"
	}
	return "The software's publisher is making the licence.", "Wait, it arrives by itself; or cancel and request it again later."
}

// pause waits before the next question: as long as the cloud wishes, and the longer the longer it has taken.
func (w *wait) pause(ctx context.Context, pending *cloudapi.LicensePending, cause error, now time.Time) error {
	d := awayFirst << min(w.away, 8)
	if pending != nil {
		d = time.Duration(min(max(pending.RetryAfter, 0), int(askSlowest/time.Second))) * time.Second
		d = max(d, askSoonest, min(now.Sub(w.Accepted)/20, askFloor))
	} else {
		w.away++
		d = min(d, awayMost)
	}
	var no *cloudhttp.Refusal
	if errors.As(cause, &no) {
		d = max(d, min(no.RetryAfter, askSlowest))
	}
	return w.room.wait(ctx, d+rand.N(d/4)) // desks that wait together do not ask together
}

// turn bounds how many waiting requests ask at once; leave must be called when there is no error.
func (w *wait) turn(ctx context.Context) (leave func(), err error) {
	if !w.accepted() {
		return func() {}, nil // somebody has just asked
	}
	select {
	case w.room.asking <- struct{}{}:
		return func() { <-w.room.asking }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
