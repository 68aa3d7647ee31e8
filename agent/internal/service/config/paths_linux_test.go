package config

import (
	"strings"
	"testing"
)

// What a setting of this system looks like; see config_test.go.
const (
	folderHere = "/s"
	socketHere = "/k"
	installed  = "../../../../installer/linux/agent.toml"
)

func TestPlacesOfAUsersAgent(t *testing.T) {
	t.Setenv("HOME", "/home/a")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_CONFIG_HOME", "relative/is/ignored")
	c, err := Defaults(false)
	if err != nil || c.State != "/home/a/.local/state/iscdesk" || c.Socket != "/home/a/.local/state/iscdesk/run/agent.sock" {
		t.Errorf("%+v, %v", c, err)
	}
	if file, err := File(false); err != nil || file != "/home/a/.config/iscdesk/agent.toml" {
		t.Errorf("%s, %v", file, err)
	}
	t.Setenv("XDG_STATE_HOME", "/st")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1")
	if c, err = Defaults(false); err != nil || c.State != "/st/iscdesk" || c.Socket != "/run/user/1/iscdesk/agent.sock" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Defaults(true); err != nil || c.State != "/var/lib/iscdesk" || c.Socket != "/run/iscdesk/agent.sock" || c.Check() != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSocketFitsAnAddress(t *testing.T) {
	for n, ok := range map[int]bool{maxSocket - 1: true, maxSocket: false} {
		if err := checkSocket("/" + strings.Repeat("s", n-1)); (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
