// Package merchant is an ISV's production server: one http.Handler that answers the marketplace's
// calls, checks them, and asks the ISV's own code by typed callbacks. What repeats
// return, what happens after a crash, signatures, time limits and result codes
// are its business; instances and licences are the ISV's.
//
// It runs in an ISV's server, which mounts it and serves TLS. It must never call the marketplace
// by itself (Options.Upload does), show an error's text or a key to the other side, or run a
// callback for a request that was not proved. docs/merchant.md is its manual.
//
// # How a call walks
//
// A call belongs to a family: production (POST, signed by query parameters), V1 (GET with an
// authToken), kit (POST to fixed paths, signed by headers). A family is all that differs:
//
//	claims  is the request of this family?
//	prove   is it signed with a key of ours, now?          else 000001
//	read    is it well formed, and which call is it?        else 000002
//
// read returns a call: the values of its key, what else it says, and what runs it. All the rest is
// the same for each family and stands once, in handler.go, execute.go and turn.go: the size of the body, the
// nonce, the one table of repeats, turns and flights, late answers, Body-Sign. A new family is a
// type with these methods, its line in families, its rows in repeats, its callbacks in Options;
// nothing else is needed.
//
// What was answered with 000004 and then failed goes on without a request: by a query for the instance (resume.go), or by
// the handler itself (owe.go).
package merchant
