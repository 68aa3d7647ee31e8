// Package caller says who is at the other end of a connection of the local API.
// The kernel's word (SO_PEERCRED, SO_PEERGROUPS; on Windows who opened the pipe, and
// the token of the process that did) is taken once, when the connection is accepted, and
// never asked again. Every room of the service may
// read it; only localapi makes one. It must never take identity from a message.
package caller

// Actor is the caller of a request. UID, Rights and PID are the kernel's,
// fixed at accept; PID is for information and must not decide anything, because
// it may belong to another process by now. The rest is what hello settled.
type Actor struct {
	UID UID
	Rights
	PID int

	Product    string // product id, empty for tools
	AppVersion string
	Language   string // BCP 47 as the application gave it
	Session    string // public id of the session, not its secret
}
