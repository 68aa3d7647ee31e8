package api

import "time"

// Fingerprint is the documented device string and how it came about.
type Fingerprint struct {
	Fingerprint string            `json:"fingerprint"` // mac|disk|board|cpu, upper case, at most MaxDevInfo bytes
	Parts       []FingerprintPart `json:"parts"`
	System      bool              `json:"system"` // collected by the system service
}

// FingerprintPart explains one slot: "mac", "disk", "board" or "cpu".
type FingerprintPart struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
	Absent string   `json:"absent,omitempty"` // why the slot is empty or a value was left out
}

// LicenseState is what the agent knows without asking anyone.
type LicenseState struct {
	State   string    `json:"state"`             // one of the State… constants
	Code    Code      `json:"code"`              // OK where work is allowed
	Until   time.Time `json:"until,omitzero"`    // when the state ends if nothing happens
	Checked time.Time `json:"checked,omitzero"`  // server time of the last contact
	Offline bool      `json:"offline,omitempty"` // answered from the cache because the cloud is away
	Source  string    `json:"source,omitempty"`  // SourceImport, or empty: the cloud's lease
	Reason  string    `json:"reason,omitempty"`  // one sentence in the session's language
	Hint    string    `json:"hint,omitempty"`    // what to do
}

// States of a licence. Saving work is allowed in every one of them.
const (
	StateUnknown      = "unknown" // nobody asked the cloud for it yet, or it has not answered
	StateNone         = "none"    // the cloud said that there is none, or nobody is signed in
	StateValid        = "valid"
	StateRefreshDue   = "refresh-due"
	StateGrace        = "grace"
	StateExpired      = "expired"
	StateRefused      = "refused"
	StateClockSuspect = "clock-suspect"
	StateStoreDamaged = "store-damaged"
)

// SourceImport says that a right comes from a document that was imported. Nobody can withdraw it offline.
const SourceImport = "import"

// What a pending licence waits for, in the param waitsFor.
const (
	WaitsPublisher = "publisher" // the cloud has passed the request on
	WaitsCloud     = "cloud"     // the cloud is away or busy; it has the request
	WaitsSignIn    = "signIn"    // the account that asked has to sign in again
)

// LicenseRequest asks for the product's licence; the end is EVENT_LICENSE_VERIFY.
type LicenseRequest struct {
	Form     string `json:"form"` // "string" or "file"
	FileName string `json:"fileName,omitempty"`
	DevInfo  string `json:"devInfo,omitempty"`
	ComeBack string `json:"comeBack,omitempty"` // JSON object echoed in comeBackParams
}

// LicenseVerify reports the application's own verdict on the licence it got.
type LicenseVerify struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"` // required when OK is false
}

// LicenseImport carries a licence document, as the cloud's licence page gives it to its buyer, to the
// agent, in parts and in order over one session. The part that completes Size has the whole answer.
type LicenseImport struct {
	Part   []byte `json:"part"`   // 1 to MaxImportPart bytes
	Offset int    `json:"offset"` // of the part; 0 begins anew
	Size   int    `json:"size"`   // bytes of the whole file, at most MaxImport
}

// LicenseImported answers LicenseImport. Until the last part only More is set.
type LicenseImported struct {
	More    bool      `json:"more,omitempty"` // the part is there, the next is awaited
	Product string    `json:"product,omitempty"`
	Form    string    `json:"form,omitempty"` // string, file: how an application can ask for it
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`  // absent: without an end
	Kept    string    `json:"kept,omitempty"`  // KeptSame, KeptNewer: what was there stays
	Bound   bool      `json:"bound,omitempty"` // the document names this machine; else only the content may
}

// Why an import changed nothing.
const (
	KeptSame  = "same"  // this very document was imported before
	KeptNewer = "newer" // a newer document of the product is there
)
