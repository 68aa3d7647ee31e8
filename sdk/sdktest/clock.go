package sdktest

import (
	"sync"
	"time"
)

// Clock stands still until it is told to move. It is a clock.Clock.
type Clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// NewClock stands at a fixed time, the same in every test.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to t, backwards too.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
