package sdktest_test

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// How a program's own test uses the fake: start it, connect to it, script what
// is to go wrong, look at what the program does.
func TestExample(t *testing.T) {
	agent := sdktest.NewAgent(t)
	client, err := sdk.Init(t.Context(), sdk.Options{Endpoint: agent.Endpoint(), Product: "cad"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.ShutOut()

	// A licence arrives as an event.
	op, err := client.GetLicenseStringRequest(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := client.NextEvent(t.Context())
	if err != nil || e.Operation != op || e.Envelope.Params["LicenseContent"] != sdktest.LicenseContent {
		t.Errorf("got %+v, %v", e, err)
	}

	// The next call is refused as if nobody were signed in.
	agent.RefuseTimes(api.MethodPick, api.NotSignedIn, 1)
	if _, err := client.OpenCloudFile(t.Context()); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("got %v", err)
	}

	// The agent is killed and comes back while an opening is under way.
	agent.Manual()
	started, err := client.OpenCloudFile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	agent.Halt()
	agent.Finish(started.Operation, sdktest.Event{
		Type: api.EventOpenCancelled, Operate: api.OperateOpenCancelled, Params: map[string]string{"by": "user"}})
	agent.Start()
	for {
		e, err := client.NextEvent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == api.EventOpenCancelled && e.Operation == started.Operation {
			break
		}
	}
}
