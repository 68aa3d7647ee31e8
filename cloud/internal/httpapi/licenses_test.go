package httpapi_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// desk is a member at a device, with an instance of product "cad".
type desk struct {
	*apitest.Cloud
	inst   cloudapi.Instance
	device *apitest.Device
	boss   http.Header
	user   http.Header
}

func newDesk(t *testing.T, change ...func(*app.Config)) *desk {
	t.Helper()
	c := apitest.Start(t, change...)
	ann := c.Member(t, "ann", "member")
	d := &desk{Cloud: c, inst: instance(t, c, "cad", 1), device: c.Enrol(t, "desk"), boss: apitest.Bearer(c.Boss.AccessToken)}
	d.user = apitest.OnDevice(ann.AccessToken, d.device.Token)
	return d
}

func (d *desk) assign(t *testing.T) {
	t.Helper()
	d.Must(t, "PUT", "/v1/instances/"+d.inst.ID+"/assignments/ann", d.boss, nil, nil, http.StatusNoContent)
}

// again signs everyone in anew after the clock was moved far.
func (d *desk) again(t *testing.T) {
	t.Helper()
	d.boss = apitest.Bearer(d.Login(t, "boss").AccessToken)
	d.Retoken(t, d.device)
	d.user = apitest.OnDevice(d.Login(t, "ann").AccessToken, d.device.Token)
}

func request() cloudapi.LicenseRequest {
	return cloudapi.LicenseRequest{Product: "cad", Form: "string", Fingerprint: "AA:BB|DISK|BOARD|CPU", Request: "request-1"}
}

func TestLicense(t *testing.T) {
	d := newDesk(t)
	d.assign(t)
	var out cloudapi.License
	d.Must(t, "POST", "/v1/licenses", d.user, request(), &out, http.StatusOK)

	// The content: what a C program does with libsodium.
	var key cloudapi.IssuerKey
	d.Must(t, "GET", "/v1/issuer/key", nil, nil, &key, http.StatusOK)
	public, err := hex.DecodeString(key.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.LastIndexByte(out.Content, '|')
	sig, err := base64.StdEncoding.DecodeString(out.Content[cut+1:])
	if err != nil || !ed25519.Verify(public, []byte(out.Content[:cut]), sig) {
		t.Errorf("the content's signature is wrong: %s", out.Content)
	}
	want := fmt.Sprintf("MINICAD1|cad|%s|%s|%x|draw,step.export", d.inst.ID, d.inst.Until.Format(time.RFC3339), sha256.Sum256([]byte("AA:BB|DISK|BOARD|CPU")))
	if out.Content[:cut] != want {
		t.Errorf("content %s, want %s", out.Content[:cut], want)
	}

	// The lease: what the agent does.
	a := d.Do(t, "GET", "/v1/keys", nil, nil)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(a.Body, &keys); err != nil {
		t.Fatal(err)
	}
	l, err := token.Verify(out.Lease, keys)
	if err != nil {
		t.Fatal(err)
	}
	now := d.Clock.Now()
	thumb := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, base64.RawURLEncoding.EncodeToString(d.device.Key.Public().(ed25519.PublicKey))))
	if l.Device != d.device.ID || l.KeyThumb != base64.RawURLEncoding.EncodeToString(thumb[:]) || l.Account != "ann" || l.Product != "cad" || l.Instance != d.inst.ID ||
		strings.Join(l.Features, " ") != "draw step.export" {
		t.Errorf("lease for whom: %+v", l)
	}
	const day = 24 * time.Hour
	if !l.From.Equal(d.inst.From) || !l.Issued.Equal(now) || !l.Until.Equal(now.Add(7*day)) || !l.Grace.Equal(now.Add(14*day)) || !l.Refresh.Equal(now.Add(day)) {
		t.Errorf("lease's times: %+v", l)
	}
}

func TestSameRequestSameContent(t *testing.T) {
	d := newDesk(t)
	d.assign(t)
	get := func(change func(*cloudapi.LicenseRequest)) string {
		in := request()
		change(&in)
		var out cloudapi.License
		d.Must(t, "POST", "/v1/licenses", d.user, in, &out, http.StatusOK)
		return out.Content
	}
	first := get(func(*cloudapi.LicenseRequest) {})
	if got := get(func(in *cloudapi.LicenseRequest) { in.Request = "request-2" }); got != first {
		t.Error("another request key got other content")
	}
	d.Clock.Advance(30 * time.Minute)
	if got := get(func(*cloudapi.LicenseRequest) {}); got != first {
		t.Error("later the same request got other content")
	}
	if got := get(func(in *cloudapi.LicenseRequest) { in.Fingerprint = "OTHER" }); got == first {
		t.Error("another fingerprint got the same content")
	}
}

func TestLicenseRefusals(t *testing.T) {
	d := newDesk(t)
	ask := func(want, reason string) {
		t.Helper()
		for _, call := range []struct {
			path string
			body any
		}{{"/v1/licenses", request()}, {"/v1/leases", cloudapi.Renew{Product: "cad"}}} {
			if e := d.Refused(t, "POST", call.path, d.user, call.body, want); e.Params["reason"] != reason {
				t.Errorf("%s: reason %q, want %q", call.path, e.Params["reason"], reason)
			}
		}
	}
	d.Refused(t, "POST", "/v1/leases", d.user, cloudapi.Renew{Product: "unknown"}, cloudapi.ErrProductUnknown)
	ask(cloudapi.ErrLicenseNone, "")
	d.assign(t)
	d.assign(t) // again: nothing happens
	ask("", "")
	freeze := func(status string) {
		d.Must(t, "PUT", "/v1/instances/"+d.inst.ID+"/status", d.boss, cloudapi.InstanceStatus{Status: status}, nil, http.StatusNoContent)
	}
	freeze("frozen")
	ask(cloudapi.ErrLicenseRefused, "frozen")
	freeze("active")
	ask("", "")
	d.Member(t, "bob", "member")
	d.Refused(t, "PUT", "/v1/instances/"+d.inst.ID+"/assignments/bob", d.boss, nil, cloudapi.ErrConflict) // one seat only
	d.Must(t, "DELETE", "/v1/instances/"+d.inst.ID+"/assignments/ann", d.boss, nil, nil, http.StatusNoContent)
	ask(cloudapi.ErrLicenseNone, "")
	d.Refused(t, "DELETE", "/v1/instances/"+d.inst.ID+"/assignments/ann", d.boss, nil, cloudapi.ErrNotFound)
	d.assign(t)
	d.Clock.Advance(365 * 24 * time.Hour)
	d.again(t)
	ask(cloudapi.ErrLicenseRefused, "expired")
	second := instance(t, d.Cloud, "cad", 1)
	d.Must(t, "PUT", "/v1/instances/"+second.ID+"/assignments/ann", d.boss, nil, nil, http.StatusNoContent)
	ask("", "") // a good instance beside one that has ended
}

// TestLeaseNeverOutlivesTheInstance: the last lease and its grace end with what was bought.
func TestLeaseNeverOutlivesTheInstance(t *testing.T) {
	d := newDesk(t, func(c *app.Config) { c.Terms = httpapi.LeaseTerms{Lease: 48 * time.Hour, Grace: 24 * time.Hour} })
	d.assign(t)
	for _, tt := range []struct{ left, until, grace time.Duration }{
		{100 * time.Hour, 48 * time.Hour, 72 * time.Hour},
		{60 * time.Hour, 48 * time.Hour, 60 * time.Hour},
		{time.Hour, time.Hour, time.Hour},
		{time.Second, time.Second, time.Second},
	} {
		d.Clock.Advance(d.inst.Until.Add(-tt.left).Sub(d.Clock.Now()))
		d.again(t)
		var out cloudapi.Lease
		d.Must(t, "POST", "/v1/leases", d.user, cloudapi.Renew{Product: "cad"}, &out, http.StatusOK)
		l, err := token.Verify(out.Lease, d.App.Issuer.Keys())
		if err != nil {
			t.Fatal(err)
		}
		now := d.Clock.Now()
		if l.Until.Sub(now) != tt.until || l.Grace.Sub(now) != tt.grace || l.Refresh.After(l.Until) {
			t.Errorf("with %v left: until %v, grace %v", tt.left, l.Until.Sub(now), l.Grace.Sub(now))
		}
	}
}

func TestDeviceLimit(t *testing.T) {
	d := newDesk(t, func(c *app.Config) { c.Terms.Devices = 2 })
	d.assign(t)
	ann := d.Login(t, "ann").AccessToken
	renew := func(dev *apitest.Device, want string) {
		t.Helper()
		if e := d.Refused(t, "POST", "/v1/leases", apitest.OnDevice(ann, dev.Token), cloudapi.Renew{Product: "cad"}, want); want != "" && e.Params["reason"] != "devices" {
			t.Errorf("reason %q", e.Params["reason"])
		}
	}
	second, third := d.Enrol(t, "second"), d.Enrol(t, "third")
	renew(d.device, "")
	renew(second, "")
	renew(third, cloudapi.ErrLicenseRefused)
	renew(second, "")
	d.Clock.Advance(7*24*time.Hour + time.Second) // both leases have ended
	ann = d.Login(t, "ann").AccessToken
	d.Retoken(t, third)
	renew(third, "")
}

func TestReportsReachTheAuditTrail(t *testing.T) {
	d := newDesk(t)
	d.assign(t)
	d.Must(t, "POST", "/v1/licenses", d.user, request(), nil, http.StatusOK)
	report := cloudapi.VerifyReport{Report: "report-01", Product: "cad", OK: false, Error: "signature is wrong\n第二行", Time: d.Clock.Now()}
	d.Must(t, "POST", "/v1/licenses/reports", d.user, report, nil, http.StatusNoContent)
	d.Must(t, "POST", "/v1/licenses/reports", d.user, report, nil, http.StatusNoContent) // a repetition is one report
	var all []cloudapi.AuditEntry
	var after int64
	for {
		var page cloudapi.Audit
		d.Must(t, "GET", fmt.Sprintf("/v1/audit?after=%d", after), d.boss, nil, &page, http.StatusOK)
		if len(page.Entries) == 0 {
			break
		}
		all = append(all, page.Entries...)
		after = page.Entries[len(page.Entries)-1].ID
	}
	count := map[string]int{}
	for _, e := range all {
		count[e.Action]++
		if e.Action == "license.verified" && (e.Account != "ann" || e.Device != d.device.ID || e.Params["ok"] != "false" ||
			e.Params["error"] != report.Error || e.Params["product"] != "cad") {
			t.Errorf("entry %+v", e)
		}
	}
	for action, n := range map[string]int{"setup": 1, "member.added": 1, "product.added": 1, "instance.added": 1, "instance.assigned": 1,
		"license.issued": 1, "license.verified": 1} {
		if count[action] != n {
			t.Errorf("%s stands %d times in the trail, want %d: %v", action, count[action], n, count)
		}
	}
	for _, q := range []string{"-1", "x", "1e3", "9223372036854775808"} {
		d.Refused(t, "GET", "/v1/audit?after="+q, d.boss, nil, cloudapi.ErrInvalid)
	}
}
