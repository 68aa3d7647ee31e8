package produce

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// A call rests when the cloud itself could not do what the answer means: its disk is full, say. The first time
// for troublePause, then twice as long each time, troubleMost at last: the merchant is not called each second for it.
const (
	troublePause = time.Second
	troubleMost  = 30 * time.Second // it holds one of the merchant's places
)

// troubled is how long a call rests that was in trouble so many times before.
func troubled(before int) time.Duration {
	return min(troublePause<<min(before, 10), troubleMost)
}

// attempt makes a call once, does what the answer means, and records it. When the process ends on
// the way nothing is recorded and the call is made again.
func (q *Queue) attempt(ctx context.Context, c meta.Call) {
	err := q.try(ctx, c)
	q.mu.Lock()
	before := q.trouble[c.ID]
	if q.trouble[c.ID]++; err == nil {
		delete(q.trouble, c.ID)
	}
	q.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		q.Log.Error("an answer of a merchant could not be used", "call", c.ID, "activity", c.Activity, "error", err)
		_ = clock.Wait(ctx, troubled(before)) // its only error is that the queue ends
	}
}

func (q *Queue) try(ctx context.Context, c meta.Call) error {
	x, err := q.send(ctx, c)
	if err != nil || ctx.Err() != nil {
		return err
	}
	h := q.handlers[c.Activity]
	d := Usual(x)
	if h.Answered != nil {
		var fault Fault
		if d, err = h.Answered(ctx, c, x); errors.As(err, &fault) {
			d, x.Verdict = Repeat, string(fault)
		} else if err != nil {
			return err
		}
	}
	now := q.Clock.Now()
	a := meta.CallAnswer{Call: c.ID, Time: x.Begun, Status: x.Status, Result: string(x.Result.ResultCode)}
	if d != Finish {
		a.Error = x.Verdict
	}
	switch d {
	case Finish:
		a.State = meta.CallDone
	case Repeat, Wait:
		plan := q.Plans.Of(c.Activity)
		next, more := plan.Next(c.End.Add(-plan.For), now)
		if a.State, a.Next = meta.CallWaiting, next; !more {
			d = GiveUp
		} else if d == Repeat {
			a.Notice = notice(c, a, meta.NoticeFailing, now)
		}
	}
	if d == GiveUp {
		a.State, a.Next = meta.CallFailed, time.Time{}
		a.Notice = notice(c, a, meta.NoticeGivenUp, now)
		if h.GivenUp != nil {
			if err := h.GivenUp(ctx, c, x); err != nil {
				return err
			}
		}
	}
	return q.Store.AnswerCall(ctx, a)
}

// send finds the target and makes the call. That there is no target is a failure like a merchant that
// cannot be reached: the merchant can put it right, and has a notice to learn of it.
func (q *Queue) send(ctx context.Context, c meta.Call) (Exchange, error) {
	body, err := q.fresh(c)
	if err != nil {
		return Exchange{}, err
	}
	to, err := q.Targets.Target(ctx, c)
	if err != nil {
		x := Exchange{Request: body, Begun: q.Clock.Now()}
		return x.end(q.Clock, Unreached, "nothing was sent: "+err.Error()), nil
	}
	return q.Sender.Post(ctx, to, c.Activity, body), nil
}

// fresh is the body of one attempt: newInstance has a businessId that is different on every request.
func (q *Queue) fresh(c meta.Call) ([]byte, error) {
	if c.Activity != wire.ActivityNewInstance {
		return q.flagged(c.Body), nil
	}
	var r wire.NewInstance
	if err := json.Unmarshal(c.Body, &r); err != nil {
		return nil, fmt.Errorf("read queued call: %w", err)
	}
	r.BusinessID = NewBusinessID()
	body, err := wire.Encode(r)
	return q.flagged(body), err
}

// flagged is a body of ours with or without testFlag 0, by the reading; its place is the last.
func (q *Queue) flagged(body []byte) []byte {
	const end = `,"testFlag":"0"}`
	bare, has := bytes.CutSuffix(body, []byte(end))
	switch {
	case q.Readings.TestFlagAlways && !has:
		return append(bytes.TrimSuffix(bytes.Clone(body), []byte("}")), end...)
	case q.Readings.TestFlagDebugOnly && has:
		return append(bytes.Clone(bare), '}')
	}
	return body
}

// NewBusinessID makes a businessId in the form of the samples: a random UUID.
func NewBusinessID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func notice(c meta.Call, a meta.CallAnswer, event string, now time.Time) *meta.Notice {
	category := meta.NoticeOperation
	if c.Activity == wire.ActivityNewInstance && event == meta.NoticeGivenUp {
		category = meta.NoticeProvision
	}
	return &meta.Notice{ID: meta.NewID("ntc"), Merchant: c.Merchant, Category: category, Event: event, About: c.ID, Time: now, Count: 1,
		Params: map[string]string{"call": c.ID, "activity": c.Activity, "subject": c.Subject, "result": a.Result, "error": a.Error}}
}
