// Package produce calls merchants: it signs a request, sends it where an operator allows, judges
// the answer as the marketplace's pages print it, and repeats it by the documented plan.
// Sender makes one call, for the queue and for the debugging page; Queue makes the calls that are
// stored, until each is done or its plan has ended. It runs in the cloud. What an
// answer means is not decided here: who queued a call has registered that.
//
// It never calls an address that is not a merchant's, never takes more of an answer than its bound, and
// never writes an access key anywhere.
package produce
