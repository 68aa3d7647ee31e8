package market_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// ledger is what a merchant has done, in its own words: nothing of it comes from the platform's rules.
type ledger struct {
	mu      sync.Mutex // guards the rest
	made    map[string]string
	expire  map[string]string
	status  map[string]string
	gone    map[string]bool
	trouble func() int // 0 is a good day
}

// do carries a request out and says whether there is such an instance.
func (l *ledger) do(q wire.Request) (id string, known bool) {
	switch q := q.(type) {
	case wire.NewInstance:
		if l.made[q.OrderLineID] == "" {
			l.made[q.OrderLineID] = q.BusinessID // the recommended instanceId
		}
		return l.made[q.OrderLineID], true
	case wire.RefreshInstance:
		l.expire[q.InstanceID] = q.ExpireTime
		id = q.InstanceID
	case wire.UpdateInstanceStatus:
		l.status[q.InstanceID] = q.Status
		id = q.InstanceID
	case wire.ReleaseInstance:
		l.gone[q.InstanceID] = true
		id = q.InstanceID
	case wire.QueryInstance:
		id = q.InstanceID
	case wire.UpgradeInstance:
		id = q.InstanceID
	case wire.ChangeInstanceCheck:
		id = q.InstanceID
	}
	for _, have := range l.made {
		known = known || have == id
	}
	return id, known
}

func (l *ledger) answer(q wire.Request, _ int) (int, []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.trouble() {
	case 1:
		return http.StatusBadGateway, []byte("<html>") // nothing was done
	case 2:
		return http.StatusOK, result(wire.Internal)
	case 3:
		l.do(q) // done, and the answer is lost
		panic(http.ErrAbortHandler)
	case 4:
		l.do(q) // done, and the answer cannot be read
		return http.StatusOK, []byte(`{"resultCode":`)
	case 5:
		if n, is := q.(wire.NewInstance); is {
			id, _ := l.do(n)
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Processing, InstanceID: id})
		}
		return http.StatusOK, result(wire.Processing)
	}
	id, known := l.do(q)
	if !known {
		return http.StatusOK, result(wire.NoInstance)
	}
	a := wire.Answer{ResultCode: wire.Success}
	switch q.(type) {
	case wire.NewInstance:
		a.InstanceID = id
	case wire.QueryInstance:
		a.Info = []wire.InstanceInfo{{InstanceID: id}}
	}
	return http.StatusOK, encode(a)
}

// TestStorm: orders of all types against a merchant on bad days, with restarts of the platform and a clock that jumps.
// In the end both sides' books agree: one instance for each order line, the same ends, the same states.
func TestStorm(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { storm(t, rand.New(rand.NewPCG(seed, 4))) })
	}
}

func storm(t *testing.T, rnd *rand.Rand) {
	h := open(t, nil)
	dice := rand.New(rand.NewPCG(rnd.Uint64(), 1)) // the merchant's own: its requests come from other goroutines
	bad := true
	l := &ledger{made: map[string]string{}, expire: map[string]string{}, status: map[string]string{}, gone: map[string]bool{}}
	l.trouble = func() int {
		if !bad {
			return 0
		}
		return max(0, dice.IntN(10)-4)
	}
	h.isv.answer(l.answer)
	var resources []string
	types := []string{meta.OrderNew, meta.OrderNew, meta.OrderTrial, meta.OrderTrialToFormal, meta.OrderRenew, meta.OrderRenew, meta.OrderRenew,
		meta.OrderChange, meta.OrderChange, meta.OrderUnsubscribe}
	for range 40 {
		w := market.Wish{Type: types[rnd.IntN(len(types))], Spec: []string{"OFFI-MONTH", "OFFI-YEAR"}[rnd.IntN(2)], Amount: 1 + rnd.IntN(3), Periods: 1, Repeat: fmt.Sprint(rnd.Uint64())}
		switch w.Type {
		case meta.OrderNew:
		case meta.OrderTrial:
			w.Spec = "OFFI-YEAR"
		default:
			if len(resources) == 0 {
				continue
			}
			w.Resource, w.Spec = resources[rnd.IntN(len(resources))], ""
			if w.Type == meta.OrderRenew || w.Type == meta.OrderTrialToFormal {
				w.Amount = 0
			}
			if w.Type == meta.OrderChange {
				w.Periods = rnd.IntN(2)
			}
		}
		o, err := h.place(w)
		if c := meta.CodeOf(err); err != nil && c != cloudapi.ErrConflict && c != cloudapi.ErrInvalid {
			t.Fatal(err)
		}
		if err == nil && w.Resource == "" {
			resources = append(resources, o.Resource)
		}
		if rnd.IntN(4) == 0 { // in the middle of whatever is under way
			h.stop()
			h.start()
		}
		if again, err2 := h.place(w); err == nil && (err2 != nil || again.ID != o.ID) {
			t.Fatalf("placed again: %+v, %v", again, err2)
		}
		h.advance([]time.Duration{0, 0, time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour, day, 14 * day}[rnd.IntN(8)])
	}

	// Good days: everything that failed is sent again, and nothing is left to do.
	l.mu.Lock()
	bad = false
	l.mu.Unlock()
	for range 3 {
		h.advance(4 * time.Hour)
		list, err := h.store.Calls(t.Context(), meta.CallFilter{State: meta.CallFailed, Page: meta.Page{Limit: 1000}})
		h.ok(err)
		for _, c := range list {
			_, err := h.queue.Restart(t.Context(), c.Merchant, c.ID, meta.Entry{})
			h.ok(err)
		}
	}
	h.advance(4 * time.Hour)
	audit(t, h, l, resources)
}

// audit compares the books.
func audit(t *testing.T, h *house, l *ledger, resources []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if left, err := h.store.Calls(t.Context(), meta.CallFilter{State: meta.CallWaiting, Page: meta.Page{Limit: 10}}); err != nil || len(left) != 0 {
		t.Errorf("calls are left: %+v, %v", left, err)
	}
	states := map[string]int{}
	seen := map[string]bool{}
	for _, id := range resources {
		res := h.resource(id)
		states[res.State]++
		theirs := l.made[res.Line]
		seen[res.Line] = true
		if res.MerchantID != "" && res.MerchantID != theirs {
			t.Errorf("%s: instance %s here, %s there", id, res.MerchantID, theirs)
		}
		instance, found := h.instance(id)
		if found != (res.Term > 0) || found && (instance.Seats != res.Amount || (instance.Status == meta.StatusActive) != (res.State == meta.ResourceActive)) {
			t.Errorf("%s: resource %+v with instance %+v", id, res, instance)
		}
		if res.Pending != "" {
			t.Errorf("%s: order %s is not settled in state %s", id, res.Pending, res.State)
		}
		switch res.State {
		case meta.ResourceActive, meta.ResourceFrozen:
			frozen := l.status[theirs] == wire.StatusFreeze
			if l.gone[theirs] || frozen != (res.State == meta.ResourceFrozen) {
				t.Errorf("%s: %s here, frozen %v and gone %v there", id, res.State, frozen, l.gone[theirs])
			}
			if e := l.expire[theirs]; e != "" && e != wire.FormatTime(res.Until) {
				t.Errorf("%s: ends %s here, %s there", id, wire.FormatTime(res.Until), e)
			}
		case meta.ResourceReleased:
			if !l.gone[theirs] {
				t.Errorf("%s: released here, not there", id)
			}
		case meta.ResourceUnobtainable:
			if res.MerchantID != "" && !l.gone[theirs] {
				t.Errorf("%s: given up here, kept there", id)
			}
		default:
			t.Errorf("%s: %s in the end", id, res.State)
		}
	}
	for line := range l.made {
		if !seen[line] {
			t.Errorf("the merchant has made something for %s, which is no resource's", line)
		}
	}
	t.Logf("%d resources: %v", len(resources), states)
}
