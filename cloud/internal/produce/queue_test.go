package produce_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// desk is a queue over a store, whose calls go to one server by the name of the merchant.
type desk struct {
	t     *testing.T
	clock *clocktest.Clock
	store *sqlite.Store
	srv   *producetest.Server
	queue *produce.Queue
	calls atomic.Int64 // so many were added
}

// Target implements produce.Targets: /mer_1 and so on.
func (d *desk) Target(_ context.Context, c meta.Call) (produce.Target, error) {
	if c.Merchant == "mer_none" {
		return produce.Target{}, errors.New("find the key: it is revoked")
	}
	return produce.Target{URL: d.srv.Base + "/" + c.Merchant, Key: accessKey}, nil
}

func openDesk(t *testing.T, h http.Handler, change func(*produce.Config)) *desk {
	t.Helper()
	need.NoLeak(t)
	d := &desk{t: t, clock: clocktest.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), srv: producetest.Start(t, h)}
	var err error
	if d.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cloud.db")); err != nil {
		t.Fatal(err)
	}
	c := produce.Config{Store: d.store, Targets: d, Clock: d.clock, Log: slog.New(slog.DiscardHandler),
		Sender: produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(d.srv.Reach), Clock: d.clock})}
	if change != nil {
		change(&c)
	}
	d.queue = produce.NewQueue(c)
	t.Cleanup(func() {
		d.queue.Close()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// add puts a release in the queue, which is the shortest of calls.
func (d *desk) add(merchant, subject string) meta.Call {
	d.t.Helper()
	c, err := d.queue.Plans.Call(d.clock.Now(), produce.About{Merchant: merchant, Product: "cad", Subject: subject, Key: fmt.Sprint("k", d.calls.Add(1))},
		wire.ReleaseInstance{InstanceID: subject})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.store.AddCall(d.t.Context(), c); err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *desk) call(id string) meta.Call {
	d.t.Helper()
	c, err := d.store.Call(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *desk) until(what string, done func() bool) {
	d.t.Helper()
	for range 20_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	d.t.Fatalf("%s does not come", what)
}

const fine = `{"resultCode":"000000"}`

// TestOneThatHangs: forty calls wait for a merchant who does not answer; another's are made meanwhile,
// and never more than the limit are under way at the first one.
func TestOneThatHangs(t *testing.T) {
	hang := make(chan struct{})
	var under, most atomic.Int64
	d := openDesk(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mer_slow" {
			n := under.Add(1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			<-hang
			under.Add(-1)
		}
		_, _ = w.Write([]byte(fine))
	}), func(c *produce.Config) { c.Workers, c.PerMerchant = 8, 3 })
	var slow, quick []meta.Call
	for i := range 40 {
		slow = append(slow, d.add("mer_slow", fmt.Sprint("s", i)))
	}
	for i := range 20 {
		quick = append(quick, d.add("mer_quick", fmt.Sprint("q", i)))
	}
	d.queue.Start(t.Context())
	d.until("the other merchant's turn", func() bool { return d.call(quick[19].ID).State == meta.CallDone })
	if n := d.call(slow[39].ID).Attempts; n != 0 {
		t.Errorf("the last of forty was made %d times", n)
	}
	close(hang)
	d.until("the end", func() bool { return d.call(slow[39].ID).State == meta.CallDone })
	if n := most.Load(); n > 3 {
		t.Errorf("%d calls at once to one merchant", n)
	}
	for _, c := range append(slow, quick...) {
		if got := d.call(c.ID); got.Attempts != 1 || got.State != meta.CallDone {
			t.Errorf("call %+v", got)
		}
	}
}

// TestOrderOfCalls: calls on one subject are made in their order, one at a time, also when the first has to be repeated.
func TestOrderOfCalls(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	var failed bool
	d := openDesk(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.URL.Path)
		if !failed {
			failed = true
			_, _ = w.Write([]byte(`{"resultCode":"000005"}`))
			return
		}
		_, _ = w.Write([]byte(fine))
	}), nil)
	a, b, c := d.add("mer_a", "same"), d.add("mer_b", "same"), d.add("mer_c", "same")
	d.queue.Start(t.Context())
	d.until("the first answer", func() bool { return d.call(a.ID).Attempts == 1 })
	d.clock.Advance(2 * time.Minute)
	d.queue.Wake()
	d.until("the last answer", func() bool { return d.call(c.ID).State == meta.CallDone })
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(seen); got != "[/mer_a /mer_a /mer_b /mer_c]" || d.call(b.ID).Attempts != 1 {
		t.Errorf("calls %s", got)
	}
}

// TestTrouble: an effect that cannot be stored is not the merchant's failure; a fault that only a
// handler sees is.
func TestTrouble(t *testing.T) {
	d := openDesk(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(fine)) }), nil)
	var n atomic.Int64
	d.queue.Handle(wire.ActivityReleaseInstance, produce.Handler{Answered: func(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
		if c.Subject == "odd" {
			return produce.Finish, produce.Fault("that is another one")
		}
		if n.Add(1) == 1 {
			return produce.Finish, errors.New("the disk is full")
		}
		return produce.Usual(x), nil
	}})
	full, odd, nowhere := d.add("mer_1", "full"), d.add("mer_1", "odd"), d.add("mer_none", "nowhere")
	d.queue.Start(t.Context())
	d.until("another try", func() bool { return d.call(full.ID).State == meta.CallDone })
	if c := d.call(full.ID); c.Attempts != 1 || c.LastError != "" {
		t.Errorf("after trouble %+v", c)
	}
	d.until("the fault", func() bool { return d.call(odd.ID).Attempts == 1 })
	if c := d.call(odd.ID); c.State != meta.CallWaiting || c.LastError != "that is another one" {
		t.Errorf("a fault %+v", c)
	}
	d.until("the missing target", func() bool { return d.call(nowhere.ID).Attempts == 1 })
	if c := d.call(nowhere.ID); c.State != meta.CallWaiting || c.LastError != "nothing was sent: find the key: it is revoked" {
		t.Errorf("no target %+v", c)
	}
}

// TestTroubleBacksOff: twice as long each time, and never for long.
func TestTroubleBacksOff(t *testing.T) {
	for before, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 4: 16 * time.Second, 5: 30 * time.Second, 1000: 30 * time.Second} {
		if got := produce.Troubled(before); got != want {
			t.Errorf("after %d: %v", before, got)
		}
	}
}

// TestClose: what is under way at the end is not recorded, and is made again by the next queue.
func TestClose(t *testing.T) {
	hang, under := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	d := openDesk(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			close(under)
			<-hang
		}
		_, _ = w.Write([]byte(fine))
	}), nil)
	c := d.add("mer_1", "one")
	d.queue.Start(t.Context())
	<-under
	d.queue.Close()
	close(hang)
	if got := d.call(c.ID); got.State != meta.CallWaiting || got.Attempts != 0 {
		t.Errorf("after the end %+v", got)
	}
	again := produce.NewQueue(d.queue.Config)
	again.Start(t.Context())
	defer again.Close()
	d.until("the next queue's call", func() bool { return d.call(c.ID).State == meta.CallDone })
	if n.Load() != 2 {
		t.Errorf("%d calls", n.Load())
	}
}
