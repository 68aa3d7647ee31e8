//go:build linux

package desk

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/iscdesk/iscdesk/internal/cloudapitest"
)

// Cloud is a running iscdesk-cloud.
type Cloud struct {
	*Process
	Dir    string // its data folder
	Base   string // https://127.0.0.1:port, of the front when there is one
	CAFile string
	Code   string // one-time code of the first administrator; empty when set-up is done

	on          system
	bin, listen string
	flags       []string // beside those of every cloud
	contract    *cloudapitest.Contract
	front       *cloudapitest.Front // nil before the first start
}

var setupCode = regexp.MustCompile(`(?i)code[^\n]*?\b([A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6})+)\b`)

// StartCloud runs bin/iscdesk-cloud on a free port with its data in dir. A front that
// holds what everyone says to it and what it answers against the contract stands before
// it, for agents and for the accounts of this package; a nil contract has none.
func StartCloud(ctx context.Context, bin, dir string, contract *cloudapitest.Contract) (*Cloud, error) {
	return startCloud(ctx, linux{}, bin, dir, contract)
}

func startCloud(ctx context.Context, on system, bin, dir string, contract *cloudapitest.Contract) (*Cloud, error) {
	c := &Cloud{Dir: dir, on: on, bin: bin, listen: "127.0.0.1:0", contract: contract}
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
	p, err := start(c.on, c.Dir, "cloud", c.on.program(c.bin, "iscdesk-cloud"),
		append([]string{"serve", "--data", c.Dir, "--listen", c.listen}, c.flags...), os.Environ())
	if err != nil {
		return err
	}
	c.Process, c.CAFile = p, filepath.Join(c.Dir, "ca.pem")
	// A new store prints the one-time code once; later starts print none.
	fresh := c.Code == ""
	own := ""
	err = p.until(ctx, "its address", func() bool {
		b, err := os.ReadFile(address)
		if own = strings.TrimSpace(string(b)); err != nil || own == "" {
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
	c.listen = strings.TrimPrefix(own, "https://")
	if c.front == nil { // it stays while the cloud is away
		if c.front, err = c.contract.Front(c.Dir, own); err != nil {
			return err
		}
		c.Base = c.front.URL
	}
	return nil
}

// Address is host:port of the cloud itself, without the front.
func (c *Cloud) Address() string { return c.listen }

// Close stops the cloud for good, with its front.
func (c *Cloud) Close() error {
	err := c.Stop()
	if c.front != nil {
		c.front.Close()
	}
	return err
}
