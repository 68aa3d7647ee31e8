// Package worker is the process that touches a user's files. The service starts
// it as `iscdesk-agent worker` with that user's identity and one descriptor, a
// socketpair, on Windows a pipe; it ends when that closes. Only agent's main package calls it. It
// must never take work from anywhere else, and holds no key of the device.
package worker
