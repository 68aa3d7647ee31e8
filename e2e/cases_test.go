//go:build linux

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// TestTheExamplePassesDebugging: the ISV's server that docs/isv.md tells to copy passes every scene that "Send all
// and save" sends, and again when the saved cases are replayed after it was killed. A licence really arrives.
func TestTheExamplePassesDebugging(t *testing.T) {
	s := stage(t, "isccase", true)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	server, err := s.buildISV(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.market, err = s.OpenMarket(ctx, desk.Shop{Program: server}); err != nil {
		t.Fatal(err)
	}
	passed := func(what, path string, ask any) int {
		t.Helper()
		var got cloudapi.CaseReports
		if err := s.market.Staff.Call(ctx, "POST", path, ask, &got); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, r := range got.Reports {
			if !r.Passed {
				t.Errorf("%s, %s: %s %s", what, r.Scene, r.Verdict, r.Text)
			}
			if r.Scene == "getLicenseAsync" && r.Upload == nil {
				t.Errorf("%s: no licence has arrived", what)
			}
		}
		if !got.Passed {
			t.Errorf("%s: not passed", what)
		}
		return len(got.Reports)
	}
	sent := passed("sent", "/v1/market/cases/run", cloudapi.RunCase{Product: desk.GearCAD})
	s.market.Process.Kill()
	if err := s.market.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if again := passed("replayed", "/v1/market/cases/replay", cloudapi.ReplayCases{Product: desk.GearCAD}); sent < 10 || again != sent {
		t.Errorf("%d scenes were sent and %d replayed", sent, again)
	}
}
