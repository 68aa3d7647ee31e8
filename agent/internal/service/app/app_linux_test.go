package app

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/agent/internal/service/files"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// agent is a running agent of a test.
type agent struct {
	cfg    Config
	cancel context.CancelFunc
	ended  chan error
}

// run starts an agent with the given change of its settings and waits until it is ready.
func run(t *testing.T, dir string, change func(*Config)) *agent {
	t.Helper()
	ready := make(chan struct{})
	cfg := Config{
		Config: config.Config{
			Proxy: "direct", Log: "error", System: os.Geteuid() == 0,
			State: filepath.Join(dir, "state"), Socket: filepath.Join(dir, "run", "agent.sock"), Products: filepath.Join(dir, "products.d"),
		},
		Build: "test", Clock: clock.System{}, Ready: func() { close(ready) },
	}
	if change != nil {
		change(&cfg)
	}
	a := &agent{cfg: cfg, ended: make(chan error, 1)}
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(t.Context())
	go func() { a.ended <- Run(ctx, cfg) }()
	select {
	case <-ready:
	case err := <-a.ended:
		t.Fatalf("the agent did not start: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("the agent is not ready")
	}
	return a
}

func (a *agent) stop(t *testing.T) {
	t.Helper()
	a.cancel()
	if err := <-a.ended; err != nil {
		t.Errorf("the agent's end: %v", err)
	}
}

// dir is a folder whose path fits a socket.
func dir(t *testing.T) string {
	t.Helper()
	d, err := os.MkdirTemp("/tmp", "iscdesk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(d) })
	return d
}

func (a *agent) connect(t *testing.T, session string) (*ipc.Link, api.HelloResult) {
	t.Helper()
	conn, err := net.Dial("unix", a.cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	link := ipc.NewLink(conn, ipc.Options{})
	t.Cleanup(func() { _ = link.Close(); <-link.Done() })
	var h api.HelloResult
	if err := link.Call(t.Context(), api.MethodHello, api.Hello{Protocol: 1, MinProtocol: 1, Session: session}, &h); err != nil {
		t.Fatal(err)
	}
	return link, h
}

func TestAgentWithoutACloud(t *testing.T) {
	before := runtime.NumGoroutine()
	a := run(t, dir(t), nil)
	link, hello := a.connect(t, "")
	if hello.License.State != api.StateNone || hello.System != a.cfg.System {
		t.Errorf("hello %+v", hello)
	}
	var st api.Status
	if err := link.Call(t.Context(), api.MethodStatus, nil, &st); err != nil {
		t.Fatal(err)
	}
	if st.Build != "test" || st.Endpoint != a.cfg.Socket || st.Cloud != "" || st.Reachable || st.Auth.SignedIn {
		t.Errorf("status %+v", st)
	}
	for method, params := range map[string]any{
		api.MethodAuthLogin:      api.AuthLogin{Account: "a", Password: "p"},
		api.MethodLicenseRequest: api.LicenseRequest{Form: api.FormString},
	} {
		err := link.Call(t.Context(), method, params, nil)
		var refusal *api.Error
		if !errors.As(err, &refusal) || refusal.Message == "" || refusal.Hint == "" {
			t.Errorf("%s: %v", method, err)
		}
	}
	if os.Geteuid() == 0 {
		if err := link.Call(t.Context(), api.MethodSpaces, nil, nil); api.CodeOf(err) != api.RootCaller {
			t.Errorf("spaces as root: %v", err)
		}
	}
	var fp api.Fingerprint
	if err := link.Call(t.Context(), api.MethodFingerprint, nil, &fp); err != nil || strings.Count(fp.Fingerprint, "|") != 3 {
		t.Errorf("fingerprint %+v, %v", fp, err)
	}
	_ = link.Close()
	<-link.Done()
	a.stop(t)
	if _, err := os.Lstat(a.cfg.Socket); err == nil {
		t.Error("the socket is left")
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
}

func checks(t *testing.T, a *agent) map[string]api.Check {
	t.Helper()
	link, _ := a.connect(t, "")
	var d api.Doctor
	if err := link.Call(t.Context(), api.MethodDoctor, nil, &d); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]api.Check)
	for _, c := range d.Checks {
		all[c.Name] = c
		if c.Tried == "" || c.Found == "" || c.Result == checkFailed && (c.Do == "" || c.Code == api.OK) {
			t.Errorf("a check that helps nobody: %+v", c)
		}
	}
	return all
}

// Each thing that was tried is said in the session's language.
func TestDoctorSpeaksChinese(t *testing.T) {
	r := &rooms{cfg: Config{Config: config.Config{State: t.TempDir()}}}
	for language, chinese := range map[string]bool{"zh-CN": true, "en": false} {
		c := r.checkDisk(speaker(language))
		for _, text := range []string{c.Tried, c.Found} {
			if han := strings.ContainsFunc(text, func(x rune) bool { return unicode.Is(unicode.Han, x) }); han != chinese {
				t.Errorf("%s: %q", language, text)
			}
		}
	}
}

// The doctor says how many saves wait for whom, and what to do.
func TestDoctorTellsOfWaitingSaves(t *testing.T) {
	for _, c := range []struct {
		name     string
		waiting  []files.Waiting
		language string
		want     []api.Check // Result, Found, Do and Code of each
	}{
		{"none", nil, "en", []api.Check{{Result: checkOK, Found: "none waits"}}},
		{"two accounts", []files.Waiting{{Account: "li", Code: api.CloudUnreachable, Saves: 1}, {Account: "zhang", Code: api.SessionExpired, Saves: 2}}, "en", []api.Check{
			{Result: checkWarning, Code: api.CloudUnreachable, Found: "1 of account li wait: The ISCDesk cloud cannot be reached from this computer.",
				Do: "See that the name in https://desk.example.com:8443 resolves here and that its port is open; local work can go on."},
			{Result: checkWarning, Code: api.SessionExpired, Found: "2 of account zhang wait: The sign-in has ended or was revoked.",
				Do: "Sign in as zhang; they are sent by themselves then."}}},
		{"not looked at yet", []files.Waiting{{Account: "li", Saves: 3}}, "en", []api.Check{{Result: checkWarning, Found: "3 of account li wait"}}},
		{"in Chinese", []files.Waiting{{Account: "zhang", Code: api.NotSignedIn, Saves: 2}}, "zh-CN", []api.Check{
			{Result: checkWarning, Code: api.NotSignedIn, Found: "2 个，属于账号 zhang：此计算机用户尚未登录 ISCDesk。", Do: "请以 zhang 登录；随后会自动发送。"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &rooms{cfg: Config{Config: config.Config{Cloud: "https://desk.example.com:8443"}}}
			got := r.checkSaves(c.waiting, c.language)
			for i := range got {
				if got[i].Name != "saves" || got[i].Tried == "" {
					t.Errorf("%+v", got[i])
				}
				got[i].Name, got[i].Tried = "", ""
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func results(all map[string]api.Check) string {
	var out []string
	for _, name := range []string{"agent", "state", "disk", "cloud", "tls", "proxy", "clock"} {
		out = append(out, name+" "+all[name].Result)
	}
	return strings.Join(out, ", ")
}

func TestDoctor(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	tests := []struct {
		name, cloud, proxy, want string
		code                     api.Code
	}{
		{"no cloud is set", "", "direct",
			"agent ok, state ok, disk ok, cloud failed, tls skipped, proxy ok, clock skipped", api.CloudNotSet},
		{"nobody answers", "https://" + nobody, "direct",
			"agent ok, state ok, disk ok, cloud failed, tls skipped, proxy ok, clock skipped", api.CloudUnreachable},
		{"the proxy does not answer", "https://desk.example.com", "http://" + nobody,
			"agent ok, state ok, disk ok, cloud failed, tls skipped, proxy warning, clock skipped", api.CloudUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := run(t, dir(t), func(c *Config) { c.Cloud, c.Proxy = tt.cloud, tt.proxy })
			defer a.stop(t)
			all := checks(t, a)
			if strings.Contains(all["cloud"].Do, "doctor") {
				t.Errorf("the doctor sends to itself: %s", all["cloud"].Do)
			}
			if got := results(all); got != tt.want || all["cloud"].Code != tt.code {
				t.Errorf("got  %s (%d: %s)\nwant %s (%d)", got, all["cloud"].Code, all["cloud"].Found, tt.want, tt.code)
			}
		})
	}
}

func TestOneAgentForOneSocketAndOneState(t *testing.T) {
	d := dir(t)
	a := run(t, d, nil)
	defer a.stop(t)
	same := a.cfg
	same.Ready = nil
	if err := Run(t.Context(), same); err == nil {
		t.Error("a second agent runs in the same place")
	}
	same.Socket = filepath.Join(d, "other", "agent.sock")
	if err := Run(t.Context(), same); err == nil {
		t.Error("two agents share one state")
	}
	a.connect(t, "") // the first was not disturbed
}

func TestSessionComesBackAfterARestart(t *testing.T) {
	d := dir(t)
	a := run(t, d, nil)
	link, before := a.connect(t, "")
	a.stop(t)
	<-link.Done()
	a = run(t, d, nil)
	defer a.stop(t)
	_, after := a.connect(t, before.Session)
	if after.Session != before.Session || after.Resumed || after.Epoch == before.Epoch {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestWrongCAFileIsNamed(t *testing.T) {
	d := dir(t)
	bad := filepath.Join(d, "ca.pem")
	if err := os.WriteFile(bad, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{bad, filepath.Join(d, "none.pem")} {
		err := Run(t.Context(), Config{
			Config: config.Config{Cloud: "https://x", CA: ca, State: filepath.Join(d, "state"), Socket: filepath.Join(d, "run", "s"), Products: d},
			Build:  "test", Clock: clock.System{},
		})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "ca") {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

func TestWorkersWordsAreNotTrusted(t *testing.T) {
	d := dir(t)
	a := run(t, d, nil)
	defer a.stop(t)
	r := &rooms{cfg: a.cfg}
	if _, err := r.handle(t.Context(), "1000", "service.signIn", json.RawMessage(`{"operation":"x"}`)); api.CodeOf(err) != api.InvalidArgument {
		t.Errorf("wrong types of a worker: %v", err)
	}
}
