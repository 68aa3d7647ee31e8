// Package clock is the only place that asks for the time of day: a test bans
// time.Now elsewhere, so that leases, rollbacks and time-outs can be tried with
// a moved clock. It also waits, for those who repeat something. It is a leaf.
package clock

import "time"

// Clock tells the time. Code that needs one takes it in its configuration;
// nil is never valid.
type Clock interface {
	Now() time.Time
}

// System is the machine's own clock.
type System struct{}

// Now is time.Now: wall clock with a monotonic reading.
func (System) Now() time.Time { return time.Now() }
