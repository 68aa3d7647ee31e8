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
