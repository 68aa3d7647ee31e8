package events

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Everything at once: operations of several applications that begin, report and
// end, readers that come and go, the timer, and at last the agent's end. Each
// result that was acknowledged is there afterwards, whoever was reading.
func TestEverythingAtOnce(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := open(t, dir, c)
	var wg, readers sync.WaitGroup
	var mu sync.Mutex // guards ended
	ended := make(map[api.Operation]Owner)
	ctx, cancel := context.WithCancel(t.Context())
	for app := range 6 {
		s := attach(t, e, Owner{UID: caller.UID(strconv.Itoa(1000 + app%3)), Product: "cad"}, "")
		o := of(Owner{UID: caller.UID(strconv.Itoa(1000 + app%3)), Product: "cad"}, s)
		readers.Go(func() {
			after := int64(0)
			for {
				var err error
				var raw []json.RawMessage
				raw, after, _, err = s.Next(ctx, after)
				if err != nil {
					return
				}
				if len(raw) > 2 {
					s.Written(after)
					after, _ = s.Subscribe(s.Epoch(), after-1)
				}
			}
		})
		wg.Go(func() {
			for n := range 25 {
				op, err := e.Begin(o, api.MethodSave, "", n)
				if err != nil {
					t.Error(err)
					return
				}
				op.Emit(api.EventUploadStart, api.OperateUploadStart, nil)
				_ = op.SetData(n + 1)
				_ = op.Queue(api.EventSaveResult, api.OperateSaveResult, nil)
				e.Get(o, op.ID())
				e.List(o)
				if n%5 == 0 {
					_ = e.Cancel(o, op.ID())
				}
				if err := op.End(api.EventSaveResult, api.OperateSaveResult, nil, n%5 == 0); err != nil {
					t.Error(err)
				}
				mu.Lock()
				ended[op.ID()] = o
				mu.Unlock()
			}
		})
	}
	for range 20 {
		e.tick(c.Now())
		e.Emit(Owner{UID: "1000"}, "X", "X", nil)
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	e.Stop()
	cancel()
	readers.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(ended) != 150 {
		t.Errorf("%d operations have ended, or numbers were given out twice", len(ended))
	}
	again := open(t, dir, c)
	for id, o := range ended {
		st := again.Get(o, id)
		if st.State != api.OpDone && st.State != api.OpFailed && st.State != api.OpUnknown {
			t.Errorf("operation %d is %s after a restart", id, st.State)
		}
	}
	if left := again.Unfinished(); len(left) != 0 {
		t.Errorf("%d acknowledged ends were lost", len(left))
	}
}
