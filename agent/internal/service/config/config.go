// Package config reads the agent's one configuration file and settles where things
// are. agent's main package calls it and hands the result to app. Besides XDG
// folders and HOME, for an agent that a user runs, nothing comes from the
// environment. It must never guess at a setting that it does not understand.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// maxFile bounds the configuration file.
const maxFile = 64 << 10

// Config is the settings of a run; see installer/linux/agent.toml.
type Config struct {
	Cloud    string `toml:"cloud"`    // https base address, empty when none is set
	Proxy    string `toml:"proxy"`    // "system", "direct" or a URL
	CA       string `toml:"ca"`       // PEM file, absolute, or empty
	State    string `toml:"state"`    // folder, absolute
	Socket   string `toml:"socket"`   // absolute
	Products string `toml:"products"` // folder, absolute
	Log      string `toml:"log"`      // debug, info, warn, error

	System bool `toml:"-"` // the service is the system's, run by root
}

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

// Load reads path over c. A missing file is right unless must is set: it was named.
// Unknown keys and wrong types are errors with their line.
func (c *Config) Load(path string, must bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFile {
		return fmt.Errorf("read configuration %s: over %d bytes", path, maxFile)
	}
	if err := c.parse(string(text)); err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	return nil
}

func (c *Config) parse(text string) error {
	meta, err := toml.Decode(text, c)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	if err != nil {
		return err // a wrong type; the message has the line
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("line %d: unknown setting %q", lineOf(text, unknown[0]), unknown[0].String())
	}
	return nil
}

// Check finds settings that cannot work.
func (c *Config) Check() error {
	if c.Cloud != "" {
		u, err := url.Parse(c.Cloud)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return fmt.Errorf("setting cloud: %q is not an https address", c.Cloud)
		}
	}
	for name, path := range map[string]string{"ca": c.CA, "state": c.State, "socket": c.Socket, "products": c.Products} {
		if (path != "" || name != "ca") && !filepath.IsAbs(path) {
			return fmt.Errorf("setting %s: %q is not an absolute path", name, path)
		}
	}
	_, err := c.Level()
	return err
}

// Level is the log's level.
func (c *Config) Level() (slog.Level, error) {
	switch c.Log {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("setting log: %q is none of debug, info, warn, error", c.Log)
}
