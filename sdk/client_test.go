package sdk_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/ipctest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// start gives a fake agent and a client of it, both ended with the test.
func start(t *testing.T, change ...func(*sdk.Options)) (*sdktest.Agent, *sdk.Client) {
	t.Helper()
	need.NoLeak(t)
	agent := sdktest.NewAgent(t)
	return agent, open(t, agent, change...)
}

func open(t *testing.T, agent *sdktest.Agent, change ...func(*sdk.Options)) *sdk.Client {
	t.Helper()
	opt := sdk.Options{Endpoint: agent.Endpoint(), Product: "cad", Timeout: 10 * time.Second}
	for _, f := range change {
		f(&opt)
	}
	c, err := sdk.Init(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.ShutOut()
		<-c.Done()
	})
	return c
}

// next is the next event of type typ; those of other types are skipped.
func next(t *testing.T, c *sdk.Client, typ string) api.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		e, err := c.NextEvent(ctx)
		if err != nil {
			t.Fatalf("wait for %s: %v", typ, err)
		}
		if e.Type == typ {
			return e
		}
	}
}

// quiet fails when an event of typ waits; everything else is taken.
func quiet(t *testing.T, c *sdk.Client, typ string) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		e, err := c.NextEvent(ctx)
		cancel()
		if err != nil {
			return
		}
		if e.Type == typ {
			t.Errorf("unexpected %s: %v", typ, e.Envelope.Params)
		}
	}
}

func wantCode(t *testing.T, err error, want api.Code) {
	t.Helper()
	if api.CodeOf(err) != want {
		t.Fatalf("got %v, want code %d", err, want)
	}
	var e *api.Error
	if want != api.OK && (!errors.As(err, &e) || e.Message == "" || e.Hint == "") {
		t.Errorf("%v has no sentences", err)
	}
}

func TestInitRefusals(t *testing.T) {
	need.NoLeak(t)
	agent := sdktest.NewAgent(t)
	tests := []struct {
		name   string
		script func()
		opt    sdk.Options
		want   api.Code
	}{
		{"absent", nil, sdk.Options{Endpoint: ipctest.Endpoint(t)}, api.AgentAbsent},
		{"relative endpoint", nil, sdk.Options{Endpoint: "agent.sock"}, api.InvalidArgument},
		{"product not UTF-8", nil, sdk.Options{Endpoint: agent.Endpoint(), Product: "c\xffd"}, api.InvalidArgument},
		{"product with a zero byte", nil, sdk.Options{Endpoint: agent.Endpoint(), Product: "c\x00d"}, api.InvalidArgument},
		{"language too long", nil, sdk.Options{Endpoint: agent.Endpoint(), Language: string(make([]byte, api.MaxText+1))}, api.TooLarge},
		{"too old", func() { agent.Hello(func(h *api.HelloResult) { h.Protocol = 0 }) }, sdk.Options{Endpoint: agent.Endpoint()}, api.AgentTooOld},
		{"from the future", func() { agent.Hello(func(h *api.HelloResult) { h.Protocol = 99 }) }, sdk.Options{Endpoint: agent.Endpoint()}, api.AgentTooOld},
		{"knows no hello", func() { agent.Hello(nil); agent.RefuseTimes(api.MethodHello, api.NotSupported, 1) }, sdk.Options{Endpoint: agent.Endpoint()}, api.AgentTooOld},
		{"product denied", func() { agent.RefuseTimes(api.MethodHello, api.ProductDenied, 1) }, sdk.Options{Endpoint: agent.Endpoint()}, api.ProductDenied},
		{"no subscription", func() { agent.RefuseTimes(api.MethodSubscribe, api.Busy, 1) }, sdk.Options{Endpoint: agent.Endpoint()}, api.Busy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.script != nil {
				tt.script()
			}
			_, err := sdk.Init(t.Context(), tt.opt)
			wantCode(t, err, tt.want)
		})
	}
}

func TestInitTimesOut(t *testing.T) {
	need.NoLeak(t)
	agent := sdktest.NewAgent(t)
	defer agent.Hold(api.MethodHello)()
	_, err := sdk.Init(t.Context(), sdk.Options{Endpoint: agent.Endpoint(), Timeout: 20 * time.Millisecond})
	wantCode(t, err, api.Timeout)
}

func TestInitMeetsGarbage(t *testing.T) {
	need.NoLeak(t)
	agent := sdktest.NewAgent(t)
	release := agent.Hold(api.MethodHello)
	defer release()
	result := make(chan error, 1)
	go func() {
		_, err := sdk.Init(context.Background(), sdk.Options{Endpoint: agent.Endpoint(), Timeout: 10 * time.Second})
		result <- err
	}()
	for len(agent.Calls(api.MethodHello)) == 0 {
		time.Sleep(time.Millisecond)
	}
	agent.Garbage([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	wantCode(t, <-result, api.AgentLost)
}

func TestMainWay(t *testing.T) {
	agent, c := start(t)
	if s, age := c.LicenseState(); s.State != api.StateValid || age < 0 {
		t.Errorf("cached licence %+v, age %v", s, age)
	}
	op, err := c.GetLicenseStringRequest(t.Context(), "")
	wantCode(t, err, api.OK)
	e := next(t, c, api.EventLicenseVerify)
	if e.Operation != op || e.Envelope.Params["LicenseContent"] != sdktest.LicenseContent {
		t.Errorf("operation %d, event %+v", op, e)
	}
	wantCode(t, c.LicenseVerifyNotify(t.Context(), true, ""), api.OK)
	wantCode(t, c.LicenseVerifyNotify(t.Context(), false, ""), api.InvalidArgument)

	s, err := c.OpenCloudFile(t.Context())
	wantCode(t, err, api.OK)
	e = next(t, c, api.EventOpenResult)
	path := e.Envelope.Params["mainFile"]
	if e.Operation != s.Operation || path == "" {
		t.Errorf("operation %d, event %+v", s.Operation, e)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	_, err = c.Save(t.Context(), path, false)
	wantCode(t, err, api.OK)
	next(t, c, api.EventUploadStart)
	next(t, c, api.EventUploadEnd)
	if e := next(t, c, api.EventSaveResult); e.Envelope.Params[api.ParamStatus] != api.StatusSuccess {
		t.Errorf("event %+v", e)
	}
	_, err = c.SelectSaveAsPath(t.Context(), path, false)
	wantCode(t, err, api.OK)
	next(t, c, api.EventSaveResult)
	if n := len(agent.Calls(api.MethodSaveAs)); n != 1 {
		t.Errorf("save-as was asked %d times", n)
	}
}

func TestOtherCalls(t *testing.T) {
	_, c := start(t)
	ctx := t.Context()
	spaces, err := c.Spaces(ctx)
	wantCode(t, err, api.OK)
	list, err := c.List(ctx, api.List{Space: spaces[0].ID})
	wantCode(t, err, api.OK)
	if len(list.Entries) != 3 {
		t.Errorf("entries %+v", list.Entries)
	}
	versions, err := c.Versions(ctx, "o1")
	wantCode(t, err, api.OK)
	if len(versions) != 1 {
		t.Errorf("versions %+v", versions)
	}
	_, err = c.OpenObject(ctx, api.Open{Object: "o1", Checkout: true, ComeBack: `{"tag":7}`})
	wantCode(t, err, api.OK)
	e := next(t, c, api.EventOpenResult)
	if string(e.Envelope.ComeBack) != `{"tag":7}` || e.Envelope.Params["workState"] != api.WorkCheckout {
		t.Errorf("event %+v", e)
	}
	wantCode(t, c.Checkin(ctx, api.Checkin{Object: "o1"}), api.OK)
	_, err = c.SaveTo(ctx, api.SaveTo{Path: e.Envelope.Params["mainFile"], Space: "s1"})
	wantCode(t, err, api.OK)
	next(t, c, api.EventSaveResult)
	_, err = c.GetLicenseFileRequest(ctx, "", "AA|BB||CC")
	wantCode(t, err, api.OK)
	if p := next(t, c, api.EventLicenseVerify).Envelope.Params["LicenseFilePath"]; p == "" {
		t.Error("no licence file")
	}
	f, err := c.Fingerprint(ctx)
	wantCode(t, err, api.OK)
	if len(f.Parts) != 4 {
		t.Errorf("fingerprint %+v", f)
	}
	if st, err := c.Status(ctx); err != nil || st.Build != "sdktest" {
		t.Errorf("status %+v, %v", st, err)
	}
	if checks, err := c.Doctor(ctx); err != nil || len(checks) != 3 {
		t.Errorf("doctor %+v, %v", checks, err)
	}
	if ops, err := c.Operations(ctx); err != nil || len(ops) != 3 || ops[0].State != api.OpDone {
		t.Errorf("operations %+v, %v", ops, err)
	}
	wantCode(t, c.Ping(ctx), api.OK)
	_, err = c.RefreshLicenseState(ctx)
	wantCode(t, err, api.OK)
}

func TestSignIn(t *testing.T) {
	agent, c := start(t)
	ctx := t.Context()
	wantCode(t, c.Logout(ctx), api.OK)
	_, err := c.OpenCloudFile(ctx)
	wantCode(t, err, api.NotSignedIn)
	_, err = c.Login(ctx, "mei@example.com", "wrong")
	wantCode(t, err, api.WrongCredentials)
	_, err = c.Login(ctx, "mei@example.com", sdktest.Password)
	wantCode(t, err, api.OK)
	if s, err := c.SignInStatus(ctx); err != nil || !s.SignedIn {
		t.Errorf("status %+v, %v", s, err)
	}
	agent.SignOut()
	if e := next(t, c, api.EventSignIn); e.Envelope.Params[api.ParamStatus] != "signedOut" {
		t.Errorf("event %+v", e)
	}
	_, err = c.SignInPage(ctx)
	wantCode(t, err, api.OK)
	if e := next(t, c, api.EventSignIn); e.Envelope.Params[api.ParamStatus] != api.StatusSuccess {
		t.Errorf("event %+v", e)
	}
}

func TestArgumentsAreCheckedHere(t *testing.T) {
	agent, c := start(t)
	ctx := t.Context()
	before := len(agent.Calls(""))
	long := string(make([]byte, api.MaxPath))
	tests := []struct {
		name string
		call func() error
		want api.Code
	}{
		{"empty path", func() error { _, err := c.Save(ctx, "", false); return err }, api.InvalidArgument},
		{"relative path", func() error { _, err := c.Save(ctx, "a.dxf", false); return err }, api.InvalidArgument},
		{"path not UTF-8", func() error { _, err := c.Save(ctx, place+"\xff", false); return err }, api.InvalidArgument},
		{"path with a zero byte", func() error { _, err := c.Save(ctx, place+"\x00b", false); return err }, api.InvalidArgument},
		{"path too long", func() error { _, err := c.Save(ctx, place+long, false); return err }, api.TooLarge},
		{"save-as path", func() error { _, err := c.SelectSaveAsPath(ctx, "x", true); return err }, api.InvalidArgument},
		{"devInfo too long", func() error {
			_, err := c.GetLicenseStringRequest(ctx, string(make([]byte, api.MaxDevInfo+1)))
			return err
		}, api.TooLarge},
		{"no object", func() error { _, err := c.OpenObject(ctx, api.Open{}); return err }, api.InvalidArgument},
		{"comeBack is a list", func() error { _, err := c.OpenObject(ctx, api.Open{Object: "o", ComeBack: "[]"}); return err }, api.InvalidArgument},
		{"comeBack is null", func() error { _, err := c.OpenObject(ctx, api.Open{Object: "o", ComeBack: "null"}); return err }, api.InvalidArgument},
		{"no space", func() error { _, err := c.List(ctx, api.List{}); return err }, api.InvalidArgument},
		{"check-in of nothing", func() error { return c.Checkin(ctx, api.Checkin{}) }, api.InvalidArgument},
		{"check-in of two", func() error { return c.Checkin(ctx, api.Checkin{Path: place, Object: "o"}) }, api.InvalidArgument},
		{"no password", func() error { _, err := c.Login(ctx, "mei@example.com", ""); return err }, api.InvalidArgument},
		{"no callback", func() error { return c.RegisterEventRecall(nil) }, api.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantCode(t, tt.call(), tt.want) })
	}
	if n := len(agent.Calls("")); n != before {
		t.Errorf("%d calls reached the agent", n-before)
	}
}

func TestRefusalsPassUnchanged(t *testing.T) {
	agent, c := start(t)
	for _, code := range []api.Code{api.HeldByOther, api.CloudUnreachable, -77} {
		agent.RefuseTimes(api.MethodSpaces, code, 1)
		_, err := c.Spaces(t.Context())
		wantCode(t, err, code)
	}
}

func TestLanguageOfOwnRefusals(t *testing.T) {
	_, c := start(t, func(o *sdk.Options) { o.Language = "zh-CN" })
	_, err := c.Save(t.Context(), "", false)
	var e *api.Error
	if want, _ := api.Text(api.InvalidArgument, "zh"); !errors.As(err, &e) || e.Message != want {
		t.Errorf("got %v", err)
	}
}

func TestTimeouts(t *testing.T) {
	agent, c := start(t, func(o *sdk.Options) { o.Timeout = 500 * time.Millisecond })
	release := agent.Hold(api.MethodPing)
	wantCode(t, c.Ping(t.Context()), api.Timeout) // the option's
	short, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	wantCode(t, c.Ping(short), api.Timeout) // the caller's
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, c.Ping(ctx), api.Cancelled)
	release()
	long, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	wantCode(t, c.Ping(long), api.OK)
}

// More threads than the agent answers at once must wait, not be refused.
func TestManyThreads(t *testing.T) {
	agent, c := start(t)
	release := agent.Hold(api.MethodPing)
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for range cap(errs) {
		wg.Go(func() { errs <- c.Ping(context.Background()) })
	}
	for len(agent.Calls(api.MethodPing)) < api.MaxInFlight-4 {
		time.Sleep(time.Millisecond)
	}
	release()
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestShutOut(t *testing.T) {
	agent, c := start(t)
	release := agent.Hold(api.MethodPing)
	defer release()
	waits := make(chan error, 2)
	go func() { waits <- c.Ping(context.Background()) }()
	go func() { _, err := c.NextEvent(context.Background()); waits <- err }()
	for len(agent.Calls(api.MethodPing)) == 0 {
		time.Sleep(time.Millisecond)
	}
	wantCode(t, c.ShutOut(), api.OK)
	for range 2 {
		wantCode(t, <-waits, api.Closed)
	}
	wantCode(t, c.ShutOut(), api.OK) // twice
	wantCode(t, c.Ping(t.Context()), api.Closed)
	_, err := c.Save(t.Context(), place, false)
	wantCode(t, err, api.Closed)
	_, err = c.NextEvent(t.Context())
	wantCode(t, err, api.Closed)
	wantCode(t, c.RegisterEventRecall(func(api.Event) {}), api.Closed)
	if _, ok := <-c.Events(); ok {
		t.Error("an event after ShutOut")
	}
	if s, _ := c.LicenseState(); s.State != api.StateValid { // harmless on a stale client
		t.Errorf("licence %+v", s)
	}
	<-c.Done()
}

func TestShutOutInsideTheCallback(t *testing.T) {
	agent, c := start(t)
	calls := 0
	wantCode(t, c.RegisterEventRecall(func(e api.Event) {
		calls++
		if err := c.ShutOut(); err != nil {
			t.Error(err)
		}
		if err := c.Ping(context.Background()); api.CodeOf(err) != api.Closed {
			t.Errorf("ping after ShutOut: %v", err)
		}
	}), api.OK)
	agent.Advance(api.HeartbeatPeriod)
	agent.Advance(api.HeartbeatPeriod)
	<-c.Done()
	if calls != 1 {
		t.Errorf("%d callbacks", calls)
	}
}
