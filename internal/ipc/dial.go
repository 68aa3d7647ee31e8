package ipc

import (
	"fmt"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Server is who serves the endpoint, as the kernel tells it.
type Server struct {
	User string // "uid:0", "sid:S-1-5-18"
	PID  int    // for messages only: a number can be used again
}

// System reports whether the server is the operating system itself: root, LocalSystem.
func (s Server) System() bool { return s.User == systemUser }

// ServerIdentity asks the kernel who serves c and refuses anybody who is
// neither the system nor the calling user with api.AgentUntrusted: another user
// who can lay an endpoint in the agent's place must not be given licences, paths
// or a password. Call it before the first byte is sent.
func ServerIdentity(c *Conn) (Server, error) {
	s, err := c.server()
	if err != nil {
		return Server{}, &api.Error{Code: api.AgentUntrusted, Detail: fmt.Sprintf("read identity of the server: %v", err)}
	}
	return trust(s)
}

// trust decides by who the server is.
func trust(s Server) (Server, error) {
	own, err := OwnUser()
	if err != nil {
		return s, &api.Error{Code: api.AgentUntrusted, Detail: fmt.Sprintf("read this process's own identity: %v", err)}
	}
	if !s.System() && s.User != own {
		return s, &api.Error{Code: api.AgentUntrusted, Detail: fmt.Sprintf("the server runs as %s, this process as %s", s.User, own)}
	}
	return s, nil
}
