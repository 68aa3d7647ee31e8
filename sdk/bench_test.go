package sdk_test

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

func client(b *testing.B) *sdk.Client {
	b.Helper()
	c, err := sdk.Init(b.Context(), sdk.Options{Endpoint: sdktest.NewAgent(b).Endpoint()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.ShutOut() })
	return c
}

// One call through the whole client and a server in the same process.
func BenchmarkPing(b *testing.B) {
	c := client(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// The cached licence state must cost next to nothing: hosts ask it in loops.
func BenchmarkLicenseState(b *testing.B) {
	c := client(b)
	b.ReportAllocs()
	for b.Loop() {
		c.LicenseState()
	}
}
