package clock

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	t.Parallel()
	reason := errors.New("the caller left")
	for _, tt := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		d    time.Duration
		want error
	}{
		{"nothing to wait for", live, 0, nil},
		{"less than nothing", live, -time.Hour, nil},
		{"a moment", live, time.Millisecond, nil},
		{"ended before", func() (context.Context, context.CancelFunc) { return left(0, reason) }, time.Hour, reason},
		{"ended before, nothing to wait for", func() (context.Context, context.CancelFunc) { return left(0, reason) }, 0, reason},
		{"ends meanwhile", func() (context.Context, context.CancelFunc) { return left(10*time.Millisecond, reason) }, time.Hour, reason},
		{"deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Millisecond)
		}, time.Hour, context.DeadlineExceeded},
		{"cancelled without a cause", func() (context.Context, context.CancelFunc) { return left(0, nil) }, time.Hour, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, end := tt.ctx()
			defer end()
			if err := Wait(ctx, tt.d); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func live() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }

// left is a context that ends with why, after d or at once.
func left(d time.Duration, why error) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.Background())
	if d == 0 {
		end(why)
		return ctx, func() {}
	}
	timer := time.AfterFunc(d, func() { end(why) })
	return ctx, func() { timer.Stop(); end(nil) }
}
