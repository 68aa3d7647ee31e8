package license

import (
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
)

// How much clocks may disagree.
const (
	// tolerance is how far the wall clock may lie behind what is known to have
	// passed: a real-time clock kept in local time is off by an hour twice a year.
	tolerance = 90 * time.Minute
	// keepEvery is how often the known time is written down.
	keepEvery = 10 * time.Minute
)

// known is a time that has certainly passed, and when we knew it. It comes from
// the cloud's signed or TLS-protected word and from time counted since; never
// from the wall clock alone, so a clock that once stood ten years ahead leaves
// nothing behind.
type known struct {
	Time  time.Time     `json:"time"`
	Boot  string        `json:"boot"`  // run of the system in which it was noted
	Since time.Duration `json:"since"` // age of that run then, sleep included
	Ahead time.Duration `json:"ahead"` // wall clock minus the cloud's time at the last contact
	Exact bool          `json:"exact"` // the cloud was heard in this run of the system
	Heard time.Time     `json:"heard"` // the cloud's time at the last contact
}

// watch tells the time that leases are measured with. Its methods may be used
// from any goroutine and do no I/O.
type watch struct {
	clock  clock.Clock
	uptime func() (string, time.Duration)

	mu   sync.Mutex // guards what follows
	k    known
	kept time.Time // k.Time when it was last written down
}

func newWatch(c clock.Clock, uptime func() (string, time.Duration), k known) *watch {
	boot, since := uptime()
	if k.Boot != boot || boot == "" { // after a restart of the system the count begins from what was kept
		k.Boot, k.Since, k.Exact = boot, since, false
	}
	return &watch{clock: c, uptime: uptime, k: k, kept: k.Time}
}

// contact takes the cloud's time. It replaces all that was known: one contact
// heals every doubt. It reports whether there was one, or the clock was off.
func (w *watch) contact(server time.Time) (news bool) {
	boot, since := w.uptime()
	wall := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	floor := w.floor(boot, since)
	news = !w.k.Exact || server.Sub(floor).Abs() > tolerance
	w.k = known{Time: server, Boot: boot, Since: since, Ahead: wall.Sub(server), Exact: boot != "", Heard: server}
	return news
}

// signed takes the time of a lease that the cloud has just signed. A lease that
// was signed a while ago never moves the time back.
func (w *watch) signed(issued time.Time) {
	boot, since := w.uptime()
	w.mu.Lock()
	older := w.k.Exact && issued.Before(w.floor(boot, since))
	w.mu.Unlock()
	if !older {
		w.contact(issued)
	}
}

// floor is the latest time that has certainly passed. Called with mu held.
func (w *watch) floor(boot string, since time.Duration) time.Time {
	if w.k.Time.IsZero() {
		return time.Time{}
	}
	if boot == w.k.Boot && since > w.k.Since {
		return w.k.Time.Add(since - w.k.Since)
	}
	return w.k.Time
}

// now is the time to believe, and whether the wall clock was set back behind
// what has certainly passed without anything to correct it by. Then the time
// given is only the earliest possible one.
//
// Of the wall clock and the wall clock as corrected at the last contact, the
// earlier one that is not behind the floor is believed. While the cloud has been
// heard since the system started, the floor itself is exact, so setting the
// clock back gains nothing and harms nobody.
func (w *watch) now() (at time.Time, suspect bool) {
	boot, since := w.uptime()
	wall := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	floor := w.floor(boot, since)
	if floor.IsZero() {
		return wall, false // never heard the cloud: there is no lease to measure either
	}
	var best time.Time
	for _, c := range []time.Time{wall, wall.Add(-w.k.Ahead)} {
		if !c.Before(floor.Add(-tolerance)) && (best.IsZero() || c.Before(best)) {
			best = c
		}
	}
	if best.IsZero() {
		return floor, !w.k.Exact
	}
	if best.Before(floor) {
		return floor, false
	}
	return best, false
}

// heard is the cloud's time at the last contact, zero before the first.
func (w *watch) heard() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.k.Heard
}

// keep gives what should be written down, moved forward to now; ok is false when
// that was done recently. force writes in any case.
func (w *watch) keep(force bool) (k known, ok bool) {
	boot, since := w.uptime()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.k.Time.IsZero() {
		return known{}, false
	}
	w.k.Time, w.k.Since, w.k.Boot = w.floor(boot, since), since, boot
	if moved := w.k.Time.Sub(w.kept); !force && moved >= 0 && moved < keepEvery {
		return known{}, false
	}
	w.kept = w.k.Time
	return w.k, true
}
