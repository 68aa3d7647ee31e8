package sdk_test

import (
	"testing"

	"github.com/iscdesk/iscdesk/internal/ipctest"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Another user who lies in wait at the endpoint gets not one byte.
func TestNothingIsSentToAStranger(t *testing.T) {
	path := ipctest.Endpoint(t)
	accept := ipctest.Stranger(t, path)
	got := make(chan int)
	go func() {
		n := -1
		if conn, err := accept(); err == nil {
			n, _ = conn.Read(make([]byte, 100))
			_ = conn.Close()
		}
		got <- n
	}()
	_, err := sdk.Init(t.Context(), sdk.Options{Endpoint: path})
	wantCode(t, err, api.AgentUntrusted)
	if n := <-got; n != 0 {
		t.Errorf("the stranger read %d bytes", n)
	}
}
