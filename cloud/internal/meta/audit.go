package meta

import (
	"context"
	"time"
)

// Entry is one row of the audit trail. A command takes it as its last argument and
// stores it in the same transaction, so that what happened and the record of it
// cannot part. Action "" records nothing.
type Entry struct {
	ID      int64 // given by the store, grows
	Org     string
	Time    time.Time
	Account string // who did it
	Device  string
	Action  string // login, member.added, license.issued, checkout.forced, …
	Params  map[string]string
}

// Trail is the audit trail.
type Trail interface {
	// Record stores an entry that belongs to no other command.
	Record(ctx context.Context, e Entry) error
	// Audit lists an organisation's entries with an id above after, oldest first.
	Audit(ctx context.Context, org string, after int64, limit int) ([]Entry, error)
}
