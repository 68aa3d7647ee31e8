//go:build !linux

package ipc

import (
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Dial refuses with api.NotSupported: the local connection of this system is
// not part of this version.
func Dial(path string, timeout time.Duration) (*Conn, error) {
	return nil, refusal()
}

// Conn does not exist on this system; what follows refuses.
type Conn struct{}

func (c *Conn) Read(p []byte) (int, error)         { return 0, refusal() }
func (c *Conn) Write(p []byte) (int, error)        { return 0, refusal() }
func (c *Conn) Close() error                       { return refusal() }
func (c *Conn) SetWriteDeadline(t time.Time) error { return refusal() }

func (c *Conn) server() (Server, error) { return Server{}, refusal() }

func refusal() error {
	return &api.Error{Code: api.NotSupported, Detail: "connections to an agent exist on Linux only in this version"}
}
