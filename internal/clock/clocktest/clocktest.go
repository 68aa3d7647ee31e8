// Package clocktest is a clock for tests that stands until it is moved. Only tests
// and the harnesses of tests import it.
package clocktest

import (
	"sync"
	"time"
)

// Clock is a clock.Clock that any goroutine may read and move.
type Clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// New is a clock that stands at a time.
func New(at time.Time) *Clock { return &Clock{now: at} }

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d, backwards when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
