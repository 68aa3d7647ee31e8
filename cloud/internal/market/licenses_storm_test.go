package market_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// books are what a merchant and its buyers have noted for themselves: nothing of them comes from the platform's store.
type books struct {
	mu      sync.Mutex // guards the rest
	rng     *rand.Rand
	calm    bool
	made    map[string]string          // event, licence: made once
	machine map[string]string          // event, fingerprint
	refused map[string]bool            // events
	owed    []string                   // events whose upload comes later
	got     map[string]map[string]bool // fingerprint, licences that an agent was handed
}

func (b *books) roll(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rng.IntN(n)
}

// make notes a request and makes its licence, the first time only.
func (b *books) make(t *testing.T, r wire.GetLicenseAsync) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if was, known := b.machine[r.EventID]; known && was != r.DeviceFingerprint {
		t.Errorf("event %s is for %s and for %s", r.EventID, was, r.DeviceFingerprint)
	}
	b.machine[r.EventID] = r.DeviceFingerprint
	if b.made[r.EventID] == "" {
		b.made[r.EventID] = fmt.Sprintf("licence %d for %s", b.rng.Int64(), r.DeviceFingerprint)
	}
	return b.made[r.EventID]
}

func (b *books) hand(fingerprint string, content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got[fingerprint] == nil {
		b.got[fingerprint] = map[string]bool{}
	}
	b.got[fingerprint][string(content)] = true
}

// TestLicenseStorm: agents repeat, the merchant fails in every way, the cloud is restarted on the way. In the end
// each machine has one licence, and was never handed another.
func TestLicenseStorm(t *testing.T) {
	const machines, rounds, agents, turns = 30, 6, 6, 20
	c := start(t, true)
	res, err := c.store.Resource(context.Background(), "ins_1")
	c.ok(err)
	res.Amount = machines
	c.ok(c.store.TakeStep(context.Background(), meta.Step{Resource: res}))
	b := &books{rng: rand.New(rand.NewPCG(4, 7)), made: map[string]string{}, machine: map[string]string{}, refused: map[string]bool{}, got: map[string]map[string]bool{}}

	var alive sync.RWMutex // held against a restart by all who speak to the cloud
	upload := func(event, content, merchant string) error {
		alive.RLock()
		defer alive.RUnlock()
		return c.room.Deliver(context.Background(), meta.Upload{Event: event, Merchant: merchant, Type: wire.UploadCharacters, Content: []byte(content)})
	}
	c.merchant(func(_ int, r wire.GetLicenseAsync) wire.Answer {
		b.mu.Lock()
		roll, calm, refused := b.rng.IntN(30), b.calm, b.refused[r.EventID]
		if !calm && roll == 9 && b.made[r.EventID] == "" {
			b.refused[r.EventID], refused = true, true
		}
		b.mu.Unlock()
		if refused {
			return wire.Answer{ResultCode: wire.OutsideValidity}
		}
		licence := b.make(t, r)
		if calm {
			roll = 5
		}
		switch roll {
		case 0, 1, 2:
			panic(http.ErrAbortHandler) // made, and the answer is lost
		case 3:
			_ = upload(r.EventID, licence, "mer_1") // uploaded, and the answer is a failure
			return wire.Answer{ResultCode: wire.Internal}
		case 4:
			b.mu.Lock()
			b.owed = append(b.owed, r.EventID)
			b.mu.Unlock()
			return wire.Answer{ResultCode: wire.Processing}
		case 5, 6:
			if err := upload(r.EventID, licence, "mer_1"); err != nil && calm {
				t.Errorf("upload: %v", err)
			}
			return wire.Answer{ResultCode: wire.Success}
		case 7: // by somebody else, and with other bytes
			_ = upload(r.EventID, "a forgery", "mer_2")
			if upload(r.EventID, licence, "mer_1") == nil && upload(r.EventID, "a second thought", "mer_1") == nil {
				t.Errorf("other bytes are taken for %s", r.EventID)
			}
		case 8: // taken, and forgotten
		default:
			return wire.Answer{ResultCode: wire.Internal}
		}
		return wire.Answer{ResultCode: wire.Processing}
	})
	ask := func(n int, wait time.Duration) error {
		alive.RLock()
		defer alive.RUnlock()
		fingerprint := fmt.Sprint("FP", n)
		a, err := c.ask(c.request("dev_1", fingerprint), wait)
		var no *meta.Refusal
		if err != nil && !errors.As(err, &no) {
			t.Errorf("%s: %v", fingerprint, err)
		}
		if err == nil && a.State == meta.ApplicationDelivered {
			b.hand(fingerprint, a.Content)
			return nil
		}
		return firstOf(err, errors.New(a.State))
	}
	for range rounds {
		var crowd sync.WaitGroup
		for range agents {
			crowd.Go(func() {
				for range turns {
					_ = ask(b.roll(machines), time.Duration(b.roll(3))*time.Millisecond)
					c.clock.Advance(time.Second) // a plan's repeats come into the crowd
					c.queue.Wake()
				}
			})
		}
		crowd.Wait()
		owed := map[string]string{}
		b.mu.Lock()
		for _, event := range b.owed {
			owed[event] = b.made[event]
		}
		b.owed = nil
		b.mu.Unlock()
		for event, licence := range owed {
			_ = upload(event, licence, "mer_1")
		}
		alive.Lock()
		c.close()
		c.clock.Advance(time.Duration(b.roll(900)) * time.Second)
		c.open()
		alive.Unlock()
	}
	b.mu.Lock()
	b.calm, b.owed = true, nil
	b.mu.Unlock()
	for n := range machines {
		c.until(fmt.Sprint("machine ", n, " has its licence"), 20*time.Second, func() bool { return ask(n, time.Millisecond) == nil })
	}
	t.Logf("%d calls for %d events, %d of them refused", len(c.seen()), len(b.machine), len(b.refused))
	check(t, c, b, machines)
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// check holds the books against each other, and the platform's list against the books.
func check(t *testing.T, c *chain, b *books, machines int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.got) != machines {
		t.Errorf("%d machines have licences, want %d", len(b.got), machines)
	}
	events := map[string]int{} // of a machine that were not refused
	for event, machine := range b.machine {
		if !b.refused[event] {
			events[machine]++
		}
	}
	for machine, licences := range b.got {
		if len(licences) != 1 || events[machine] != 1 {
			t.Errorf("%s was handed %v under %d events", machine, licences, events[machine])
		}
		for licence := range licences {
			made := false
			for event, l := range b.made {
				made = made || l == licence && b.machine[event] == machine
			}
			if !made {
				t.Errorf("%s was handed %q, which the merchant has not made for it", machine, licence)
			}
		}
	}
	standing := 0
	for _, a := range c.applicationsOf(1000) {
		if a.State != meta.ApplicationRefused {
			standing++
		}
	}
	if standing != machines {
		t.Errorf("%d applications stand for %d machines", standing, machines)
	}
	_, err := c.room.Ask(context.Background(), c.request("dev_1", "one too many"), brief)
	denied(t, "beyond the quota", err, cloudapi.ErrLicenseRefused, meta.ReasonQuota)
}
