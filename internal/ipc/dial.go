package ipc

import (
	"fmt"
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

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
