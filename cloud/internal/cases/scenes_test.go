package cases_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachScenePasses: an ISV on package merchant passes each scene, with the pre-set parameters, and all
// of them again as replays.
func TestEachScenePasses(t *testing.T) {
	p := start(t)
	tried := map[string]bool{}
	for _, s := range cases.Scenes() {
		tried[s.Activity] = true
		t.Run(s.ID, func(t *testing.T) {
			in := cloudapi.RunCase{Product: product(s), Scene: s.ID}
			if s.ID == wire.KitApplicationSync {
				in.Parameters = map[string]string{cases.PublicKey: p.public}
			}
			got := p.run(t, in)
			if !got.Passed || got.Verdict != "passed" || got.Case == "" {
				t.Fatalf("verdict %s: %s\n%+v", got.Verdict, got.Text, got.Exchanges)
			}
			want := 1
			if s.Twice {
				want = 2
			}
			if len(got.Exchanges) != want {
				t.Errorf("%d requests, want %d", len(got.Exchanges), want)
			}
			for _, x := range got.Exchanges {
				if x.BodySign != "good" || x.Status != http.StatusOK {
					t.Errorf("exchange %+v", x)
				}
				for _, k := range p.keys {
					if strings.Contains(x.URL+x.Body, k.Secret) {
						t.Error("a key is shown")
					}
				}
			}
			if s.Activity == wire.ActivityGetLicenseAsync && (got.Upload == nil || got.Upload.Type != "CHARACTERS" || got.Upload.Others != 0) {
				t.Errorf("upload %+v", got.Upload)
			}
		})
	}
	for _, a := range append(wire.Activities(), wire.KitCalls()...) {
		if !tried[a] {
			t.Errorf("no scene tries %s", a)
		}
	}
	var saved cloudapi.SavedCases
	p.Must(t, "GET", "/v1/market/cases", p.isv, nil, &saved, http.StatusOK)
	if len(saved.Cases) != len(cases.Scenes()) {
		t.Errorf("%d cases are saved", len(saved.Cases))
	}
	for _, c := range saved.Cases {
		if secret := c.Parameters["clientSecret"]; c.Scene == wire.KitApplicationSync && (len(secret) < 500 || c.Parameters[cases.PublicKey] != "") {
			t.Error("the client secret is kept in the clear")
		}
	}
	var again cloudapi.CaseReports
	p.Must(t, "POST", "/v1/market/cases/replay", p.isv, cloudapi.ReplayCases{}, &again, http.StatusOK)
	for _, r := range again.Reports {
		if !r.Passed {
			t.Errorf("replay of %s: %s: %s", r.Scene, r.Verdict, r.Text)
		}
	}
	if p.licences != 1 {
		t.Errorf("%d licences were made for one event", p.licences)
	}
	p.Must(t, "POST", "/v1/market/cases/replay", p.isv, cloudapi.ReplayCases{ID: saved.Cases[0].ID}, &again, http.StatusOK)
	if len(again.Reports) != 1 || !again.Passed {
		t.Errorf("replay of one: %+v", again)
	}
}

// TestAllAtOnce: without a scene, all that the listing's kind needs is tried; nothing is needed before a listing exists
// but an address and a key.
func TestAllAtOnce(t *testing.T) {
	p := start(t)
	for product, want := range map[string]int{"cad": 14, "codes": 6, "online": 14} {
		var out cloudapi.CaseReports
		p.Must(t, "POST", "/v1/market/cases/run", p.isv, cloudapi.RunCase{Product: product}, &out, http.StatusOK)
		if !out.Passed || len(out.Reports) != want {
			t.Errorf("%s: passed %v, %d scenes, want %d", product, out.Passed, len(out.Reports), want)
		}
	}
	got := p.run(t, cloudapi.RunCase{URL: p.base + "/produce", Key: p.keys["base"].ID, Scene: "newInstance"})
	if !got.Passed {
		t.Errorf("by address: %s", got.Text)
	}
}

// TestWishesAreChecked: what cannot be tried is refused before anything is sent.
func TestWishesAreChecked(t *testing.T) {
	p := start(t)
	p.put(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	for _, tt := range []struct {
		name string
		in   cloudapi.RunCase
		code string
	}{
		{"no such scene", cloudapi.RunCase{Product: "cad", Scene: "deleteEverything"}, "invalid_argument"},
		{"no such product", cloudapi.RunCase{Product: "other", Scene: "newInstance"}, "not_found"},
		{"product and address", cloudapi.RunCase{Product: "cad", URL: p.base + "/x", Scene: "newInstance"}, "invalid_argument"},
		{"nowhere", cloudapi.RunCase{Scene: "newInstance"}, "invalid_argument"},
		{"an address that was not verified", cloudapi.RunCase{URL: "https://other.example.com/x", Scene: "newInstance"}, "invalid_argument"},
		{"a key of another category", cloudapi.RunCase{Product: "cad", Key: p.keys["kit"].ID, Scene: "newInstance"}, "invalid_argument"},
		{"an unknown parameter", cloudapi.RunCase{Product: "cad", Scene: "newInstance", Parameters: map[string]string{"x": "y"}}, "invalid_argument"},
		{"testFlag", cloudapi.RunCase{Product: "cad", Scene: "newInstance", Parameters: map[string]string{"testFlag": "0"}}, "invalid_argument"},
		{"the activity", cloudapi.RunCase{Product: "cad", Scene: "newInstance", Parameters: map[string]string{"activity": "x"}}, "invalid_argument"},
		{"no number", cloudapi.RunCase{Product: "online", Scene: "tenantSync", Parameters: map[string]string{"flag": "one"}}, "invalid_argument"},
		{"no JSON", cloudapi.RunCase{Product: "online", Scene: "authSync", Parameters: map[string]string{"userList": "[{"}}, "invalid_argument"},
		{"no public key", cloudapi.RunCase{Product: "online", Scene: "applicationSync", Parameters: map[string]string{cases.PublicKey: "abc"}}, "invalid_argument"},
		{"an event that is too long", cloudapi.RunCase{Product: "cad", Scene: "getLicenseAsync", Parameters: map[string]string{"eventId": strings.Repeat("e", 65)}}, "invalid_argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.Refused(t, "POST", "/v1/market/cases/run", p.isv, tt.in, tt.code)
		})
	}
	p.Refused(t, "POST", "/v1/market/cases/replay", p.isv, cloudapi.ReplayCases{ID: "cas_none"}, "not_found")
	p.Refused(t, "GET", "/v1/market/cases", apitest.Bearer(p.Boss.AccessToken), nil, "forbidden")
}
