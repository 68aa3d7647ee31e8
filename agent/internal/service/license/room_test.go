package license

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestRequestInBothForms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want("at first", api.StateUnknown, api.LicenseUnknown)
	if st := b.state(); !st.Checked.IsZero() || st.Reason == "" || st.Hint == "" {
		t.Errorf("at first %+v", st)
	}
	p, state := b.request(api.FormString)
	if state != api.OpDone || p["Status"] != "success" || p["LicenseType"] != "string" || p["LicenseContent"] != "MINICAD1|text" ||
		p["offline"] != "false" || p["state"] != api.StateValid || p["until"] == "" {
		t.Errorf("string form: %s %v", state, p)
	}
	for _, absent := range []string{"status", "LicenseFilePath", "code"} {
		if _, there := p[absent]; there {
			t.Errorf("string form has %q: %v", absent, p)
		}
	}
	p, state = b.request(api.FormFile)
	want := filepath.Join(home(), "licenses", "minicad", "license.lic")
	if _, there := p["LicenseContent"]; state != api.OpDone || p["LicenseFilePath"] != want || p["LicenseType"] != "file" || there {
		t.Errorf("file form: %s %v", state, p)
	}
	if len(b.worker.wrote) != 1 || string(b.worker.wrote[0].Data) != "MINICAD1|text" {
		t.Errorf("written: %+v", b.worker.wrote)
	}
	b.want("after", api.StateValid, api.OK)
	if st := b.state(); st.Offline || st.Checked.IsZero() || st.Until.IsZero() {
		t.Errorf("state %+v", st)
	}
	if other := b.room.State(ctx, caller.Actor{UID: "1001", Product: "minicad"}); other.State != api.StateUnknown {
		t.Errorf("another OS user: %+v", other)
	}
	if other := b.room.State(ctx, caller.Actor{UID: "1000", Product: "othercad"}); other.State != api.StateUnknown {
		t.Errorf("another product: %+v", other)
	}
}

func TestRequestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct {
		name string
		a    caller.Actor
		q    api.LicenseRequest
		want api.Code
	}{
		{"no product", caller.Actor{UID: "1000"}, api.LicenseRequest{Form: "string"}, api.InvalidArgument},
		{"a product that is a path", caller.Actor{UID: "1000", Product: "../x"}, api.LicenseRequest{Form: "string"}, api.InvalidArgument},
		{"no form", app, api.LicenseRequest{}, api.InvalidArgument},
		{"devInfo too long", app, api.LicenseRequest{Form: "string", DevInfo: strings.Repeat("x", api.MaxDevInfo+1)}, api.TooLarge},
		{"devInfo not UTF-8", app, api.LicenseRequest{Form: "string", DevInfo: "\xff"}, api.InvalidArgument},
		{"a path as file name", app, api.LicenseRequest{Form: "file", FileName: "../../etc/passwd"}, api.NameInvalid},
		{"dots as file name", app, api.LicenseRequest{Form: "file", FileName: ".."}, api.NameInvalid},
		{"comeBack that is no object", app, api.LicenseRequest{Form: "string", ComeBack: "7"}, api.InvalidArgument},
	} {
		if _, err := b.room.Request(ctx, c.a, c.q); api.CodeOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	b.sign("", &api.Error{Code: api.NotSignedIn})
	if _, err := b.room.Request(ctx, app, api.LicenseRequest{Form: "string"}); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("not signed in: %v", err)
	}
	b.want("not signed in", api.StateNone, api.NotSignedIn)
}

func TestCloudAway(t *testing.T) {
	t.Parallel()
	for outage, code := range map[string]api.Code{cloudtest.Down: api.CloudUnreachable, cloudtest.HTML: api.CloudAnswer, cloudtest.Broken: api.CloudAnswer} {
		t.Run(outage, func(t *testing.T) {
			b := newBench(t)
			b.fake.Set(outage)
			p, state := b.request(api.FormString)
			if state != api.OpFailed || p["Status"] != "failed" || p["code"] != strconv.Itoa(int(code)) || p["reason"] == "" || p["hint"] == "" {
				t.Errorf("nothing cached: %s %v", state, p)
			}
			b.fake.Set(cloudtest.Up)
			if _, state := b.request(api.FormString); state != api.OpDone {
				t.Fatal(state)
			}
			b.fake.Set(outage)
			for _, restarted := range []bool{false, true} {
				p, state = b.request(api.FormString)
				if state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["offline"] != "true" {
					t.Errorf("cached, restarted %v: %s %v", restarted, state, p)
				}
				if st := b.state(); !st.Offline || st.State != api.StateValid {
					t.Errorf("cached, restarted %v: %+v", restarted, st)
				}
				b.start()
			}
			if p, state = b.request(api.FormFile); state != api.OpFailed || p["code"] != strconv.Itoa(int(code)) {
				t.Errorf("a form that was never fetched: %s %v", state, p)
			}
			b.print = "OTHER|DEVICE||"
			if p, state = b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(code)) {
				t.Errorf("another fingerprint than the content is for: %s %v", state, p)
			}
		})
	}
}

// TestLeaseLife lives through a lease without the cloud.
func TestLeaseLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.fake.Set(cloudtest.Down)
	for _, c := range []struct {
		at    time.Duration
		state string
		code  api.Code
	}{
		{7*day*3/4 - time.Minute, api.StateValid, api.OK},
		{7*day*3/4 + time.Minute, api.StateRefreshDue, api.OK},
		{7*day - time.Minute, api.StateRefreshDue, api.OK},
		{7*day + time.Minute, api.StateGrace, api.OK},
		{10*day - time.Minute, api.StateGrace, api.OK},
		{10*day + time.Minute, api.StateExpired, api.LicenseExpired},
	} {
		b.world.pass(c.at - b.passed())
		b.want(c.at.String(), c.state, c.code)
		p, state := b.request(api.FormString)
		if (state == api.OpDone) != (c.code == api.OK) || c.code != api.OK && p["code"] != strconv.Itoa(int(c.code)) {
			t.Errorf("%v: request ended %s %v", c.at, state, p)
		}
	}
	b.fake.Set(cloudtest.Up)
	b.room.Wake("")
	b.room.tick(ctx)
	b.want("renewed when the cloud came back", api.StateValid, api.OK)
}

// passed is the world's time since a bench began.
func (b *bench) passed() time.Duration { return b.world.real().Sub(newWorld().real) }

func TestServerSaysNo(t *testing.T) {
	t.Parallel()
	for cloudCode, want := range map[string]struct {
		state string
		code  api.Code
	}{
		cloudapi.ErrLicenseRefused: {api.StateRefused, api.LicenseRefused},
		cloudapi.ErrLicenseNone:    {api.StateNone, api.LicenseNone},
	} {
		for _, by := range []string{"request", "renewal"} {
			t.Run(cloudCode+" at "+by, func(t *testing.T) {
				b := newBench(t)
				b.request(api.FormString)
				b.product(func(p *cloudtest.Product) { p.Refuse = cloudCode })
				if by == "request" {
					if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(want.code)) {
						t.Errorf("ended %s %v", state, p)
					}
				} else {
					b.world.pass(6*day + 12*time.Hour)
					b.room.tick(ctx)
				}
				b.want("refused", want.state, want.code)
				b.fake.Set(cloudtest.Down)
				b.start()
				b.want("refused, restarted, offline", want.state, want.code)
				if p, state := b.request(api.FormString); state != api.OpFailed || p["LicenseContent"] != "" || p["code"] != strconv.Itoa(int(want.code)) {
					t.Errorf("offline after a refusal: %s %v", state, p)
				}
				b.fake.Set(cloudtest.Up)
				b.product(func(p *cloudtest.Product) { p.Refuse = "" })
				if _, state := b.request(api.FormString); state != api.OpDone {
					t.Errorf("granted again: %s", state)
				}
				b.want("granted again", api.StateValid, api.OK)
			})
		}
	}
}

// TestSignInThatEnded: the lease goes on, a new request asks to sign in.
func TestSignInThatEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.sign(cloudtest.Account, &api.Error{Code: api.SessionExpired})
	b.want("sign-in ended", api.StateValid, api.OK)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.SessionExpired)) {
		t.Errorf("ended %s %v", state, p)
	}
	b.sign("someone else", nil)
	b.want("another account", api.StateUnknown, api.LicenseUnknown)
}

func TestClockSuspect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.room.saveTime()
	b.fake.Set(cloudtest.Down)
	b.world.reboot()
	b.world.set(-day)
	b.start()
	b.want("set back over a restart", api.StateClockSuspect, api.ClockSuspect)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.ClockSuspect)) {
		t.Errorf("request: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Up)
	if _, err := b.cloud.Server(ctx); err != nil {
		t.Fatal(err)
	}
	b.want("one contact heals", api.StateValid, api.OK)
}

// TestTimeRecordLost: without the kept time, the lease's own issue time is a floor.
func TestTimeRecordLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.fake.Set(cloudtest.Down)
	if err := b.store.Delete(timeRecord); err != nil {
		t.Fatal(err)
	}
	b.world.set(-day)
	b.start()
	b.want("set back, time record deleted", api.StateClockSuspect, api.ClockSuspect)
	b.world.set(0)
	b.want("put right", api.StateValid, api.OK)
}
