// Package sdk is the Go client of the ISCDesk agent: licence, cloud files and
// their events for an application on the same machine. Package cshim puts the
// same client behind iscdesk.h.
//
// It lives inside a customer's process. So it opens no network, starts no
// process, installs no signal handler, prints nothing, reads no environment
// but XDG_RUNTIME_DIR and HOME (for the endpoint), holds no key and no file,
// and starts goroutines only through ipc.Spawn, which catches panics. A test
// keeps these bans.
//
// A request returns at once with an operation number; its end is an event with
// the same number. Every method may be called from any goroutine, the event
// callback included. Errors are *api.Error with a stable code and a sentence
// in the language of Options.
package sdk
