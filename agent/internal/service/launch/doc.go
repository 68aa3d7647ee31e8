// Package launch starts worker processes with exactly a caller's identity: on Linux
// uid, gid and full group list without a capability, on Windows the caller's token
// without its privileges; an environment that is not the service's, and nothing open
// but the link. Rooms that touch a user's files acquire a worker here. It must never
// start one as root or an administrator for such a caller of the system's agent, and
// never trust what a worker says about who it is.
package launch

import "errors"

// ErrLost is wrapped by the error of a call whose worker ended before it answered,
// or that found none for want of an answer of the user database.
var ErrLost = errors.New("the worker process ended")
