// Package events keeps what the agent tells an application: sessions with a ring
// of events each, and the ledger of operations on disk, so that a result outlives
// a broken connection, the application and the agent. Rooms of the service begin
// and end operations here; localapi pumps the rings to connections. It must never
// wait for a reader and never re-use an operation's number.
package events
