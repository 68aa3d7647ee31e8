package sdktest

import (
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
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

// Advance moves the agent's clock, and lets happen what time brings: heartbeats
// and the end of the licence.
func (a *Agent) Advance(d time.Duration) {
	now := a.clock.Now().Add(d)
	a.clock.Set(now)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !now.Before(a.nextBeat) {
		a.nextBeat = now.Add(api.HeartbeatPeriod)
		cloud := "reachable"
		if a.away {
			cloud = "unreachable"
		}
		a.emit(Event{Type: api.EventHeartbeat, Operate: api.OperateHeartbeat,
			Params: map[string]string{"period": "30", "cloud": cloud}})
	}
	if a.license.State == api.StateValid && !a.license.Until.IsZero() && !now.Before(a.license.Until) {
		l := api.LicenseState{State: api.StateExpired, Code: api.LicenseExpired, Checked: a.license.Checked}
		l.Reason, l.Hint = api.Text(l.Code, "en")
		a.setLicense(l)
	}
}

// Clock is the agent's clock; Advance moves it with its consequences.
func (a *Agent) Clock() *Clock { return a.clock }
