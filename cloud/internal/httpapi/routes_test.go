package httpapi_test

import (
	"slices"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
)

// TestRoutesAreDescribed holds the registered routes against openapi.yaml, both ways.
func TestRoutesAreDescribed(t *testing.T) {
	served := map[string]bool{}
	for _, r := range apitest.Start(t).App.API.Routes() {
		if served[r.Pattern] {
			t.Errorf("%s is served twice", r.Pattern)
		}
		served[r.Pattern] = true
	}
	described := map[string]bool{}
	for path, item := range cloudapitest.For(t).Document().Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	var missing []string
	for p := range served {
		if !described[p] {
			missing = append(missing, p+" is served but not in openapi.yaml")
		}
	}
	for p := range described {
		if !served[p] {
			missing = append(missing, p+" is in openapi.yaml but not served")
		}
	}
	slices.Sort(missing)
	for _, m := range missing {
		t.Error(m)
	}
}
