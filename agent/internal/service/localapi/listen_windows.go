package localapi

import (
	"errors"
	"os"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// Listener and stream are the endpoint of this system and a connection to it.
type (
	Listener = ipc.Listener
	stream   = ipc.Conn
)

func accept(ln *Listener) (*stream, error) { return ln.Accept() }

// isClosed tells the end that this side made.
func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }

// Listen opens the pipe at path, for every user or for this process's own and the
// system only. A pipe of that name that exists already is refused with api.Forbidden.
func Listen(path string, all bool) (*Listener, error) { return ipc.ListenPipe(path, all) }
