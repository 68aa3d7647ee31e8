package meta

import (
	"context"
	"time"
)

// Reasons of license_refused beside those of Instance.Usable and Grant. They stand in its param
// reason and in Application.Reason.
const (
	ReasonQuota       = "quota"               // all licences of the term are given
	ReasonDates       = "dates"               // outside the resource's term
	ReasonExpiry      = "expiry_missing"      // a periodic licence needs an end
	ReasonFingerprint = "fingerprint_missing" // the licence is bound to a device
	ReasonISV         = "isv"                 // the merchant failed or did not answer; may be asked for again
	ReasonFrozen      = "frozen"
	ReasonExpired     = "expired"
	ReasonEarly       = "early"   // the resource is not provisioned or delivered yet
	ReasonEnded       = "ended"   // the resource is released
	ReasonChanged     = "changed" // conflict: the resource has another term than the caller has seen
)

// Reasons of Deliver's conflict, in its param reason.
const (
	UploadForeign = "foreign" // the application is another merchant's
	UploadRefused = "refused" // the application was refused
	UploadEnded   = "ended"   // the licence would have ended, or its resource is gone
	UploadQuota   = "quota"   // given up meanwhile, and its place in the quota is taken
	UploadOther   = "other"   // other bytes are there
)

// RefusalStands is how long a refused application answers its own repeats: after it, the same
// request is a new application. Without it a program in a loop would make one call to the merchant each turn.
const RefusalStands = time.Minute

// MaxRefusals is how many refused applications of one resource may stand at a time. It bounds the same
// for a program that asks with another fingerprint each time.
const MaxRefusals = 60

// Apply is the wish for a licence. Application brings Event (for a new one), Key, Org, Resource, Term,
// Account, Device, Form, Fingerprint, FingerprintForm, From and Until; the store adds the rest.
type Apply struct {
	Application
	Grant *Grant // of an agent: looked at first, in the same transaction; nil from the buyer's page
	Call  Call   // the getLicenseAsync of a new application; Key is the store's
	Now   time.Time
	Why   Entry
}

// Upload is what a merchant brings for an event.
type Upload struct {
	Event    string
	Merchant string
	Type     string // CHARACTERS, FILE
	FileName string
	Content  []byte
	Now      time.Time
}

// ApplicationFilter chooses applications; an empty member chooses all.
type ApplicationFilter struct {
	Org, Merchant, Resource, State string
	Page
}

// Applications is everything about licences that merchants make.
type Applications interface {
	// Apply finds the newest application of the key or makes it, with its call to the merchant, in one
	// transaction. One that stands is returned as it is, whatever has become of the
	// resource: it is asking, making or delivered, or was refused less than RefusalStands ago, or
	// was given up for ReasonISV (AskAgain goes on with that one, under the same event). One that was refused for
	// good is followed by a new one with the event of a.
	//
	// A new one must fit. Refusals are those of Grant; not_found (resource of Org); rate_limited with
	// param seconds when MaxRefusals of the resource stand; conflict with reason changed when Term is another; license_refused with reason frozen,
	// expired, early, ended, expiry_missing, dates (params from, until) or quota (param amount):
	// applications that are not refused, in one term of the resource, are at most its Amount.
	Apply(ctx context.Context, a Apply) (Application, error)
	// AskAgain puts one more call in the queue for an application that is asking, making or given up for
	// ReasonISV (which is asking again then, when it fits as a new one must), if it was last asked for before
	// the time and none of its calls still waits; otherwise nothing happens. It returns what stands. Refusals:
	// not_found, and those of a new application.
	AskAgain(ctx context.Context, event string, before, now time.Time, call Call) (Application, error)
	// Application finds one with its content; refusal not_found.
	Application(ctx context.Context, event string) (Application, error)
	// Applications lists applications without their content, newest first.
	Applications(ctx context.Context, f ApplicationFilter) ([]Application, error)
	// Given counts what a resource's quota has given in one term: applications that are not refused.
	Given(ctx context.Context, resource string, term int) (int, error)
	// Taken notes that the merchant is at work: asking becomes making. One that was given up for ReasonISV
	// becomes making too, when the quota has room. Otherwise nothing happens. Refusal not_found.
	Taken(ctx context.Context, event string, now time.Time) error
	// RefuseApplication ends one that is asking or making; otherwise nothing happens. Refusal not_found.
	RefuseApplication(ctx context.Context, event, reason, code, message string, now time.Time) error
	// Deliver stores what the merchant brings and returns the application. The first upload stands: the
	// same bytes again are success, whatever their type and name. It does not wait for the
	// answer to getLicenseAsync, which may come later. One that was given up for ReasonISV is
	// delivered too, when the quota has room. Refusals: not_found; conflict with one
	// of the Upload… reasons, and nothing changes.
	Deliver(ctx context.Context, u Upload) (Application, error)
}

// GivenUp says that nobody refused the application: the calls to the merchant came to nothing. It
// can be asked for again under its event, because the merchant cannot have noted a no.
func (a Application) GivenUp() bool {
	return a.State == ApplicationRefused && a.Reason == ReasonISV
}
