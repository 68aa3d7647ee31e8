// Package ipc carries JSON-RPC 2.0 messages between two processes of one
// machine: length-framed over a unix socket (application and agent) or a
// socketpair (service and worker). It knows frames, calls and notices; it does
// not know what they mean.
//
// It runs in a customer's process as well, so it imports neither net nor
// os/signal, starts goroutines only through Spawn, and never panics on input.
package ipc
