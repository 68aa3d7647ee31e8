// Package files orchestrates what an application asks of cloud files: it checks
// the sign-in, holds the check-out, gets the transfer token, and lets a worker
// with the caller's rights do the rest; the end is an event. localapi calls it
// for applications, launch for workers. It must never open a path, and reads what
// a worker answers as outside input.
package files
