//go:build !linux

package caller

import (
	"net"
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Peer is the other end of an accepted connection.
type Peer struct{ Actor }

var errNotHere = &api.Error{Code: api.NotSupported, Detail: "callers are known on Linux only in this version"}

// Accepted refuses: there is no identity of a caller here yet.
func Accepted(*net.UnixConn) (*Peer, error) { return nil, errNotHere }

// Close does nothing here.
func (p *Peer) Close() error { return nil }

// Executable refuses.
func (p *Peer) Executable() (*os.File, error) { return nil, errNotHere }
