package sdktest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// dial speaks the bare protocol, so that the fake is tried without the library.
func dial(t *testing.T, a *Agent, notice func(string, json.RawMessage)) *ipc.Link {
	t.Helper()
	c, err := ipc.Dial(a.Endpoint(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	l := ipc.NewLink(c, ipc.Options{Notice: notice})
	t.Cleanup(func() {
		_ = l.Close()
		<-l.Done()
	})
	return l
}

func TestEveryMethodIsAnswered(t *testing.T) {
	need.NoLeak(t)
	a := NewAgent(t)
	l := dial(t, a, nil)
	if err := l.Call(t.Context(), api.MethodHello, api.Hello{Protocol: 1, Product: "cad"}, nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		method string
		params any
		want   api.Code
	}{
		{api.MethodPing, api.None{}, api.OK},
		{api.MethodSubscribe, api.Subscribe{}, api.OK},
		{api.MethodAuthStatus, api.None{}, api.OK},
		{api.MethodAuthPage, api.None{}, api.OK},
		{api.MethodFingerprint, api.None{}, api.OK},
		{api.MethodLicenseState, api.None{}, api.OK},
		{api.MethodLicenseRequest, api.LicenseRequest{Form: api.FormFile}, api.OK},
		{api.MethodLicenseVerify, api.LicenseVerify{OK: true}, api.OK},
		{api.MethodLicenseImport, api.LicenseImport{Part: []byte(ImportDocument), Size: len(ImportDocument)}, api.OK},
		{api.MethodLicenseImport, api.LicenseImport{Part: []byte("x"), Size: 1}, api.ImportNotDocument},
		{api.MethodSpaces, api.None{}, api.OK},
		{api.MethodList, api.List{Space: "s1"}, api.OK},
		{api.MethodList, api.List{Space: "s2"}, api.NotFound},
		{api.MethodVersions, api.ObjectRef{Object: "o1"}, api.OK},
		{api.MethodVersions, api.ObjectRef{Object: "f1"}, api.NotFound},
		{api.MethodOpen, api.Open{Object: "o1"}, api.OK},
		{api.MethodOpen, api.Open{Object: "o7"}, api.NotFound},
		{api.MethodPick, api.Pick{}, api.OK},
		{api.MethodSave, api.Save{Path: a.Folder()}, api.OK},
		{api.MethodSave, api.Save{Path: a.Folder() + "/none"}, api.PathNotFound},
		{api.MethodSaveAs, api.Save{Path: a.Folder()}, api.OK},
		{api.MethodSaveTo, api.SaveTo{Path: a.Folder(), Space: "s1"}, api.OK},
		{api.MethodCheckin, api.Checkin{Object: "o1"}, api.OK},
		{api.MethodOperation, api.OperationRef{Operation: 101}, api.OK},
		{api.MethodOperations, api.None{}, api.OK},
		{api.MethodCancel, api.OperationRef{Operation: 1}, api.NotFound},
		{api.MethodStatus, api.None{}, api.OK},
		{api.MethodDoctor, api.None{}, api.OK},
		{api.MethodAuthLogout, api.None{}, api.OK},
		{api.MethodSpaces, api.None{}, api.NotSignedIn},
		{api.MethodAuthLogin, api.AuthLogin{Account: "mei@example.com", Password: "x"}, api.WrongCredentials},
		{api.MethodAuthLogin, api.AuthLogin{Account: "mei@example.com", Password: Password}, api.OK},
		{"files.delete", api.None{}, api.NotSupported},
		{api.MethodList, []int{1}, api.InvalidArgument},
	}
	for _, tt := range tests {
		if err := l.Call(t.Context(), tt.method, tt.params, nil); api.CodeOf(err) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.method, err, tt.want)
		}
	}
	if got := len(a.Calls("")); got != len(tests)+1 {
		t.Errorf("%d calls were recorded, %d made", got, len(tests)+1)
	}
}

// recorder is a testing.TB that keeps failures to itself.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, _ ...any) { r.failures = append(r.failures, f) }

// A scripted refusal that nothing runs into fails the test that planted it.
func TestUnusedRefusalIsTold(t *testing.T) {
	r := &recorder{TB: t}
	a := NewAgent(r)
	a.Refuse(api.MethodSave, api.DiskFull)
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "never fired") {
		t.Errorf("told %q", r.failures)
	}
}

func TestClockBringsHeartbeats(t *testing.T) {
	need.NoLeak(t)
	a := NewAgent(t)
	events := make(chan api.Event, 8)
	l := dial(t, a, func(method string, params json.RawMessage) {
		var e api.Event
		if method == "event" && json.Unmarshal(params, &e) == nil {
			events <- e
		}
	})
	for _, call := range []struct {
		method string
		params any
	}{{api.MethodHello, api.Hello{Protocol: 1}}, {api.MethodSubscribe, api.Subscribe{}}} {
		if err := l.Call(t.Context(), call.method, call.params, nil); err != nil {
			t.Fatal(err)
		}
	}
	a.Advance(api.HeartbeatPeriod - 1)
	a.Advance(1)
	e := <-events
	if e.Type != api.EventHeartbeat || e.ID != 1 || !e.Time.Equal(NewClock().Now().Add(api.HeartbeatPeriod)) {
		t.Errorf("event %+v", e)
	}
}

// Allow ends a refusal, Connections counts who is there, and the clock may be set
// to any time for a program that reads it through the agent's answers.
func TestRefusalsEndAndTheClockIsSet(t *testing.T) {
	need.NoLeak(t)
	a := NewAgent(t)
	if n := a.Connections(); n != 0 {
		t.Errorf("%d connections before anybody came", n)
	}
	l := dial(t, a, func(string, json.RawMessage) {})
	if err := l.Call(t.Context(), api.MethodHello, api.Hello{Protocol: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if n := a.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	a.Refuse(api.MethodSpaces, api.CloudUnreachable)
	for range 2 {
		if err := l.Call(t.Context(), api.MethodSpaces, api.None{}, nil); api.CodeOf(err) != api.CloudUnreachable {
			t.Errorf("refused with %v", err)
		}
	}
	a.Allow(api.MethodSpaces)
	if err := l.Call(t.Context(), api.MethodSpaces, api.None{}, nil); err != nil {
		t.Errorf("after Allow: %v", err)
	}
	back := NewClock().Now().AddDate(-1, 0, 0)
	a.Clock().Set(back)
	var started api.Started
	a.Manual()
	if err := l.Call(t.Context(), api.MethodPick, api.Pick{}, &started); err != nil {
		t.Fatal(err)
	}
	var state api.OperationState
	if err := l.Call(t.Context(), api.MethodOperation, api.OperationRef{Operation: started.Operation}, &state); err != nil || !state.Started.Equal(back) {
		t.Errorf("began at %v, %v; the clock says %v", state.Started, err, back)
	}
}
