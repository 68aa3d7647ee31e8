package merchant

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestRefusalsThatRefuseNothing: a success that was not recorded, and codes that the marketplace has no place for.
func TestRefusalsThatRefuseNothing(t *testing.T) {
	for code, want := range map[wire.Code]wire.Code{
		"": wire.Internal, wire.Success: wire.Internal, "0000004": wire.Internal, "00010a": wire.Internal, wire.SoldOut: wire.SoldOut, "000999": "000999",
	} {
		d := newDesk(t, func(o *Options) {
			o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) { return 0, Refuse(code, "x") }
		})
		if a := d.expect(order("1"), want); a.InstanceID != "" {
			t.Errorf("%q: %+v", code, a)
		}
		if told := strings.Contains(d.log.String(), "no refusal's code"); told == (code == want) {
			t.Errorf("%q: log %s", code, d.log)
		}
	}
}

// TestAnswersThatNobodyTakes: what the marketplace would throw away is told here, with the field.
func TestAnswersThatNobodyTakes(t *testing.T) {
	for name, info := range map[string]wire.InstanceInfo{
		"field info.instanceId is empty":   {InstanceID: ""},
		"field info.instanceId is longer":  {InstanceID: strings.Repeat("i", 65)},
		"field info.appInfo.frontEndUrl":   {InstanceID: "i", AppInfo: &wire.AppInfo{}},
		"field info.appInfo.userName":      {InstanceID: "i", AppInfo: &wire.AppInfo{FrontEndURL: "u", UserName: strings.Repeat("n", 129)}},
		"field info.usageInfo.statistical": {InstanceID: "i", UsageInfo: []wire.UsageInfo{{UsageValue: "1", StatisticalTime: "today"}}},
	} {
		d := newDesk(t, func(o *Options) {
			o.Calls.QueryInstance = func(context.Context, wire.QueryInstance) ([]wire.InstanceInfo, error) {
				return []wire.InstanceInfo{info}, nil
			}
		})
		if a := d.expect(wire.QueryInstance{InstanceID: "i"}, wire.Internal); !strings.Contains(a.ResultMsg, name) {
			t.Errorf("%s: says %q", name, a.ResultMsg)
		}
	}
}

// TestACallbackThatEndsItsGoroutine is a failure like a panic, and the next request has the turn.
func TestACallbackThatEndsItsGoroutine(t *testing.T) {
	ends := true
	d := newDesk(t, func(o *Options) {
		o.Calls = everything(func(wire.Request) error {
			if ends {
				runtime.Goexit()
			}
			return nil
		})
		o.Upload = func(context.Context, string, License) error { return nil }
	})
	calls := []wire.Request{order("1"), license("e", "f"), wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze}}
	for _, r := range calls {
		d.expect(r, wire.Internal)
	}
	ends = false
	for _, r := range calls {
		d.expect(r, wire.Success)
	}
}

// TestAMarketplaceThatHangsHoldsNoFreezeUp: uploads that do not end have three quarters of the workers, not all.
func TestAMarketplaceThatHangsHoldsNoFreezeUp(t *testing.T) {
	release := make(chan struct{})
	var uploads atomic.Int32
	d := newDesk(t, func(o *Options) {
		o.Workers, o.AnswerWithin = 4, 200*time.Millisecond
		o.Calls = everything(func(wire.Request) error { return nil })
		o.Upload = func(context.Context, string, License) error {
			uploads.Add(1)
			<-release
			return nil
		}
	})
	for i := range 6 {
		d.expect(license(fmt.Sprint("e", i), "f"), wire.Processing)
	}
	if n := uploads.Load(); n != 3 {
		t.Errorf("%d uploads at once, want 3", n)
	}
	d.h.options.AnswerWithin = time.Minute
	d.expect(wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze}, wire.Success)
	d.expect(order("1"), wire.Success)
	close(release)
	for i := range 6 {
		d.expect(license(fmt.Sprint("e", i), "f"), wire.Success)
	}
}
