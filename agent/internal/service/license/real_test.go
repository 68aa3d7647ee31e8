package license_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/agent/internal/service/identity"
	"github.com/iscdesk/iscdesk/agent/internal/service/license"
	"github.com/iscdesk/iscdesk/agent/internal/service/signin"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// realCloud is the real program in a folder of the test, with a front that holds what
// is said to it against openapi.yaml.
type realCloud struct {
	exe, data, base, code string // base is the front's
	own                   string // the program's own address
	cmd                   *exec.Cmd
}

func startCloud(t *testing.T) *realCloud {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the cloud runs on Linux")
	}
	c := &realCloud{exe: filepath.Join(t.TempDir(), "iscdesk-cloud"), data: filepath.Join(t.TempDir(), "data")}
	build := exec.Command(need.Command(t, "go"), "build", "-o", c.exe, "github.com/iscdesk/iscdesk/cloud")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the cloud: %v\n%s", err, out)
	}
	c.start(t, "127.0.0.1:0")
	t.Cleanup(func() { c.stop() })
	front, err := cloudapitest.For(t).Front(c.data, c.own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	c.base = front.URL
	return c
}

func (c *realCloud) start(t *testing.T, listen string) {
	t.Helper()
	c.cmd = exec.Command(c.exe, "serve", "--data", c.data, "--listen", listen)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "address":
			c.own = value
		case strings.HasPrefix(name, "one-time code"):
			c.code = value
		case name == "ready":
			return
		}
	}
	t.Fatal("the cloud did not start")
}

func (c *realCloud) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // killed: its error is expected
}

func (c *realCloud) client(t *testing.T) *cloudhttp.Client {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(c.data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := cloudhttp.New(cloudhttp.Config{Base: c.base, CAPEM: ca, Proxy: cloudhttp.ProxyDirect})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// admin sends an administrator's call.
func admin(t *testing.T, h *cloudhttp.Client, token, method, path string, in, out any) {
	t.Helper()
	if _, err := h.Do(context.Background(), cloudhttp.Request{Method: method, Path: path, Token: token, JSON: in, Result: out}); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// seed makes an administrator, a member and a licence; it returns the administrator's token.
func (c *realCloud) seed(t *testing.T) (h *cloudhttp.Client, token, instance string) {
	t.Helper()
	h = c.client(t)
	admin(t, h, "", http.MethodPost, "/v1/setup", cloudapi.Setup{Code: c.code, Account: "root", Name: "Root", Password: "first-words-1x", Organisation: "Works"}, nil)
	var tokens cloudapi.Tokens
	admin(t, h, "", http.MethodPost, "/v1/login", cloudapi.Login{Account: "root", Password: "first-words-1x"}, &tokens)
	token = tokens.AccessToken
	admin(t, h, token, http.MethodPost, "/v1/members", cloudapi.NewMember{Account: "li", Name: "Li", Password: "second-words-1", Role: "member"}, nil)
	admin(t, h, token, http.MethodPost, "/v1/products", cloudapi.Product{ID: "minicad", Name: "Mini CAD"}, nil)
	var inst cloudapi.Instance
	admin(t, h, token, http.MethodPost, "/v1/instances", cloudapi.NewInstance{Product: "minicad", Features: []string{"draw"}, Seats: 1,
		From: time.Now().Add(-time.Hour), Until: time.Now().Add(300 * 24 * time.Hour)}, &inst)
	return h, token, inst.ID
}

// desk is the agent's rooms as the agent wires them, without its sockets and workers.
type desk struct {
	t       *testing.T
	events  *events.Events
	cloud   *cloud.Cloud
	signin  *signin.Room
	license *license.Room
}

var engineer = caller.Actor{UID: "1000", Product: "minicad"}

func newDesk(t *testing.T, base string, ca []byte) *desk {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	store, err := state.Open(state.Config{Dir: dir, Machine: identity.Machine(context.Background())})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t}
	if d.events, err = events.Open(events.Config{Dir: dir, Clock: clock.System{}}); err != nil {
		t.Fatal(err)
	}
	h, err := cloudhttp.New(cloudhttp.Config{Base: base, CAPEM: ca, Proxy: cloudhttp.ProxyDirect,
		OnTime: func(at time.Time) {
			if d.license != nil {
				d.license.ServerTime(at)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	d.cloud = cloud.New(cloud.Config{HTTP: h, Key: store.InstallKey(), Identity: identity.Digest(identity.Machine(context.Background())),
		Name: "desk", Platform: "linux/amd64", Clock: clock.System{}, Store: store})
	d.signin = signin.New(signin.Config{Cloud: d.cloud, Store: store, Events: d.events, Clock: clock.System{}})
	room, err := license.New(license.Config{Cloud: d.cloud, Store: store, Events: d.events, Clock: clock.System{},
		User: d.signin.User, Account: d.signin.Account, Fingerprint: identity.New(identity.Config{}).Fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	d.license = room
	room.Start()
	t.Cleanup(func() { d.events.Stop(); _ = d.signin.Close(); _ = room.Close(); _ = d.events.Close(); h.Close() })
	return d
}

func (d *desk) request() (params map[string]string, state string) {
	d.t.Helper()
	st, err := d.license.Request(context.Background(), engineer, api.LicenseRequest{Form: api.FormString})
	if err != nil {
		d.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got := d.events.Get(events.Owner{UID: "1000", Product: "minicad"}, st.Operation); got.Event != nil {
			eventstest.Documented(d.t, got.Event)
			return got.Event.Envelope.Params, got.State
		}
	}
	d.t.Fatal("the request never ended")
	return nil, ""
}

func code(c api.Code) string { return strconv.Itoa(int(c)) }

// TestAgainstTheRealCloud walks the way of an engineer's day: enrolment, sign-in,
// licence, verdict, an outage, a revoked sign-in, a licence that is taken away.
func TestAgainstTheRealCloud(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	ctx := context.Background()
	adm, token, instance := c.seed(t)
	ca, err := os.ReadFile(filepath.Join(c.data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, c.base, ca)
	if _, err := d.license.Request(ctx, engineer, api.LicenseRequest{Form: api.FormString}); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("before sign-in: %v", err)
	}
	if _, err := d.signin.Login(ctx, engineer, api.AuthLogin{Account: "li", Password: "wrong-words-1"}); api.CodeOf(err) != api.WrongCredentials {
		t.Errorf("wrong password: %v", err)
	}
	if st, err := d.signin.Login(ctx, engineer, api.AuthLogin{Account: "li", Password: "second-words-1"}); err != nil || st.Organisation != "Works" {
		t.Fatalf("sign-in: %+v, %v", st, err)
	}
	if d.cloud.DeviceID() == "" {
		t.Error("the device is not enrolled")
	}
	if st := d.license.State(ctx, engineer); st.State != api.StateUnknown || st.Code != api.LicenseUnknown {
		t.Errorf("never requested: %+v", st)
	}
	if p, state := d.request(); state != api.OpFailed || p["code"] != code(api.LicenseNone) || p["state"] != api.StateNone {
		t.Errorf("not assigned: %s %v", state, p)
	}
	admin(t, adm, token, http.MethodPut, "/v1/instances/"+instance+"/assignments/li", nil, nil)
	p, state := d.request()
	if state != api.OpDone || !strings.HasPrefix(p["LicenseContent"], "MINICAD1|minicad|"+instance+"|") || p["Status"] != "success" {
		t.Fatalf("licence: %s %v", state, p)
	}
	if again, _ := d.request(); again["LicenseContent"] != p["LicenseContent"] {
		t.Errorf("the same request got another content")
	}
	if st := d.license.State(ctx, engineer); st.State != api.StateValid || st.Offline {
		t.Errorf("state %+v", st)
	}

	// The verdict reaches the audit trail once.
	if err := d.license.Verify(ctx, engineer, api.LicenseVerify{OK: false, Error: "the seal is broken"}); err != nil {
		t.Fatal(err)
	}
	found := 0
	for end := time.Now().Add(30 * time.Second); found == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var audit cloudapi.Audit
		admin(t, adm, token, http.MethodGet, "/v1/audit", nil, &audit)
		for _, e := range audit.Entries {
			if e.Action == "license.verified" && e.Params["error"] == "the seal is broken" {
				found++
			}
		}
	}
	if found != 1 {
		t.Errorf("%d verdicts in the audit trail", found)
	}

	// The cloud goes away: the cached licence answers and says so.
	c.stop()
	if off, state := d.request(); state != api.OpDone || off["LicenseContent"] != p["LicenseContent"] || off["offline"] != "true" {
		t.Errorf("offline: %s %v", state, off)
	}
	if st := d.license.State(ctx, engineer); st.State != api.StateValid || !st.Offline {
		t.Errorf("offline state %+v", st)
	}
	c.start(t, strings.TrimPrefix(c.own, "https://"))
	if on, state := d.request(); state != api.OpDone || on["offline"] != "false" {
		t.Errorf("back: %s %v", state, on)
	}

	// The administrator ends the sign-in; the lease lives on, a request asks to sign in.
	admin(t, adm, token, http.MethodPost, "/v1/members/li/revoke", nil, nil)
	if p, state := d.request(); state != api.OpFailed || p["code"] != code(api.SessionExpired) {
		t.Errorf("revoked sign-in: %s %v", state, p)
	}
	if st := d.license.State(ctx, engineer); st.State != api.StateValid {
		t.Errorf("revoked sign-in, state %+v", st)
	}
	if _, err := d.signin.Login(ctx, engineer, api.AuthLogin{Account: "li", Password: "second-words-1"}); err != nil {
		t.Fatal(err)
	}

	// The licence is frozen: the cloud's own no ends the right.
	admin(t, adm, token, http.MethodPut, "/v1/instances/"+instance+"/status", cloudapi.InstanceStatus{Status: "frozen"}, nil)
	if p, state := d.request(); state != api.OpFailed || p["code"] != code(api.LicenseRefused) {
		t.Errorf("frozen: %s %v", state, p)
	}
	if st := d.license.State(ctx, engineer); st.State != api.StateRefused {
		t.Errorf("frozen, state %+v", st)
	}

	// Another machine's agent that trusts another authority gets a name for it.
	stranger := newDesk(t, c.base, cloudtest.New(t).CAPEM())
	if _, err := stranger.signin.Login(ctx, engineer, api.AuthLogin{Account: "li", Password: "second-words-1"}); api.CodeOf(err) != api.CloudUntrusted {
		t.Errorf("wrong CA: %v", err)
	}

	// Sign-out revokes.
	if err := d.signin.Logout(ctx, engineer); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(d.license.State(ctx, engineer)); err != nil || !strings.Contains(string(text), code(api.NotSignedIn)) {
		t.Errorf("signed out: %s, %v", text, err)
	}
}
