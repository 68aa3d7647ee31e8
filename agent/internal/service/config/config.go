// Package config reads the agent's one configuration file and settles where things
// are. agent's main package calls it and hands the result to app. Besides XDG
// folders and HOME, for an agent that a user runs on Linux, nothing comes from the
// environment. It must never guess at a setting that it does not understand.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// maxFile bounds the configuration file.
const maxFile = 64 << 10

// Config is the settings of a run; see agent.toml in installer/linux and installer/windows.
type Config struct {
	Cloud    string `toml:"cloud"`    // https base address, empty when none is set
	Proxy    string `toml:"proxy"`    // "system", "direct" or a URL
	CA       string `toml:"ca"`       // PEM file, absolute, or empty
	State    string `toml:"state"`    // folder, absolute
	Socket   string `toml:"socket"`   // absolute; on Windows a pipe
	Products string `toml:"products"` // folder, absolute
	Log      string `toml:"log"`      // debug, info, warn, error

	LicenseKeys string `toml:"license_keys"` // JSON Web Key Set for imported licences; absolute, or empty

	System bool `toml:"-"` // the service is the system's, run by root or LocalSystem
}

// Load reads path over c. A missing file is right unless must is set: it was named.
// Unknown keys and wrong types are errors with their line.
func (c *Config) Load(path string, must bool) error {
	f, err := open(path, c.System)
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
	plain, err := Text(text)
	if err == nil {
		err = c.parse(plain)
	}
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	return nil
}

func (c *Config) parse(text string) error {
	meta, err := toml.Decode(text, c)
	if err != nil {
		return Explain(err)
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
	for name, path := range map[string]string{"ca": c.CA, "state": c.State, "socket": c.Socket, "products": c.Products, "license_keys": c.LicenseKeys} {
		if Escaped(path) {
			return fmt.Errorf("setting %s: %q holds a control character%s", name, path, backslash)
		}
		if (path != "" || name != "ca" && name != "license_keys") && !filepath.IsAbs(path) {
			return fmt.Errorf("setting %s: %q is not an absolute path", name, path)
		}
	}
	if err := checkSocket(c.Socket); err != nil {
		return fmt.Errorf("setting socket: %w", err)
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
