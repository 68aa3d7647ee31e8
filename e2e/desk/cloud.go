//go:build linux

package desk

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Cloud is a running iscdesk-cloud.
type Cloud struct {
	*Process
	Dir    string // its data folder
	Base   string // https://127.0.0.1:port
	CAFile string
	Code   string // one-time code of the first administrator; empty when set-up is done

	bin, listen string
}

var setupCode = regexp.MustCompile(`(?i)code[^\n]*?\b([A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6})+)\b`)

// StartCloud runs bin/iscdesk-cloud on a free port with its data in dir.
func StartCloud(ctx context.Context, bin, dir string) (*Cloud, error) {
	c := &Cloud{Dir: dir, bin: bin, listen: "127.0.0.1:0"}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return c, c.Start(ctx)
}

// Start runs a stopped or killed cloud again: same data, same address.
func (c *Cloud) Start(ctx context.Context) error {
	address := filepath.Join(c.Dir, "address")
	if err := os.Remove(address); err != nil && !os.IsNotExist(err) {
		return err
	}
	p, err := start(c.Dir, "cloud", filepath.Join(c.bin, "iscdesk-cloud"),
		[]string{"serve", "--data", c.Dir, "--listen", c.listen}, (*syscall.Credential)(nil), os.Environ())
	if err != nil {
		return err
	}
	c.Process, c.CAFile = p, filepath.Join(c.Dir, "ca.pem")
	// A new store prints the one-time code once; later starts print none.
	fresh := c.Code == ""
	err = p.until(ctx, "its address", func() bool {
		b, err := os.ReadFile(address)
		if c.Base = strings.TrimSpace(string(b)); err != nil || c.Base == "" {
			return false
		}
		if !fresh {
			return true
		}
		log, _ := os.ReadFile(p.Log)
		if m := setupCode.FindSubmatch(log); m != nil {
			c.Code = string(m[1])
		}
		return c.Code != ""
	})
	if err != nil {
		return err
	}
	c.listen = strings.TrimPrefix(c.Base, "https://")
	return nil
}
