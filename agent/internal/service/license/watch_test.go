package license

import (
	"testing"
	"time"
)

// world is a machine whose clocks a test moves by hand.
type world struct {
	real  time.Time     // what time it is
	off   time.Duration // wall clock minus real
	boot  string
	since time.Duration // counted since the system started, sleep included
}

func newWorld() *world {
	return &world{real: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), boot: "boot-1", since: time.Hour}
}

func (w *world) Now() time.Time              { return w.real.Add(w.off) }
func (w *world) up() (string, time.Duration) { return w.boot, w.since }
func (w *world) pass(d time.Duration)        { w.real, w.since = w.real.Add(d), w.since+d }
func (w *world) paused(d time.Duration)      { w.real = w.real.Add(d); w.off -= d } // a frozen VM: no clock of it runs

// reboot stops the agent, leaves the machine off for a time and starts both.
func (w *world) reboot(k *watch, off time.Duration) *watch {
	kept, _ := k.keep(true)
	w.real, w.boot, w.since = w.real.Add(off), w.boot+"'", time.Minute
	return w.killed(kept)
}

func (w *world) restart(old *watch) *watch         { k, _ := old.keep(true); return w.killed(k) }
func (w *world) killed(kept known) *watch          { return newWatch(w, w.up, kept) }
func (w *world) error(got time.Time) time.Duration { return got.Sub(w.real) }

const day = 24 * time.Hour

// TestWatch moves the clocks as people, machines and swindlers do. Each case
// begins an hour after a contact with the cloud.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(w *world, k *watch) *watch
		suspect bool
		min     time.Duration // bounds of believed minus real time
		max     time.Duration
	}{
		{"nothing", func(_ *world, k *watch) *watch { return k }, false, 0, 0},
		{"a week of work", func(w *world, k *watch) *watch { w.pass(7 * day); return k }, false, 0, 0},
		{"clock set back 2 h", func(w *world, k *watch) *watch { w.off = -2 * time.Hour; return k }, false, 0, 0},
		{"clock set back a day, then a week of work", func(w *world, k *watch) *watch { w.off = -day; w.pass(7 * day); return k }, false, 0, 0},
		{"1970 while running", func(w *world, k *watch) *watch { w.off = time.Unix(0, 0).Sub(w.real); return k }, false, 0, 0},
		{"summer time, wrongly applied", func(w *world, k *watch) *watch { k = w.reboot(k, time.Minute); w.off = -time.Hour; return k }, false, -time.Minute, 0},
		{"winter time, wrongly applied", func(w *world, k *watch) *watch { w.off = time.Hour; return k }, false, time.Hour, time.Hour},
		{"asleep for 3 weeks", func(w *world, k *watch) *watch { w.pass(21 * day); return k }, false, 0, 0},
		{"off for 3 weeks", func(w *world, k *watch) *watch { return w.reboot(k, 21*day) }, false, 0, 0},
		{"agent restarted", func(w *world, k *watch) *watch { w.pass(time.Hour); return w.restart(k) }, false, 0, 0},
		{"agent restarted, clock set back a day", func(w *world, k *watch) *watch { k = w.restart(k); w.off = -day; return k }, false, 0, 0},
		{"rebooted, clock set back 2 h", func(w *world, k *watch) *watch { k = w.reboot(k, time.Minute); w.off = -2 * time.Hour; return k }, true, -3 * time.Minute, 0},
		{"rebooted, clock set back a day", func(w *world, k *watch) *watch { k = w.reboot(k, time.Minute); w.off = -day; return k }, true, -3 * time.Minute, 0},
		{"rebooted into 1970: an empty battery", func(w *world, k *watch) *watch {
			k = w.reboot(k, day)
			w.off = time.Unix(0, 0).Sub(w.real)
			return k
		}, true, -day - time.Minute, -day + time.Minute},
		{"... and put right", func(w *world, k *watch) *watch {
			k = w.reboot(k, day)
			w.off = time.Unix(0, 0).Sub(w.real)
			k.now()
			k.keep(true)
			w.off = 0
			return k
		}, false, 0, 0},
		{"... and one contact", func(w *world, k *watch) *watch {
			k = w.reboot(k, day)
			w.off = time.Unix(0, 0).Sub(w.real)
			k.contact(w.real)
			w.pass(time.Hour)
			return k
		}, false, 0, 0},
		{"clock 10 years ahead", func(w *world, k *watch) *watch { w.off = 3650 * day; return k }, false, 3650 * day, 3650 * day},
		{"10 years ahead and back", func(w *world, k *watch) *watch {
			w.off = 3650 * day
			k.now()
			k.keep(true)
			w.off = 0
			return k
		}, false, 0, 0},
		{"10 years ahead, rebooted, back", func(w *world, k *watch) *watch {
			w.off = 3650 * day
			k.now()
			k = w.reboot(k, time.Minute)
			k.now()
			k.keep(true)
			w.off = 0
			return w.restart(k)
		}, false, 0, 0},
		{"10 years ahead while the cloud is heard", func(w *world, k *watch) *watch {
			w.off = 3650 * day
			k.contact(w.real)
			w.pass(day)
			return k
		}, false, 0, 0},
		{"... and put right without the cloud", func(w *world, k *watch) *watch {
			w.off = 3650 * day
			k.contact(w.real)
			w.off = 0
			return w.reboot(k, day)
		}, false, 0, 0},
		{"virtual machine frozen for 3 weeks", func(w *world, k *watch) *watch { w.paused(21 * day); return k }, false, -21 * day, -21 * day},
		{"... whose clock the host then sets", func(w *world, k *watch) *watch { w.paused(21 * day); w.off = 0; return k }, false, 0, 0},
		{"virtual machine taken back to an older state", func(w *world, k *watch) *watch {
			kept, _ := k.keep(true)
			w.pass(30 * day)
			w.since -= 30 * day // memory and disk of a month ago, the host sets the clock
			return w.killed(kept)
		}, false, 0, 0},
		{"killed before the time was kept", func(w *world, k *watch) *watch {
			kept, _ := k.keep(true)
			w.pass(day)
			w.off = -3 * time.Hour
			return w.killed(kept)
		}, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			k := newWatch(w, w.up, known{})
			k.contact(w.real)
			w.pass(time.Hour)
			k = c.do(w, k)
			at, suspect := k.now()
			if e := w.error(at); suspect != c.suspect || e < c.min || e > c.max {
				t.Errorf("believed time is off by %v, suspect %v; want %v to %v, %v", e, suspect, c.min, c.max, c.suspect)
			}
			// Whatever happened, one contact heals.
			k.contact(w.real)
			w.pass(time.Minute)
			if at, suspect := k.now(); suspect || w.error(at) != 0 {
				t.Errorf("after a contact: off by %v, suspect %v", w.error(at), suspect)
			}
		})
	}
}

func TestWatchWithoutAnyContact(t *testing.T) {
	w := newWorld()
	k := newWatch(w, w.up, known{})
	if at, suspect := k.now(); suspect || !at.Equal(w.Now()) || !k.heard().IsZero() {
		t.Errorf("got %v, %v", at, suspect)
	}
	if _, ok := k.keep(true); ok {
		t.Error("there was nothing to keep")
	}
}

func TestWatchKeepsSeldom(t *testing.T) {
	w := newWorld()
	k := newWatch(w, w.up, known{})
	k.contact(w.real)
	writes := 0
	for range 60 {
		if _, ok := k.keep(false); ok {
			writes++
		}
		w.pass(time.Minute)
	}
	if writes < 5 || writes > 7 {
		t.Errorf("%d writes in an hour", writes)
	}
}

func TestAnOldLeaseMovesNothingBack(t *testing.T) {
	w := newWorld()
	k := newWatch(w, w.up, known{})
	k.contact(w.real)
	k.signed(w.real.Add(-day))
	if at, _ := k.now(); w.error(at) != 0 {
		t.Errorf("off by %v", w.error(at))
	}
}
