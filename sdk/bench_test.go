package sdk_test

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// One call through the whole client and a server in the same process.
func BenchmarkPing(b *testing.B) {
	agent := sdktest.NewAgent(b)
	c, err := sdk.Init(b.Context(), sdk.Options{Endpoint: agent.Endpoint()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.ShutOut()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// The cached licence state must cost next to nothing: hosts ask it in loops.
func BenchmarkLicenseState(b *testing.B) {
	agent := sdktest.NewAgent(b)
	c, err := sdk.Init(b.Context(), sdk.Options{Endpoint: agent.Endpoint()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.ShutOut()
	b.ReportAllocs()
	for b.Loop() {
		c.LicenseState()
	}
}
