//go:build linux

package e2e

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// document is the script's command for what a buyer does for a computer without network: an administrator
// applies for GearCAD with the fingerprint that lies in a file, waits until the ISV has made the licence, and downloads
// the publisher's own licence and the signed document.
func (s *theStage) document(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: document FINGERPRINT-FILE CONTENT-FILE DOCUMENT-FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fingerprint := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	var a cloudapi.Application
	ts.Check(s.Admin.Call(ctx, "POST", "/v1/market/applications", cloudapi.NewApplication{Resource: s.market.Resource, Form: "string", Fingerprint: fingerprint}, &a))
	for a.State != "delivered" {
		ts.Check(clock.Wait(ctx, 100*time.Millisecond))
		ts.Check(s.Admin.Call(ctx, "GET", "/v1/market/applications/"+a.Event, nil, &a))
	}
	for i, what := range []string{"content", "document"} {
		text, err := s.Admin.Bytes(ctx, "/v1/market/applications/"+a.Event+"/"+what)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[i+1]), text, 0o644))
	}
}
