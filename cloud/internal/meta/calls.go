package meta

import (
	"context"
	"time"
)

// States of a call.
const (
	CallWaiting = "waiting" // Next says when it is made; also while it is under way
	CallDone    = "done"
	CallFailed  = "failed"  // its plan has ended, or the merchant refused for good: it can be sent again
	CallStopped = "stopped" // something later made it pointless; it is never made again
)

// Call is one call to a merchant's address, repeated by a plan until it succeeds. Calls on
// one Subject are made one after the other, in the order in which they were added.
type Call struct {
	ID       string // cal_…
	Merchant string
	Product  string // whose listing says where it goes
	Activity string
	Subject  string // what it is about: a resource, an order, an application's event, a code
	Key      string // what makes two calls the same: the second one is not added
	Body     []byte // JSON without the members that differ on each attempt
	State    string
	Attempts int
	Created  time.Time
	Next     time.Time // of the next attempt, while waiting
	End      time.Time // of the plan: no attempt after it

	LastTime   time.Time // of the last attempt; zero before the first
	LastStatus int       // HTTP status, 0 when there was no answer
	LastResult string    // resultCode, "" when there was none
	LastError  string    // one English sentence, "" after success
}

// CallAnswer records an attempt.
type CallAnswer struct {
	Call   string
	State  string
	Time   time.Time
	Next   time.Time // for CallWaiting
	Status int
	Result string
	Error  string
	Notice *Notice
}

// CallFilter chooses calls; an empty member chooses all.
type CallFilter struct {
	Merchant, Subject, State string
	Page
}

// Categories of notices: the numbers as the marketplace prints them, and a word where it
// prints none.
const (
	NoticeProvision = "101"     // a product was not provisioned; a refund
	NoticeOperation = "501"     // an interface failed
	NoticeRenewal   = "renewal" // a periodic product was renewed
)

// Events of notices; each has its own text on the pages.
const (
	NoticeFailing     = "call.failing"      // params call, activity, subject, result, error
	NoticeGivenUp     = "call.given_up"     // the same
	NoticeOrderFailed = "order.failed"      // params order, resource, reason
	NoticeRenewed     = "resource.renewed"  // params order, resource, until
	NoticeDelivery    = "delivery.waiting"  // params order, resource, delivery
	NoticeEnded       = "resource.released" // params order, resource
)

// Notice tells a merchant of something. The same Event about the same About is one row
// whose Count and Time grow.
type Notice struct {
	ID       string // ntc_…
	Merchant string
	Category string
	Event    string
	About    string // a call's or an order's id
	Params   map[string]string
	Count    int
	Time     time.Time
	Read     time.Time // zero while nobody has
}

// EndedKept is how long ended calls and read notices are kept for people who look for a fault.
const EndedKept = 90 * 24 * time.Hour

// Queue is the calls to merchants and what came of them.
type Queue interface {
	// AddCall puts a call in the queue; one whose Key is there already is left as it is.
	AddCall(ctx context.Context, c Call) error
	// NextCalls lists calls that are due at now, at most each of one merchant and limit in all, so
	// that everyone's first comes before anyone's second. next is when the earliest call
	// that is not due yet will be, zero for none.
	NextCalls(ctx context.Context, now time.Time, each, limit int) (due []Call, next time.Time, err error)
	// AnswerCall records an attempt; a call that is not waiting any more stays as it is but for
	// its count and last answer. Refusal not_found.
	AnswerCall(ctx context.Context, a CallAnswer) error
	// RestartCall lets a failed call wait again, from now until end. Refusals: not_found, also for another
	// merchant's call; conflict with param state when it has not failed.
	RestartCall(ctx context.Context, merchant, id string, now, end time.Time, why Entry) (Call, error)
	// Call finds one; refusal not_found.
	Call(ctx context.Context, id string) (Call, error)
	// Calls lists calls, newest first.
	Calls(ctx context.Context, f CallFilter) ([]Call, error)

	// Notices lists a merchant's notices, newest first.
	Notices(ctx context.Context, merchant string, p Page) ([]Notice, error)
	// ReadNotices marks a merchant's notices as read (again: nothing happens); unknown ones are passed over.
	ReadNotices(ctx context.Context, merchant string, ids []string, now time.Time) error
}
