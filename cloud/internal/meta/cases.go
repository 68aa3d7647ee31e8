package meta

import (
	"context"
	"time"
)

// Bounds of what debugging may leave behind.
const (
	MaxCases      = 500  // of one merchant
	MaxTestEvents = 100  // of one merchant; the oldest give way
	MaxTestHead   = 4096 // bytes of an uploaded test licence that are kept to be shown
)

// Events of notices about saved cases.
const (
	NoticeProbe    = "probe.failed"   // params product, case, scene, verdict
	NoticeDelisted = "probe.delisted" // params product, days
)

// Case is one debugging call that has passed once: it is replayed by hand, by an ISV's CI and by
// probes. There is one for each target and scene; saving it again replaces it.
type Case struct {
	ID       string // cas_…
	Merchant string
	Product  string // of the listing whose address is called; "" for an address of its own
	URL      string // without a listing: where the call goes; "" with one
	Key      string // MerchantKey.ID; "" takes the listing's
	Scene    string // of package cases
	Params   string // JSON object of texts: the body's members as they were typed
	Instance string // instanceId that the merchant answered, "" for most scenes
	Saved    time.Time

	Last    time.Time // of the last run
	Passed  bool      // what it came to
	Verdict string    // code of the last run's verdict
	Text    string    // what it says, in English
}

// CaseResult is what a replay came to.
type CaseResult struct {
	Case    string
	Time    time.Time
	Passed  bool
	Verdict string
	Text    string
}

// Probe is one replay of all cases of a listing by the clock.
type Probe struct {
	Product  string
	Merchant string
	Slot     time.Time // the planned time
	Now      time.Time
	Passed   bool
	Days     int     // failing days in a row after which the listing goes off sale; 0 for never
	Notice   *Notice // of a failure
	Why      Entry   // when the listing goes off sale
}

// Probed is how a listing stands with its probes.
type Probed struct {
	Slot     time.Time // the last one that was made
	Failing  int       // days in a row with a failure and without a success after it
	Delisted bool      // this probe has taken it off sale
}

// TestEvent is the eventId of a debugging getLicenseAsync, and the licence that was uploaded for it.
type TestEvent struct {
	Event    string
	Merchant string
	Created  time.Time

	Received time.Time // of the first upload; zero while there is none
	Type     string    // CHARACTERS, FILE
	FileName string
	Size     int
	Sum      Hash
	Head     []byte // the first MaxTestHead bytes
	Repeats  int    // uploads of the same bytes after the first
	Others   int    // uploads of other bytes; they are refused
}

// Cases is everything about the debugging of merchants' servers.
type Cases interface {
	// PutCase saves a case, in the place of one of the same merchant, product, URL and scene, whose ID it
	// then has. Refusal conflict with reason many over MaxCases.
	PutCase(ctx context.Context, c Case, why Entry) (Case, error)
	// Case finds a merchant's case; refusal not_found.
	Case(ctx context.Context, merchant, id string) (Case, error)
	// Cases lists a merchant's cases by target, in the order in which scenes were first saved.
	Cases(ctx context.Context, merchant string) ([]Case, error)
	// DeleteCase forgets one; refusal not_found.
	DeleteCase(ctx context.Context, merchant, id string, why Entry) error
	// NoteCase keeps what a replay came to; a case that is gone is passed over.
	NoteCase(ctx context.Context, r CaseResult) error
	// CasesOnSale lists the cases of listings on sale that were saved before a time and whose listing was
	// not probed at it or later, as Cases orders them.
	CasesOnSale(ctx context.Context, slot time.Time) ([]Case, error)
	// EndProbe records a probe and counts failing days (UTC); at Days the listing goes off sale, with a
	// notice, and the count begins anew. A probe of a slot that was recorded changes nothing.
	EndProbe(ctx context.Context, p Probe) (Probed, error)

	// AddTestEvent lets an event take an upload; again: nothing happens.
	AddTestEvent(ctx context.Context, merchant, event string, now time.Time) error
	// TestEvent finds one of the merchant's; refusal not_found.
	TestEvent(ctx context.Context, merchant, event string) (TestEvent, error)
	// DeliverTest takes an upload for a test event. The first stands and the same bytes succeed again; other
	// bytes are counted and refused. Refusals: not_found, also for another merchant's event; conflict with
	// reason UploadOther.
	DeliverTest(ctx context.Context, u Upload) error
}
