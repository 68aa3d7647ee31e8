package merchant

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Options is what New takes. Keys, Store and one callback are needed.
type Options struct {
	Keys  Keys
	Store store.Store  // the ISV opens it and closes it, after Handler.Close
	Calls Callbacks    // production interfaces
	V1    V1           // License 1.0 and SaaS V1.0
	Kit   Kit          // the joint-operation kit
	Log   *slog.Logger // nil logs nothing

	// Upload brings a licence back to the marketplace, by the open API's upload with this event id.
	// It is needed with Calls.GetLicenseAsync. The same licence may be uploaded again. An error that has a method
	// Again() bool which says false, as those of package openapi have, is the marketplace's refusal for good; after any
	// other one the upload is tried again (RetryAfter).
	Upload func(ctx context.Context, eventID string, l License) error

	// PayPerUse tells the product of an order line that is sold pay-per-use, "" for other lines: such
	// instances are kept by order and product instead of order and line. It asks the order query; nil
	// means that nothing is sold so.
	PayPerUse func(ctx context.Context, orderID, orderLineID string) (productID string, err error)

	// Challenge is what https://DOMAIN/.well-known/iscdesk-merchant.txt shows, by which an ISCDesk
	// cloud verifies the address; "" shows nothing.
	Challenge string

	Readings Readings

	Now          func() time.Time // nil is the machine's clock
	AnswerWithin time.Duration    // a callback that takes longer is answered with 000004 and goes on; 0 is 4 s, of the marketplace's 5
	WorkTime     time.Duration    // when the context of a callback ends at last; 0 is 15 minutes
	Workers      int              // callbacks at once, those that go on included; 0 is 64

	// GetLicenseAsync calls that were answered with 000004 and then fail are tried again, since the marketplace does
	// not call again: first after RetryAfter, then after pauses that double up to 15 minutes, also after a restart,
	// for RetryFor since the request. At most a quarter of Workers does so at once.
	RetryAfter time.Duration // 0 is 2 s
	RetryFor   time.Duration // 0 is 24 h
	longest    time.Duration // bounds the pauses; 0 is 15 minutes, and only tests have another
}

// Keys are the access keys of each category, first the present one, then older ones that are
// still good: during a rotation both sign. The marketplace never uses a key in two categories.
type Keys struct {
	Base   []string // instances and licences
	Code   []string // authorization codes
	Notify []string // order notification
	Kit    []string // joint operation
}

// Callbacks are the ISV's side of the production interfaces. One that is nil is answered with
// 000002 (not offered); QueryInstance alone is answered from the store.
//
// A callback gets a request that was proved and checked. It returns nil for success, Refuse for a
// printed code, ErrProcessing when it goes on by itself; any other error (and a panic)
// is logged and answered with 000005; when 000004 was answered before, the work is done again without a
// request (see Attempt). r.Test() calls must touch nothing real and use up no quota. Different
// calls run at once, the same call never. A callback that outlives Options.AnswerWithin goes on.
type Callbacks struct {
	// NewInstance makes the instance a.InstanceID for an order line. See Attempt for what a crash asks of it.
	NewInstance func(ctx context.Context, r wire.NewInstance, a Attempt) (Provision, error)
	// QueryInstance tells what there is of r.IDs(), in that order.
	QueryInstance        func(ctx context.Context, r wire.QueryInstance) ([]wire.InstanceInfo, error)
	RefreshInstance      func(ctx context.Context, r wire.RefreshInstance, a Attempt) error
	UpdateInstanceStatus func(ctx context.Context, r wire.UpdateInstanceStatus, a Attempt) error
	ReleaseInstance      func(ctx context.Context, r wire.ReleaseInstance, a Attempt) error
	UpgradeInstance      func(ctx context.Context, r wire.UpgradeInstance, a Attempt) error
	ChangeInstanceCheck  func(ctx context.Context, r wire.ChangeInstanceCheck) error
	// GetLicenseAsync makes a licence. What it returns is stored before it is uploaded, so that one
	// application has one licence, whatever is repeated or lost on the way.
	GetLicenseAsync         func(ctx context.Context, r wire.GetLicenseAsync, a Attempt) (License, error)
	OrderNotify             func(ctx context.Context, r wire.OrderNotify) error
	RefreshLicenseCode      func(ctx context.Context, r wire.RefreshLicenseCode, a Attempt) error
	UpdateLicenseCodeStatus func(ctx context.Context, r wire.UpdateLicenseCodeStatus, a Attempt) error
	ReleaseLicenseCode      func(ctx context.Context, r wire.ReleaseLicenseCode, a Attempt) error
}

// Provision is how far NewInstance has come.
type Provision int

// Provisions.
const (
	// Provisioned: the instance is there.
	Provisioned Provision = iota
	// Ordered: the order is noted, and provisioning waits for its delivery (supervised products). The marketplace is
	// told success, and the next newInstance of the line, which may be a repeat or the delivery, runs
	// the callback again with Attempt.Ordered and the same instance id. The two requests look the same:
	// whether the delivery has come is for the ISV's own books to tell.
	Ordered
)

// License is what an ISV has made for one application.
type License struct {
	FileName string `json:"fileName,omitempty"` // "" for a licence that is a string
	Content  []byte `json:"content"`            // a string: at most 1024 characters, UTF-8. A file: at most 8 MiB
}

// Attempt is what a callback is told of its turn.
//
// The promise: before a callback runs, its attempt and InstanceID are on disk, and after its success that
// is too. Between the two a crash can happen: then the next request of the same key runs the
// callback again, with the same ID and InstanceID and a greater Number. So does, for NewInstance, a queryInstance for
// the instance, and for GetLicenseAsync this server by itself: after 000004 the marketplace sends no second
// request. So the ISV must make sure that doing
// the same ID twice is doing it once; a unique key on InstanceID (or ID) in its own table does. One
// whose tables lie in the store's database calls Record in its own transaction instead: then
// either both are there or neither.
type Attempt struct {
	ID         string // the same for each attempt of the same call, 64 hex digits
	InstanceID string // NewInstance: the id to create; else ""
	Number     int    // 1, 2 …; 0 for State calls, which are not counted
	Ordered    bool   // NewInstance has returned Ordered before

	// Record notes in the ISV's own transaction that the call succeeds, when it commits. It is for
	// NewInstance, returning Provisioned, and for calls whose callback returns an error only (State calls
	// keep nothing: there it does nothing). It returns ErrNotTransactional when Options.Store is not in the
	// ISV's database. The transaction holds the store up: commit it soon.
	Record func(ctx context.Context, tx store.Execer) error
}

// ErrNotTransactional is Attempt.Record's with a store that shares no database with the ISV.
var ErrNotTransactional = errors.New("record call: the store shares no transaction")

// ErrProcessing is returned by a callback that goes on by itself: it is answered with 000004, and the next
// request of the key, or what stands in its place (see Attempt), runs the callback again.
var ErrProcessing error = &Refusal{Code: wire.Processing, Msg: "being processed."}

// Refusal is a result code other than success. It is told to the marketplace as it is.
type Refusal struct {
	Code wire.Code
	Msg  string // cut to 255 characters
}

// Error implements error.
func (r *Refusal) Error() string { return "refused with " + string(r.Code) + ": " + r.Msg }

// refuses tells whether the code can be sent as a refusal: success without its record, or a code of another length, would be
// believed or thrown away there.
func (r *Refusal) refuses() bool {
	for _, c := range r.Code {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(r.Code) == len(wire.Internal) && r.Code != wire.Success
}

// Refuse makes the error of a callback that answers with a printed code; msg "" takes its
// printed meaning.
func Refuse(code wire.Code, msg string) error {
	if msg == "" {
		msg = code.Text()
	}
	return &Refusal{code, msg}
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = clock.System{}.Now
	}
	if o.AnswerWithin <= 0 {
		o.AnswerWithin = 4 * time.Second
	}
	if o.WorkTime <= 0 {
		o.WorkTime = 15 * time.Minute
	}
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.RetryAfter <= 0 {
		o.RetryAfter = 2 * time.Second
	}
	if o.RetryFor <= 0 {
		o.RetryFor = 24 * time.Hour
	}
	if o.longest <= 0 {
		o.longest = 15 * time.Minute
	}
	return o
}
