package limit_test

import (
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
)

// TestTimesInAnotherOrder: requests at once, whose times come in another order, get no more than the
// same ones in order; a clock that is set back does not stop anybody for as long.
func TestTimesInAnotherOrder(t *testing.T) {
	g := limit.New(limit.Limits{StrictRate: 5, StrictBurst: 60}).Strict
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	passed := 0
	for i := range 1200 {
		at := begin.Add(time.Duration(i) * time.Millisecond / 2)
		if i%2 == 1 {
			at = at.Add(400 * time.Millisecond)
		}
		if g.Take("one", at) == 0 {
			passed++
		}
	}
	if passed < 60 || passed > 65 {
		t.Errorf("%d passed within a second", passed)
	}
	back := begin.Add(-time.Hour)
	if g.Take("one", back) == 0 {
		t.Error("a clock that is set back gives more")
	}
	if wait := g.Take("one", back.Add(10*time.Second)); wait != 0 {
		t.Errorf("10 s after the clock was set back: %v to wait", wait)
	}
}
