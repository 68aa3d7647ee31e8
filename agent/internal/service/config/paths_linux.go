package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// products is where installers of products lay their registrations down.
const products = "/usr/share/iscdesk/products.d"

// File is where the configuration is looked for when no --config names it.
func File(system bool) (string, error) {
	if system {
		return "/etc/iscdesk/agent.toml", nil
	}
	dir, err := xdg("XDG_CONFIG_HOME", ".config")
	return filepath.Join(dir, "iscdesk", "agent.toml"), err
}

// Defaults are the settings without a file.
func Defaults(system bool) (Config, error) {
	c := Config{Proxy: "system", Products: products, Log: "info", System: system}
	if system {
		c.State, c.Socket = "/var/lib/iscdesk", "/run/iscdesk/agent.sock"
		return c, nil
	}
	state, err := xdg("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return c, err
	}
	c.State = filepath.Join(state, "iscdesk")
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		c.Socket = filepath.Join(run, "iscdesk", "agent.sock")
	} else {
		c.Socket = filepath.Join(c.State, "run", "agent.sock")
	}
	return c, nil
}

// xdg is the folder of an XDG variable; a relative value is ignored, as the
// specification says.
func xdg(name, below string) (string, error) {
	if dir := os.Getenv(name); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the user's folders: %w", err)
	}
	return filepath.Join(home, below), nil
}

// open opens the configuration; its owner and mode are those of /etc.
func open(path string, _ bool) (*os.File, error) { return os.Open(path) }

// maxSocket is what a socket's address holds, with its closing NUL byte.
const maxSocket = 108

// checkSocket takes a path that an address can hold.
func checkSocket(path string) error {
	if len(path) >= maxSocket {
		return fmt.Errorf("%q is over %d bytes", path, maxSocket-1)
	}
	return nil
}
