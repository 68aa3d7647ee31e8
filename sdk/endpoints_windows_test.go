package sdk_test

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk"
)

// place is an absolute path.
const place = `C:\a`

func TestDefaultEndpoints(t *testing.T) {
	got := sdk.DefaultEndpoints("/run/user/7", "relative")
	if len(got) != 2 || got[0] != sdk.SystemEndpoint || !strings.HasPrefix(got[1], sdk.SystemEndpoint+"-S-1-5-21-") {
		t.Errorf("got %q", got)
	}
}
