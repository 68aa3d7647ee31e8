// Package api is the local contract between an application and the agent on
// the same machine: the messages that walk over the socket, the events, and
// the codes. It holds data only, no behaviour, and imports nothing of ours.
//
// Who reads it: sdk and cshim (inside a customer's process), the agent, and
// strangers' tools. It may only be added to: members are never renamed or
// removed, unknown members are ignored, unknown codes are failures, unknown
// events are skipped. Golden files in testdata pin every message's JSON.
//
// The wire is a 4-byte big-endian length followed by one JSON-RPC 2.0 object
// (docs/protocol.md); event texts are the documented envelope of
// the public client guide: {"operate","params","comeBackParams"}.
package api

//go:generate go run ./gen
