package picker

import (
	"errors"
	"net/netip"
)

// ownerFunc finds the user at the other end of a loopback connection: local is
// our address and remote the caller's, as the accepted connection has them. user is
// a uid in decimal or a SID.
type ownerFunc func(local, remote netip.AddrPort) (user string, err error)

// errNoOwner is a connection that the system's tables do not hold, for example
// because its other end has closed. It is refused.
var errNoOwner = errors.New("no such connection")
