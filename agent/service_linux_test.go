package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
)

func TestStateOfTheService(t *testing.T) {
	for _, c := range []struct {
		name, properties, want string
		failed                 bool
	}{
		{"ready", "LoadState=loaded\nActiveState=active\nSubState=running\n", "", false},
		{"dies after each start", "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n", "the service fails at each start and is tried again", true},
		{"the same in a newer systemd", "LoadState=loaded\nActiveState=activating\nSubState=auto-restart-queued\n", "the service fails at each start and is tried again", true},
		{"given up", "LoadState=loaded\nActiveState=failed\nSubState=failed\n", "the service failed", true},
		{"starting", "LoadState=loaded\nActiveState=activating\nSubState=start\n", "the service is starting and not ready yet", false},
		{"stopping", "LoadState=loaded\nActiveState=deactivating\nSubState=stop-sigterm\n", "the service is stopping", false},
		{"stopped", "LoadState=loaded\nActiveState=inactive\nSubState=dead\n", "the service is installed and does not run", false},
		{"not installed", "LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "the service is not installed", false},
		{"nothing", "", "the service is installed and does not run", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, failed := stateOf(c.properties); got != c.want || failed != c.failed {
				t.Errorf("%q (%v), want %q (%v)", got, failed, c.want, c.failed)
			}
		})
	}
}

func TestCauseIsTheAgentsLastWord(t *testing.T) {
	for _, c := range []struct{ name, journal, want string }{
		{"its own line, not systemd's", "Starting…\niscdesk-agent: read configuration: line 2: unknown setting \"x\"\niscdesk-agent.service: Failed with result 'exit-code'.\n",
			"its last words: read configuration: line 2: unknown setting \"x\"\n  see: journalctl -u iscdesk-agent"},
		{"nothing to read", "", "\n  see: journalctl -u iscdesk-agent"},
	} {
		if got := causeOf([]byte(c.journal)); !strings.HasSuffix(got, c.want) || !strings.HasPrefix(got, "\n") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestServiceNeedsRoot: an ordinary user is told so, and not a number of systemctl's.
func TestServiceNeedsRoot(t *testing.T) {
	need.Root(t)
	for _, action := range []string{"install", "uninstall", "start", "stop"} {
		cmd, out := start(t, nil, action)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64401, Gid: 64401}}
		err := cmd.Run()
		if _, ended := err.(*exec.ExitError); !ended || !strings.HasSuffix(out.String(), action+" the service: this needs root\n") {
			t.Errorf("%s: %v, %s", action, err, out)
		}
	}
}
