package ipc

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Dial connects to the named pipe at path, `\\.\pipe\` and a name of letters, digits,
// '.', '-' and '_', and gives up after timeout. The server may learn who is here and
// cannot act as this user. Errors: api.InvalidArgument for the path, api.AgentAbsent
// when nobody serves it or this user may not connect, api.Timeout when no instance of
// the pipe becomes free.
func Dial(path string, timeout time.Duration) (*Conn, error) {
	name, err := pipeName(path)
	if err != nil {
		return nil, err
	}
	end := clock.System{}.Now().Add(timeout)
	for {
		h, err := open(name, windows.SECURITY_IDENTIFICATION)
		if err == nil {
			c, err := newConn(h, path)
			if err != nil {
				return nil, &api.Error{Code: api.Internal, Detail: fmt.Sprintf("use pipe %s: %v", path, err)}
			}
			return c, nil
		}
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) {
			return nil, &api.Error{Code: api.AgentAbsent, Detail: fmt.Sprintf("connect %s: %v", path, err)}
		}
		left := end.Sub(clock.System{}.Now()).Milliseconds()
		if left <= 0 {
			return nil, &api.Error{Code: api.Timeout, Detail: fmt.Sprintf("connect %s: the agent accepts no connection", path)}
		}
		// Its errors come again at the next attempt: the pipe has gone, or is busy still.
		// A second at most, as a server that ends and comes back wakes nobody.
		_ = waitPipe(name, uint32(min(left, 1000)))
	}
}
