package produce_test

import (
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestPlans counts the calls of each activity's plan when nothing ever succeeds, and looks at its times.
func TestPlans(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		activity string
		calls    int
		first    []time.Duration
		last     time.Duration
	}{
		{wire.ActivityNewInstance, 60, []time.Duration{0, 2 * time.Minute, 4 * time.Minute}, 118 * time.Minute},
		{wire.ActivityUpgradeInstance, 60, nil, 118 * time.Minute},
		{wire.ActivityRefreshInstance, 60, nil, 118 * time.Minute},
		{wire.ActivityUpdateInstanceStatus, 60, nil, 118 * time.Minute},
		{wire.ActivityReleaseInstance, 60, nil, 118 * time.Minute},
		{wire.ActivityRefreshLicenseCode, 60, nil, 118 * time.Minute},
		{wire.ActivityUpdateLicenseCodeStatus, 60, nil, 118 * time.Minute},
		{wire.ActivityReleaseLicenseCode, 60, nil, 118 * time.Minute},
		{wire.ActivityOrderNotify, 90, nil, 178 * time.Minute},
		{wire.ActivityGetLicenseAsync, 65, []time.Duration{0, time.Second, 3 * time.Second, 8 * time.Second, 18 * time.Second, 48 * time.Second, 168 * time.Second}, 48*time.Second + 118*time.Minute},
		{wire.ActivityQueryInstance, 65, nil, 48*time.Second + 118*time.Minute},
		{wire.ActivityChangeInstanceCheck, 7, nil, 108 * time.Second},
		{"nothing", 1, nil, 0},
	} {
		t.Run(tt.activity, func(t *testing.T) {
			plan := produce.DefaultPlans().Of(tt.activity)
			var times []time.Duration
			for at, more := begin, true; more; at, more = plan.Next(begin, at) {
				times = append(times, at.Sub(begin))
				if len(times) > 1000 {
					t.Fatal("the plan does not end")
				}
			}
			if len(times) != tt.calls || times[len(times)-1] != tt.last {
				t.Errorf("%d calls, the last after %v", len(times), times[len(times)-1])
			}
			for i, want := range tt.first {
				if times[i] != want {
					t.Errorf("call %d after %v, want %v", i, times[i], want)
				}
			}
		})
	}
}

// TestPlanAfterAPause: a call that took long does not move the ones behind it, and a cloud that was down
// does not make up for what it missed.
func TestPlanAfterAPause(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	plan := produce.Plan{Quick: []time.Duration{time.Second, 2 * time.Second}, Every: time.Minute, For: 10 * time.Minute}
	for _, tt := range []struct {
		now, next time.Duration
		more      bool
	}{
		{0, time.Second, true},
		{999 * time.Millisecond, time.Second, true},
		{time.Second, 3 * time.Second, true},
		{2500 * time.Millisecond, 3 * time.Second, true},
		{3 * time.Second, 63 * time.Second, true},
		{5 * time.Minute, 5*time.Minute + 3*time.Second, true},
		{9*time.Minute + 2*time.Second, 9*time.Minute + 3*time.Second, true},
		{9*time.Minute + 3*time.Second, 10*time.Minute + 3*time.Second, false},
		{24 * time.Hour, 0, false},
		{-time.Minute, time.Second, true}, // the clock was set back
	} {
		next, more := plan.Next(begin, begin.Add(tt.now))
		if more != tt.more || more && next.Sub(begin) != tt.next {
			t.Errorf("after %v: %v, %v; want %v, %v", tt.now, next.Sub(begin), more, tt.next, tt.more)
		}
	}
}
