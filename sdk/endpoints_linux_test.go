package sdk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// place is an absolute path.
const place = "/tmp/a"

func TestDefaultEndpoints(t *testing.T) {
	got := sdk.DefaultEndpoints("/run/user/7", "relative")
	if len(got) != 2 || got[0] != sdk.SystemEndpoint || got[1] != "/run/user/7/iscdesk/agent.sock" {
		t.Errorf("got %q", got)
	}
}

// The user's own agent is found when the system's is not there.
func TestSecondEndpoint(t *testing.T) {
	if _, err := os.Stat(sdk.SystemEndpoint); err == nil {
		need.Missing(t, "an agent of the system is running here")
	}
	need.NoLeak(t)
	agent := sdktest.NewAgent(t)
	dir := filepath.Dir(agent.Endpoint())
	if err := os.Mkdir(filepath.Join(dir, "iscdesk"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(agent.Endpoint(), filepath.Join(dir, "iscdesk", "agent.sock")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	c, err := sdk.Init(t.Context(), sdk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Session(); s.Endpoint != filepath.Join(dir, "iscdesk", "agent.sock") || s.Hello.Session != "" || !s.Connected {
		t.Errorf("session %+v", s)
	}
	_ = c.ShutOut()
	<-c.Done()
}
