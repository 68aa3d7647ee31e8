package meta

import (
	"context"
	"time"
)

// States of an authorization code. The first three are the platform's own; the last four are
// what a query of the code answers (CodeFrozen as CodeExpired: the query's table has no third word).
const (
	CodeMade      = "made"      // the merchant has not delivered yet
	CodeDelivered = "delivered" // the buyer has to collect it
	CodeCollected = "collected" // it can be activated
	CodeAlive     = "ALIVE"
	CodeFrozen    = "FROZEN"
	CodeExpired   = "EXPIRED"
	CodeReleased  = "RELEASED"
)

// Code is an authorization code: one for each purchased resource of a KindCode listing, or
// a test code of the merchant.
type Code struct {
	Code      string // PL and 26 capital letters and digits
	Merchant  string
	Org       string // "" for test codes
	Product   string
	ProductID string // of the specification; "" for test codes
	Resource  string // "" for test codes
	Order     string
	Amount    int
	Test      bool
	State     string
	Expire    time.Time // zero for none, and before the activation
	Effect    time.Time // begin of service: the merchant's word, else the activation
	Activated time.Time
	Seen      time.Time // last query: the first use of a day
	Created   time.Time
}

// CodeChange moves a code from one of several states. Expire zero keeps the end.
type CodeChange struct {
	Code   string
	From   []string
	To     string
	Expire time.Time
	Why    Entry
}

// ClientUse is what an ISV's software reports about the use of one code on one day: either
// a client by its login mark, or how many were active.
type ClientUse struct {
	Code   string
	Day    time.Time // begin of the UTC day
	Client string
	Active int
}

// Usage is one record of the pay-per-use push.
type Usage struct {
	Merchant string
	Serial   string // metering_sn, unique for the merchant
	Instance string // the merchant's instanceId
	Package  string // relate_pkg_instance
	Value    string // decimal as sent: at most 20 characters, at most 4 decimals
	Record   time.Time
	Begin    time.Time
	End      time.Time
}

// Codes is everything about authorization codes and what their use reports.
type Codes interface {
	// AddCode stores a new code; again with the same Resource: nothing happens, and the code
	// that stands is returned.
	AddCode(ctx context.Context, c Code, why Entry) (Code, error)
	// Code finds one; refusal not_found.
	Code(ctx context.Context, code string) (Code, error)
	// CodeOfResource finds the code of a resource; refusal not_found.
	CodeOfResource(ctx context.Context, resource string) (Code, error)
	// MerchantCodes lists up to limit codes of a merchant behind the code after, by code; test chooses which kind.
	MerchantCodes(ctx context.Context, merchant string, test bool, after string, limit int) ([]Code, error)
	// ChangeCode moves a code; in To already: nothing happens but the new Expire. Refusals: not_found,
	// conflict with param state when it is in none of From.
	ChangeCode(ctx context.Context, c CodeChange) (Code, error)
	// ActivateCodes makes collected codes of the merchant ALIVE, all or none. ends gives the end of each, zero for none.
	// Refusals: not_found with param code (unknown, or another merchant's), conflict with params code, state.
	ActivateCodes(ctx context.Context, merchant string, codes []string, effect, now time.Time, ends map[string]time.Time) error
	// SeeCodes notes a query of the merchant's codes and returns them in the order asked; refusal not_found
	// with param code.
	SeeCodes(ctx context.Context, merchant string, codes []string, now time.Time) ([]Code, error)
	// AddClientUse notes reports of use, all or none; again: nothing happens. The larger Active of a day stands.
	AddClientUse(ctx context.Context, uses []ClientUse) error
	// ClientUses counts a code's clients on each day since: the larger of distinct marks and the number that was reported.
	ClientUses(ctx context.Context, code string, since time.Time) (map[time.Time]int, error)
	// AddUsage stores records that are new and returns the serials of those that are there already
	// with another content; the same record again is stored once and no conflict.
	AddUsage(ctx context.Context, records []Usage) (conflicts []string, err error)
	// Usages lists an instance's records by begin, up to limit.
	Usages(ctx context.Context, merchant, instance string, limit int) ([]Usage, error)
}
