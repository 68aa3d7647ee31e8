package metatest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// due lists what is due after d, and when the next call will be.
func (c *core) due(t *testing.T, after time.Duration, each, limit int) ([]string, time.Time) {
	t.Helper()
	list, next, err := c.NextCalls(c.ctx, c.now.Add(after), each, limit)
	ok(t, err)
	var ids []string
	for _, call := range list {
		ids = append(ids, call.ID)
	}
	return ids, next
}

func (c *core) expect(t *testing.T, what string, after time.Duration, want ...string) {
	t.Helper()
	if got, _ := c.due(t, after, 100, 100); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: due %v, want %v", what, got, want)
	}
}

func (c *core) answer(t *testing.T, id, state string, next time.Duration) {
	t.Helper()
	ok(t, c.AnswerCall(c.ctx, meta.CallAnswer{Call: "cal_" + id, State: state, Time: c.now, Next: c.now.Add(next), Status: 200, Result: "000005", Error: "refused"}))
}

func queue(t *testing.T, c *core) {
	call := c.call("1", "one")
	call.Next = c.now.Add(time.Minute)
	ok(t, c.AddCall(c.ctx, call))
	other := c.call("2", "two")
	other.Key = call.Key
	ok(t, c.AddCall(c.ctx, other))
	_, err := c.Call(c.ctx, "cal_2")
	code(t, "a call with a key that is there", err, cloudapi.ErrNotFound)
	c.expect(t, "before its time", time.Minute-time.Millisecond)
	if _, next := c.due(t, 0, 1, 1); !next.Equal(call.Next) {
		t.Errorf("next %v", next)
	}
	c.expect(t, "at its time", time.Minute, "cal_1")
	if _, next := c.due(t, time.Minute, 1, 1); !next.IsZero() {
		t.Errorf("next %v", next)
	}
	c.answer(t, "1", meta.CallWaiting, 3*time.Minute)
	c.expect(t, "after an answer", 2*time.Minute)
	got, err := c.Call(c.ctx, "cal_1")
	ok(t, err)
	if got.Attempts != 1 || got.LastStatus != 200 || got.LastResult != "000005" || got.LastError != "refused" || !got.LastTime.Equal(c.now) ||
		!got.Next.Equal(c.now.Add(3*time.Minute)) {
		t.Errorf("call %+v", got)
	}
	c.answer(t, "1", meta.CallDone, 0)
	c.expect(t, "when done", time.Hour)
	c.answer(t, "1", meta.CallWaiting, 0) // a late answer
	c.expect(t, "after a late answer", time.Hour)
	code(t, "an answer to nothing", c.AnswerCall(c.ctx, meta.CallAnswer{Call: "none", State: meta.CallDone, Time: c.now}), cloudapi.ErrNotFound)
}

func subjects(t *testing.T, c *core) {
	for _, n := range []string{"1", "2"} {
		ok(t, c.AddCall(c.ctx, c.call(n, "same")))
	}
	ok(t, c.AddCall(c.ctx, c.call("3", "other")))
	c.expect(t, "first", 0, "cal_1", "cal_3")
	c.answer(t, "1", meta.CallWaiting, time.Minute)
	c.expect(t, "while the first waits for its repetition", 0, "cal_3")
	c.answer(t, "1", meta.CallFailed, 0)
	c.expect(t, "when the first has failed", 0, "cal_2", "cal_3")
}

func fairness(t *testing.T, c *core) {
	for i := range 20 {
		ok(t, c.AddCall(c.ctx, c.call(fmt.Sprint("a", i), fmt.Sprint("a", i))))
	}
	for i := range 2 {
		call := c.call(fmt.Sprint("b", i), fmt.Sprint("b", i))
		call.Merchant = "mer_2"
		ok(t, c.AddCall(c.ctx, call))
	}
	if got, _ := c.due(t, 0, 2, 3); !reflect.DeepEqual(got, []string{"cal_a0", "cal_b0", "cal_a1"}) {
		t.Errorf("three of them: %v", got)
	}
	if got, _ := c.due(t, 0, 2, 100); !reflect.DeepEqual(got, []string{"cal_a0", "cal_b0", "cal_a1", "cal_b1"}) {
		t.Errorf("two of each: %v", got)
	}
}

func sendAgain(t *testing.T, c *core) {
	ok(t, c.AddCall(c.ctx, c.call("1", "one")))
	end := c.now.Add(4 * time.Hour)
	_, err := c.RestartCall(c.ctx, "mer_1", "cal_1", c.now, end, c.why("restarted"))
	code(t, "a waiting call", err, cloudapi.ErrConflict)
	c.answer(t, "1", meta.CallFailed, 0)
	_, err = c.RestartCall(c.ctx, "mer_2", "cal_1", c.now, end, c.why("restarted"))
	code(t, "another merchant's call", err, cloudapi.ErrNotFound)
	got, err := c.RestartCall(c.ctx, "mer_1", "cal_1", c.now, end, c.why("restarted"))
	ok(t, err)
	if got.State != meta.CallWaiting || !got.End.Equal(end) || got.Attempts != 1 {
		t.Errorf("call %+v", got)
	}
	c.expect(t, "sent again", 0, "cal_1")
}

func notices(t *testing.T, c *core) {
	n := meta.Notice{ID: "ntc_1", Merchant: "mer_1", Category: meta.NoticeOperation, Event: meta.NoticeFailing, About: "cal_1",
		Params: map[string]string{"result": "000005"}, Count: 1, Time: c.now}
	ok(t, c.AddCall(c.ctx, c.call("1", "one")))
	list := func() []meta.Notice {
		t.Helper()
		l, err := c.Notices(c.ctx, "mer_1", meta.Page{Limit: 10})
		ok(t, err)
		return l
	}
	for i := range 60 {
		m := n
		m.ID, m.Time = fmt.Sprint("ntc_", i+1), c.now.Add(time.Duration(i)*time.Second)
		ok(t, c.AnswerCall(c.ctx, meta.CallAnswer{Call: "cal_1", State: meta.CallWaiting, Time: c.now, Next: c.now, Notice: &m}))
	}
	want := n
	want.Count, want.Time = 60, c.now.Add(59*time.Second)
	if got := list(); !reflect.DeepEqual(got, []meta.Notice{want}) {
		t.Fatalf("60 failures: %+v", got)
	}
	ok(t, c.ReadNotices(c.ctx, "mer_2", []string{"ntc_1"}, c.now))
	if !list()[0].Read.IsZero() {
		t.Error("another merchant has read it")
	}
	ok(t, c.ReadNotices(c.ctx, "mer_1", []string{"ntc_1", "none"}, c.now))
	ok(t, c.ReadNotices(c.ctx, "mer_1", []string{"ntc_1"}, c.now.Add(time.Hour)))
	if got := list()[0].Read; !got.Equal(c.now) {
		t.Errorf("read at %v", got)
	}
	last := n
	last.ID, last.Event = "ntc_last", meta.NoticeGivenUp
	ok(t, c.AnswerCall(c.ctx, meta.CallAnswer{Call: "cal_1", State: meta.CallFailed, Time: c.now, Notice: &last}))
	if got := list(); len(got) != 2 || got[0].ID != "ntc_last" || !got[0].Read.IsZero() {
		t.Errorf("at the end: %+v", got)
	}
}

// sweptCalls: after 90 days ended calls and read notices are gone; what waits, can be sent again or was not read stays.
func sweptCalls(t *testing.T, c *core) {
	for i, state := range []string{meta.CallDone, meta.CallFailed, meta.CallWaiting} {
		id := fmt.Sprint("kept", i)
		ok(t, c.AddCall(c.ctx, c.call(id, id)))
		a := meta.CallAnswer{Call: "cal_" + id, State: state, Time: c.now, Next: c.now.Add(time.Hour)}
		a.Notice = &meta.Notice{ID: "ntc_" + id, Merchant: c.call(id, id).Merchant, Category: meta.NoticeOperation, Event: meta.NoticeFailing, About: a.Call, Time: c.now, Count: 1}
		ok(t, c.AnswerCall(c.ctx, a))
		if state == meta.CallDone {
			ok(t, c.ReadNotices(c.ctx, a.Notice.Merchant, []string{a.Notice.ID}, c.now))
		}
	}
	there := func(what string, calls, notices int) {
		t.Helper()
		n := 0
		for i := range 3 {
			if _, err := c.Call(c.ctx, fmt.Sprint("cal_kept", i)); err == nil {
				n++
			}
		}
		list, err := c.Notices(c.ctx, c.call("x", "x").Merchant, meta.Page{Limit: 100})
		ok(t, err)
		if n != calls || len(list) != notices {
			t.Errorf("%s: %d calls and %d notices, want %d and %d", what, n, len(list), calls, notices)
		}
	}
	_, err := c.Sweep(c.ctx, c.now.Add(meta.EndedKept-time.Millisecond))
	ok(t, err)
	there("just before", 3, 3)
	_, err = c.Sweep(c.ctx, c.now.Add(meta.EndedKept))
	ok(t, err)
	there("after 90 days", 2, 2)
}
