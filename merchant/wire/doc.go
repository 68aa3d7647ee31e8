// Package wire is what the marketplace and an ISV's production server say to each other:
// requests and answers with the documented names, result codes, the table of each
// request's fields (mandatory, greatest length, values), strict parsing, and times.
//
// Both ends use it: package merchant parses requests and makes answers, the cloud makes
// requests and parses answers. It must never sign, keep or send anything, and
// never accept what the tables refuse. It is a leaf; it holds no state, so every
// function may be called by any goroutine.
//
// Field lengths count characters, not bytes. Members that a table does not know are ignored:
// the marketplace adds members without a new version. A member that is null is one that is
// absent; an optional text that is empty is one that is absent.
package wire
