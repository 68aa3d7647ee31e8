package sdk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

func document(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.dxf")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func saveOK() sdktest.Event {
	return sdktest.Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult,
		Params: map[string]string{api.ParamStatus: api.StatusSuccess}}
}

func TestDroppedConnection(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	op, err := c.Save(t.Context(), document(t), false)
	wantCode(t, err, api.OK)
	agent.Drop()
	agent.Finish(op, saveOK()) // while nobody is connected
	if e := next(t, c, api.EventDeskClosed); e.Envelope.Params[api.ParamReason] != "lost" {
		t.Errorf("event %+v", e)
	}
	if e := next(t, c, api.EventSaveResult); e.Operation != op || e.ID == 0 {
		t.Errorf("event %+v", e) // from the ring, since the cursor
	}
	quiet(t, c, api.EventSaveResult)
	wantCode(t, c.Ping(t.Context()), api.OK)
}

func TestRestartInTheMiddle(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	var ops [5]api.Operation
	for i := range ops {
		op, err := c.Save(t.Context(), document(t), false)
		wantCode(t, err, api.OK)
		ops[i] = op
	}
	agent.Halt()
	if e := next(t, c, api.EventDeskClosed); e.Envelope.Params[api.ParamReason] != "lost" {
		t.Errorf("event %+v", e)
	}
	agent.Finish(ops[0], saveOK())
	agent.Finish(ops[1], sdktest.Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult, Params: map[string]string{
		api.ParamStatus: api.StatusFailed, api.ParamCode: "-40", "queued": "true"}})
	agent.Forget(ops[2])
	agent.Start()
	next(t, c, api.EventGap)
	got := map[api.Operation]string{}
	for range 2 {
		e := next(t, c, api.EventSaveResult)
		got[e.Operation] = e.Envelope.Params[api.ParamStatus] + e.Envelope.Params[api.ParamCode]
	}
	if got[ops[0]] != "success" || got[ops[2]] != "failed"+strconv.Itoa(int(api.AgentLost)) {
		t.Errorf("ends %v", got)
	}
	// The queued one and the running ones end later, once each.
	for _, op := range []api.Operation{ops[1], ops[3], ops[4]} {
		agent.Finish(op, saveOK())
		if e := next(t, c, api.EventSaveResult); e.Operation != op {
			t.Errorf("got %d, want %d", e.Operation, op)
		}
	}
	// An end that was asked for is not told again when its event comes late.
	agent.Emit(sdktest.Event{Type: api.EventSaveResult, Operation: ops[0], Params: map[string]string{api.ParamStatus: api.StatusSuccess}})
	quiet(t, c, api.EventSaveResult)
}

// An agent of another version may not take the session's secret.
func TestSessionIsGivenUp(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	op, err := c.Save(t.Context(), document(t), false)
	wantCode(t, err, api.OK)
	agent.RefuseTimes(api.MethodHello, api.InvalidArgument, 1)
	agent.Drop()
	next(t, c, api.EventGap)
	agent.Finish(op, saveOK())
	if e := next(t, c, api.EventSaveResult); e.Operation != op {
		t.Errorf("event %+v", e)
	}
}

func TestLostOutcomePerKind(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	ctx := t.Context()
	want := map[api.Operation]string{}
	op, err := c.GetLicenseStringRequest(ctx, "")
	wantCode(t, err, api.OK)
	want[op] = api.EventLicenseVerify
	s, err := c.OpenCloudFile(ctx)
	wantCode(t, err, api.OK)
	want[s.Operation] = api.EventOpenResult
	s, err = c.SignInPage(ctx)
	wantCode(t, err, api.OK)
	want[s.Operation] = api.EventSignIn
	agent.Halt()
	for op := range want {
		agent.Forget(op)
	}
	agent.Start()
	for len(want) > 0 {
		e, err := c.NextEvent(ctx)
		wantCode(t, err, api.OK)
		if e.Operation == 0 {
			continue
		}
		p := e.Envelope.Params
		if want[e.Operation] != e.Type || p[api.ParamStatus]+p["Status"] != api.StatusFailed || p[api.ParamHint] == "" {
			t.Errorf("event %+v", e)
		}
		delete(want, e.Operation)
	}
}

func TestStopIsAnnouncedOnce(t *testing.T) {
	agent, c := start(t)
	agent.Stop()
	if e := next(t, c, api.EventDeskClosed); e.Envelope.Params[api.ParamReason] != "stopping" {
		t.Errorf("event %+v", e)
	}
	quiet(t, c, api.EventDeskClosed)
	agent.Start()
	wantCode(t, c.Ping(t.Context()), api.OK)
}

func TestAwayForLong(t *testing.T) {
	agent, c := start(t)
	agent.Halt()
	next(t, c, api.EventDeskClosed)
	wantCode(t, c.Ping(t.Context()), api.AgentAbsent)
	agent.Start()
	waitFor(t, func() bool { return c.Ping(t.Context()) == nil })
}

func TestGarbageFromTheAgent(t *testing.T) {
	tests := []struct{ name, bytes string }{
		{"not a frame", "HTTP/1.1 200 OK\r\n"},
		{"not JSON", "\x00\x00\x00\x03abc"},
		{"empty frame", "\x00\x00\x00\x00"},
		{"half a frame", "\x00\x00\x10\x00{"},
		{"oversized frame", "\x00\x20\x00\x00{"},
		{"event of wrong types", "\x00\x00\x00\x33" + `{"jsonrpc":"2.0","method":"event","params":{"id":"x"}}`[:51]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent, c := start(t)
			agent.Garbage([]byte(tt.bytes))
			agent.Drop() // half a frame says nothing until the connection ends
			next(t, c, api.EventDeskClosed)
			wantCode(t, c.Ping(t.Context()), api.OK)
		})
	}
}

func TestUnknownNoticesAreSkipped(t *testing.T) {
	agent, c := start(t)
	agent.Garbage(frame(`{"jsonrpc":"2.0","method":"weather","params":[1]}`))
	agent.Garbage(frame(`{"jsonrpc":"2.0","method":"event","params":{"id":"x"}}`))
	agent.Garbage(frame(`{"jsonrpc":"2.0","method":"gap","params":7}`))
	agent.Garbage(frame(`{"jsonrpc":"2.0","id":4711,"result":{}}`))
	wantCode(t, c.Ping(t.Context()), api.OK)
	quiet(t, c, api.EventDeskClosed)
}

func frame(body string) []byte {
	n := len(body)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func TestCloudAway(t *testing.T) {
	agent, c := start(t)
	agent.CloudAway()
	if e := next(t, c, api.EventLicenseState); e.Envelope.Params["offline"] != "true" {
		t.Errorf("event %+v", e)
	}
	_, err := c.Spaces(t.Context())
	wantCode(t, err, api.CloudUnreachable)
	op, err := c.Save(t.Context(), document(t), false)
	wantCode(t, err, api.OK)
	e := next(t, c, api.EventSaveResult)
	if e.Operation != op || e.Envelope.Params["queued"] != "true" || e.Envelope.Params[api.ParamHint] == "" {
		t.Errorf("event %+v", e)
	}
	if s, err := c.Operation(t.Context(), op); err != nil || s.State != api.OpQueued {
		t.Errorf("operation %+v, %v", s, err)
	}
	agent.Restart() // the queue outlives the agent
	next(t, c, api.EventGap)
	// The agent repeats for who may not have heard; this application has.
	again := sdktest.Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult, Operation: op,
		Params: map[string]string{api.ParamStatus: api.StatusFailed, "queued": "true"}}
	agent.Emit(again)
	agent.CloudBack()
	if e := next(t, c, api.EventSaveResult); e.Operation != op || e.Envelope.Params[api.ParamStatus] != api.StatusSuccess {
		t.Errorf("event %+v", e)
	}
	agent.Emit(again) // late
	quiet(t, c, api.EventSaveResult)
}

// TestLicenceOfAPublisher: that it is waited for is told once, over a restart of the agent too, and is no end.
func TestLicenceOfAPublisher(t *testing.T) {
	agent, c := start(t)
	agent.PublisherWorks()
	op, err := c.GetLicenseStringRequest(t.Context(), "")
	wantCode(t, err, api.OK)
	e := next(t, c, api.EventLicensePending)
	if e.Operation != op || e.Envelope.Params["waitsFor"] != api.WaitsPublisher {
		t.Errorf("event %+v", e)
	}
	agent.Restart()
	next(t, c, api.EventGap)
	agent.Emit(sdktest.Event{Type: e.Type, Operate: e.Envelope.Operate, Operation: op, Params: e.Envelope.Params})
	agent.DeliverLicense(op)
	if e := next(t, c, api.EventLicenseVerify); e.Operation != op || e.Envelope.Params["LicenseContent"] == "" {
		t.Errorf("event %+v", e)
	}
	quiet(t, c, api.EventLicensePending)
	op, err = c.GetLicenseFileRequest(t.Context(), "", "")
	wantCode(t, err, api.OK)
	wantCode(t, c.Cancel(t.Context(), op), api.OK)
	if e := next(t, c, api.EventLicenseVerify); e.Operation != op || e.Envelope.Params[api.ParamCode] != strconv.Itoa(int(api.Cancelled)) {
		t.Errorf("event %+v", e)
	}
}

// TestImportInParts: a document goes over in parts that fit a frame.
func TestImportInParts(t *testing.T) {
	agent, c := start(t)
	large := bytes.Repeat([]byte("x"), 2*api.MaxImportPart+1)
	_, err := c.ImportLicense(t.Context(), large)
	wantCode(t, err, api.ImportNotDocument)
	if calls := agent.Calls(api.MethodLicenseImport); len(calls) != 3 {
		t.Errorf("%d parts", len(calls))
	}
	r, err := c.ImportLicense(t.Context(), []byte(sdktest.ImportDocument))
	if err != nil || r.Product != "cad" || r.More {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, size := range []int{0, api.MaxImport + 1} {
		_, err := c.ImportLicense(t.Context(), make([]byte, size))
		wantCode(t, err, api.ImportNotDocument)
	}
	if calls := agent.Calls(api.MethodLicenseImport); len(calls) != 4 {
		t.Errorf("%d parts: what is no document is not sent", len(calls))
	}
}

func TestGap(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	op, err := c.Save(t.Context(), document(t), false)
	wantCode(t, err, api.OK)
	agent.Drop()
	agent.Finish(op, saveOK())
	agent.Overrun()
	agent.Advance(api.HeartbeatPeriod)
	if e := next(t, c, api.EventGap); e.Envelope.Params["next"] == "0" {
		t.Errorf("event %+v", e)
	}
	if e := next(t, c, api.EventSaveResult); e.Operation != op { // asked for
		t.Errorf("event %+v", e)
	}
}

// An application that reads nothing for long costs bounded memory and loses
// nothing that the agent's ring still has.
func TestFullQueueCatchesUp(t *testing.T) {
	agent, c := start(t)
	const n = api.RingEvents + api.RingEvents/2
	for i := range n {
		if i == api.RingEvents { // the first ones must have been taken before the ring forgets them
			waitFor(t, func() bool { return c.Waiting() == api.RingEvents })
		}
		agent.Emit(sdktest.Event{Type: "EVENT_TEST", Params: map[string]string{"n": strconv.Itoa(i)}})
	}
	agent.Flush()
	wantCode(t, c.Ping(t.Context()), api.OK) // its answer came after the events: the client has seen them
	if got := c.Waiting(); got != api.RingEvents {
		t.Errorf("%d events wait", got)
	}
	for i := range n {
		if e := next(t, c, "EVENT_TEST"); e.Envelope.Params["n"] != strconv.Itoa(i) {
			t.Fatalf("event %d is %v", i, e.Envelope.Params)
		}
	}
	quiet(t, c, "EVENT_TEST")
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("waited in vain")
}

func TestHeartbeatsDoNotPileUp(t *testing.T) {
	agent, c := start(t)
	for range 100 {
		agent.Advance(api.HeartbeatPeriod)
	}
	agent.Emit(sdktest.Event{Type: "EVENT_TEST"})
	waitFor(t, func() bool { return c.Waiting() >= 2 })
	next(t, c, api.EventHeartbeat)
	e, err := c.NextEvent(t.Context())
	if err != nil || e.Type != "EVENT_TEST" {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestCallbackAndChannel(t *testing.T) {
	agent, c := start(t)
	got := make(chan api.Event, 8)
	wantCode(t, c.RegisterEventRecall(func(e api.Event) { got <- e }), api.OK)
	agent.Emit(sdktest.Event{Type: "EVENT_ONE"})
	if e := <-got; e.Type != "EVENT_ONE" {
		t.Errorf("event %+v", e)
	}
	events := c.Events() // takes the callback's place
	agent.Emit(sdktest.Event{Type: "EVENT_TWO"})
	if e := <-events; e.Type != "EVENT_TWO" {
		t.Errorf("event %+v", e)
	}
	_ = c.ShutOut()
	if _, ok := <-events; ok {
		t.Error("the channel is open after ShutOut")
	}
}

// A panic in a callback must not end the host.
func TestPanicInTheCallback(t *testing.T) {
	agent, c := start(t)
	wantCode(t, c.RegisterEventRecall(func(api.Event) { panic("planted") }), api.OK)
	agent.Emit(sdktest.Event{Type: "EVENT_ONE"})
	<-c.Done()
	wantCode(t, c.Ping(t.Context()), api.Closed)
}

func TestQueueHook(t *testing.T) {
	var mu sync.Mutex
	var told []bool
	agent, c := start(t, func(o *sdk.Options) {
		o.OnQueue = func(some bool) { mu.Lock(); told = append(told, some); mu.Unlock() }
	})
	for range 3 {
		agent.Emit(sdktest.Event{Type: "EVENT_TEST"})
	}
	waitFor(t, func() bool { return c.Waiting() == 3 })
	for range 3 {
		next(t, c, "EVENT_TEST")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("told %v, want some, none", told)
	}
}

func TestLicenseHook(t *testing.T) {
	states := make(chan api.LicenseState, 8)
	agent, c := start(t, func(o *sdk.Options) { o.OnLicense = func(s api.LicenseState) { states <- s } })
	if s := <-states; s.State != api.StateValid {
		t.Errorf("first %+v", s)
	}
	agent.Advance(366 * 24 * time.Hour)
	if s := <-states; s.State != api.StateExpired || s.Code != api.LicenseExpired || s.Checked.IsZero() || s.Hint == "" {
		t.Errorf("after a year %+v", s)
	}
	if s, _ := c.LicenseState(); s.State != api.StateExpired {
		t.Errorf("cached %+v", s)
	}
}

// Who reads the answer to a licence request finds the cached state renewed.
func TestLicenseIsKnownWithItsEvent(t *testing.T) {
	agent, c := start(t)
	agent.SetLicense(api.LicenseState{State: api.StateNone, Code: api.LicenseNone})
	next(t, c, api.EventLicenseState)
	agent.Manual()
	op, err := c.GetLicenseStringRequest(t.Context(), "")
	wantCode(t, err, api.OK)
	agent.Finish(op, sdktest.Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Params: map[string]string{
		"Status": api.StatusSuccess, "LicenseType": "string", "LicenseContent": "x", "state": api.StateValid, "until": "2027-01-01T00:00:00Z"}})
	next(t, c, api.EventLicenseVerify)
	if s, _ := c.LicenseState(); s.State != api.StateValid || s.Code != api.OK || s.Until.IsZero() {
		t.Errorf("cached %+v", s)
	}
	op, err = c.GetLicenseStringRequest(t.Context(), "")
	wantCode(t, err, api.OK)
	agent.Finish(op, sdktest.Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Params: map[string]string{
		"Status": api.StatusFailed, "state": api.StateValid, api.ParamCode: "-40"}})
	next(t, c, api.EventLicenseVerify)
	if s, _ := c.LicenseState(); s.State != api.StateValid || s.Code != api.OK {
		t.Errorf("after a failed request %+v", s)
	}
}

func TestLicenseAgeGrows(t *testing.T) {
	clock := sdktest.NewClock()
	_, c := start(t, func(o *sdk.Options) { o.Clock = clock })
	clock.Set(clock.Now().Add(time.Hour))
	if _, age := c.LicenseState(); age != time.Hour {
		t.Errorf("age %v", age)
	}
	clock.Set(clock.Now().Add(-24 * time.Hour))
	if _, age := c.LicenseState(); age != 0 {
		t.Errorf("age after a clock set back: %v", age)
	}
}

func TestPages(t *testing.T) {
	var opened []string
	agent, c := start(t, func(o *sdk.Options) {
		o.OpenURL = func(u string) error {
			opened = append(opened, u)
			if len(opened) > 1 {
				return os.ErrNotExist
			}
			return nil
		}
	})
	agent.Manual()
	agent.Page("http://127.0.0.1:1/#t")
	s, err := c.OpenCloudFile(t.Context())
	wantCode(t, err, api.OK)
	if len(opened) != 1 || opened[0] != s.URL {
		t.Errorf("opened %q", opened)
	}
	quiet(t, c, api.EventPage)
	// Where no browser starts, an event carries the address, once.
	s, err = c.SelectSaveAsPath(t.Context(), document(t), false)
	wantCode(t, err, api.OK)
	e := next(t, c, api.EventPage)
	if e.Operation != s.Operation || e.Envelope.Params["url"] != s.URL || e.Envelope.Params["purpose"] != "saveAs" {
		t.Errorf("event %+v", e)
	}
	wantCode(t, c.Cancel(t.Context(), s.Operation), api.OK)
	for {
		e, err := c.NextEvent(t.Context())
		wantCode(t, err, api.OK)
		if e.Type == api.EventPage {
			t.Error("the page is told twice")
		}
		if e.Type == api.EventSaveResult {
			if e.Envelope.Params[api.ParamCode] != strconv.Itoa(int(api.Cancelled)) {
				t.Errorf("event %+v", e)
			}
			return
		}
	}
}

func TestTwoApplications(t *testing.T) {
	agent, cad := start(t)
	cae := open(t, agent, func(o *sdk.Options) { o.Product = "cae" })
	agent.Emit(sdktest.Event{Type: "EVENT_TEST", Product: "cae"})
	next(t, cae, "EVENT_TEST")
	quiet(t, cad, "EVENT_TEST")
}
