package clock

import (
	"context"
	"time"
)

// Wait returns nil after d, at once when d is not positive, or the cause of ctx's end
// when that comes first. A context that has ended already always wins. It waits by a
// timer of the machine, whatever Clock its caller has: a moved clock does not shorten it.
func Wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
