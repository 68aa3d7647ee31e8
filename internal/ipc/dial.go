package ipc

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Conn is the application's end of a connection to an agent. Read and Write
// may run at the same time, each in one goroutine; Close ends both at once.
// It is not a net.Conn: package net has no place in a customer's process.
type Conn struct {
	file *os.File // non-blocking, so reads and deadlines go through the runtime's poller
	raw  syscall.RawConn
}

// Read reads what has arrived; io.EOF when the agent closed.
func (c *Conn) Read(p []byte) (int, error) { return c.file.Read(p) }

// Close ends the connection; a Read or Write that waits returns os.ErrClosed.
func (c *Conn) Close() error { return c.file.Close() }

// SetWriteDeadline bounds Write; past it Write ends in os.ErrDeadlineExceeded.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.file.SetWriteDeadline(t) }

// Server is who serves the endpoint, as the kernel tells it.
type Server struct {
	UID int
	PID int // for messages only: a number can be used again
}

// ServerIdentity asks the kernel who serves c and refuses anybody who is
// neither root nor the calling user with api.AgentUntrusted: another user who
// can lay a socket at the endpoint must not be given licences, paths or a
// password. Call it before the first byte is sent.
func ServerIdentity(c *Conn) (Server, error) {
	s, err := c.server()
	if err != nil {
		return Server{}, &api.Error{Code: api.AgentUntrusted, Detail: fmt.Sprintf("read identity of the server: %v", err)}
	}
	if own := os.Getuid(); s.UID != 0 && s.UID != own {
		return s, &api.Error{Code: api.AgentUntrusted, Detail: fmt.Sprintf("the server runs as uid %d, this process as uid %d", s.UID, own)}
	}
	return s, nil
}
