//go:build linux

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

var loadCalls = flag.Int("load", 20_000, "calls of TestMarketUnderLoad")

// TestMarketUnderLoad makes mixed calls to a marketplace and to its ISV, with repeats of every kind, while what goes
// between driver, cloud and ISV is lost at random and both are killed and started again. Afterwards a checker
// that reads the databases by itself must find one instance for each order line and one licence for each application.
func TestMarketUnderLoad(t *testing.T) {
	s := stage(t, "iscload", false)
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	server, err := s.buildISV(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var fronts []*lossy
	seed := uint64(*loadCalls)
	s.market, err = s.OpenMarket(ctx, desk.Shop{Program: server, Flags: []string{"--retry-every", "500ms"}, Before: func(server string) string {
		f := front(t, server, seed+uint64(len(fronts)))
		fronts = append(fronts, f)
		return f.address()
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newTrader(ctx, s, front(t, s.Cloud.Address(), seed+9))
	if err != nil {
		t.Fatal(err)
	}
	fronts = append(fronts, d.front)
	for _, f := range fronts {
		f.set(0.004)
	}
	chaos, calm := context.WithCancel(ctx)
	var wg sync.WaitGroup
	killed := map[string]int{}
	wg.Go(func() { s.killAround(chaos, t, seed, killed) })
	d.run(ctx, *loadCalls)
	calm()
	wg.Wait()
	lost := 0
	for _, f := range fronts {
		f.set(0)
		lost += f.count()
	}
	t.Logf("%s; %d packets lost; kills: %v", d, lost, killed)
	if lost < *loadCalls/500 || killed["cloud"] == 0 || killed["isv"] == 0 {
		t.Errorf("the planted faults did not fire")
	}
	if err := d.settle(ctx); err != nil {
		t.Fatal(err)
	}
	cloud, book := filepath.Join(s.Cloud.Dir, "cloud.db"), filepath.Join(s.market.Dir, "book.db")
	for _, problem := range checkMarket(t, cloud, book, s.market.Key, d.intents()) {
		t.Error(problem)
	}
	if err := errors.Join(s.Cloud.Stop(), s.market.Stop()); err != nil {
		t.Fatal(err)
	}
	checkerSees(t, cloud, book, s.market.Key, d.intents())
}

// killAround kills cloud and ISV in turn and starts them again, until ctx ends; both run then.
func (s *theStage) killAround(ctx context.Context, t *testing.T, seed uint64, killed map[string]int) {
	r := rand.New(rand.NewPCG(seed, 3))
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2*time.Second + time.Duration(r.Int64N(int64(2*time.Second)))):
		}
		name, p, again := "cloud", s.Cloud.Process, s.Cloud.Start
		if i%2 == 1 {
			name, p, again = "isv", s.market.Process, s.market.Start
		}
		p.Kill()
		killed[name]++
		start, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		if err := again(start); err != nil {
			t.Errorf("start %s again: %v", name, err)
		}
		cancel()
	}
}

// trader makes the calls and remembers what it was told. What it was told once must never change.
type trader struct {
	s     *theStage
	front *lossy
	admin *desk.Account
	buyer string // organisation

	calls, refused, lost atomic.Int64

	mu       sync.Mutex // guards what follows
	rand     *rand.Rand
	orders   []*wish
	told     map[string]string // by what was asked: the first answer
	problems []string
}

// wish is an order that the driver wants: Repeat makes it one, however often it is placed.
type wish struct {
	repeat   string
	id       string // "" until an answer has come
	resource string
	instance string // at the ISV
	events   []string
	renewals int
}

func (d *trader) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	events := 0
	for _, o := range d.orders {
		events += len(o.events)
	}
	return fmt.Sprintf("%d calls, %d of them refused and %d without an answer; %d orders, %d applications known", d.calls.Load(), d.refused.Load(), d.lost.Load(), len(d.orders), events)
}

// run makes n calls, twelve at a time.
func (d *trader) run(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for ctx.Err() == nil && d.calls.Add(1) <= int64(n) {
				var no *cloudhttp.Refusal
				switch err := d.one(ctx); {
				case err == nil:
				case errors.As(err, &no) || errors.Is(err, errAnswer):
					d.refused.Add(1)
				default:
					d.lost.Add(1)
					time.Sleep(10 * time.Millisecond) // a server that is being started again must not eat the whole run
				}
			}
		})
	}
	wg.Wait()
	d.calls.Store(min(d.calls.Load(), int64(n)))
}

// same holds an answer against the first one to the same question.
func (d *trader) same(question, answer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if before, known := d.told[question]; known && before != answer {
		d.problems = append(d.problems, fmt.Sprintf("%s: %q, and before it was %q", question, answer, before))
	}
	d.told[question] = answer
}
