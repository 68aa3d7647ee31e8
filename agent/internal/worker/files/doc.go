// Package files keeps a user's workspace: which local path came from which cloud
// object, what is unsaved, what waits to be sent. It runs in the worker's
// process with exactly the user's rights; only package worker calls it, with
// what the service asked for.
//
// Three trees decide what may happen to a file: its base (the version the ledger
// names), the local bytes, and the version in the cloud. Local bytes that no
// version holds are never replaced: they stay in place or are put beside.
//
// It must never follow a link but those that stand in a path as a request names it
// (held), never write outside the folder it was given, and never take a version
// from bytes that changed while they were read.
package files
