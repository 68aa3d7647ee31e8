package events

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Workers' refusals are outside input: what is no refusal becomes a failure all the
// same, and no text grows the ledger.
func TestWordsOfAWorker(t *testing.T) {
	var none *api.Error
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"a refusal":   {&api.Error{Code: api.NotFound}, "-60"},
		"code 0":      {&api.Error{}, "-5"},
		"code over 0": {&api.Error{Code: 7}, "-5"},
		"nobody":      {none, "-5"},
	} {
		if got := Failure("en", c.err); got[api.ParamCode] != c.code || got[api.ParamReason] == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	long := strings.Repeat("é", maxParam)
	got := bounded(map[string]string{"long": long, "short": "x"})
	if len(got["long"]) > maxParam || !utf8.ValidString(got["long"]) || got["short"] != "x" {
		t.Errorf("%d bytes", len(got["long"]))
	}
	if got := bounded(nil); got == nil {
		t.Error("params must be an object")
	}
}
