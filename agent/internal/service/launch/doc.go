// Package launch starts worker processes with exactly a caller's identity:
// uid, gid, full group list, no capability, an environment made from nothing and
// no descriptor but the socketpair. Rooms that touch a user's files acquire a
// worker here. It must never start one as root for a root caller, and never
// trust what a worker says about who it is.
package launch

import "errors"

// ErrLost is wrapped by the error of a call whose worker ended before it answered,
// or that found none for want of an answer of the user database.
var ErrLost = errors.New("the worker process ended")
