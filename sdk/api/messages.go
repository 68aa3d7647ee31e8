package api

import "time"

// Method names. The part before the dot is the family; one file of the agent's
// local API serves one family.
const (
	MethodHello     = "hello"
	MethodPing      = "ping"
	MethodSubscribe = "events.subscribe"

	MethodAuthStatus = "auth.status"
	MethodAuthLogin  = "auth.login"
	MethodAuthPage   = "auth.page"
	MethodAuthLogout = "auth.logout"

	MethodFingerprint = "identity.fingerprint"

	MethodLicenseState   = "license.state"
	MethodLicenseRequest = "license.request"
	MethodLicenseVerify  = "license.verifyNotify"

	MethodSpaces   = "files.spaces"
	MethodList     = "files.list"
	MethodVersions = "files.versions"
	MethodOpen     = "files.open"
	MethodPick     = "files.pick"
	MethodSave     = "files.save"
	MethodSaveAs   = "files.saveAs"
	MethodSaveTo   = "files.saveTo"
	MethodCheckin  = "files.checkin"

	MethodOperation  = "operation.get"
	MethodOperations = "operation.list"
	MethodCancel     = "operation.cancel"

	MethodStatus = "agent.status"
	MethodDoctor = "agent.doctor"
)

// None is the params or result of a method that has none.
type None struct{}

// Hello is the first request of every connection. Session and Secret are empty
// for a new session, or those of an earlier HelloResult to take it up again.
type Hello struct {
	Protocol     int      `json:"protocol"`    // highest version the caller speaks
	MinProtocol  int      `json:"minProtocol"` // lowest
	Build        string   `json:"build"`       // of the library
	Capabilities []string `json:"capabilities,omitempty"`
	Product      string   `json:"product,omitempty"`    // product id; empty for tools such as iscdesk
	AppVersion   string   `json:"appVersion,omitempty"` // the application's own version
	Language     string   `json:"language,omitempty"`   // BCP 47; "zh…" gives Chinese, all else English
	Session      string   `json:"session,omitempty"`    // secret of the session to take up again
}

// HelloResult settles the connection. Session is a secret of this user and
// product: whoever shows it and is the same OS user gets the session's events.
type HelloResult struct {
	Protocol     int          `json:"protocol"`
	Build        string       `json:"build"`
	Capabilities []string     `json:"capabilities,omitempty"`
	Session      string       `json:"session"`
	Resumed      bool         `json:"resumed"`   // true when the named session was found
	Epoch        string       `json:"epoch"`     // changes when the ring was lost (agent restarted)
	Heartbeat    int          `json:"heartbeat"` // seconds between heartbeats
	User         string       `json:"user"`      // "uid:1000", for logs
	System       bool         `json:"system"`    // the agent is the system's, not run by a user
	License      LicenseState `json:"license"`   // cached state for the product, may be state "none"
}

// Subscribe asks for events after the cursor (Epoch, Since). No epoch and 0 mean from
// the oldest still kept. One subscription a connection; a second one moves it.
type Subscribe struct {
	Epoch string `json:"epoch,omitempty"`
	Since int64  `json:"since"`
}

// SubscribeResult tells where the stream starts.
type SubscribeResult struct {
	Epoch string `json:"epoch"`
	Next  int64  `json:"next"` // id of the next event that will be sent
}

// AuthStatus says who is signed in for the calling OS user.
type AuthStatus struct {
	SignedIn     bool      `json:"signedIn"`
	Account      string    `json:"account,omitempty"`
	Name         string    `json:"name,omitempty"`
	Organisation string    `json:"organisation,omitempty"`
	Cloud        string    `json:"cloud,omitempty"` // base address
	Expires      time.Time `json:"expires,omitzero"`
	Reason       Code      `json:"reason,omitempty"` // why not signed in
}

// AuthLogin signs the calling OS user in. The password is used once and kept nowhere.
type AuthLogin struct {
	Account  string `json:"account"`
	Password string `json:"password"`
}

// Started answers every request whose end is an event. URL is set when a page
// wants a person: the caller's side opens it in the user's browser.
type Started struct {
	Operation Operation `json:"operation"`
	URL       string    `json:"url,omitempty"`
}

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
	StateNone         = "none"
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

// Space is one drive space the signed-in user may see.
type Space struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"` // owner, editor, viewer
}

// Spaces answers files.spaces.
type Spaces struct {
	Spaces []Space `json:"spaces"`
}

// List asks for a folder's entries; Folder "" is the space's root.
type List struct {
	Space  string `json:"space"`
	Folder string `json:"folder,omitempty"`
	After  string `json:"after,omitempty"` // Next of the page before
}

// Entry is a folder or an object.
type Entry struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // "folder", "file", "assembly"
	Name     string    `json:"name"`
	Size     int64     `json:"size,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	By       string    `json:"by,omitempty"` // account that made the newest version
	Holder   *Holder   `json:"holder,omitempty"`
}

// Holder says who has an object checked out.
type Holder struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"`
	Machine string    `json:"machine"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Mine    bool      `json:"mine,omitempty"` // by this account on this machine
}

// Listing answers files.list.
type Listing struct {
	Path    []Entry `json:"path"` // folders from the root to here
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// ObjectRef names an object, and a version of it (0 is the newest).
type ObjectRef struct {
	Object  string `json:"object"`
	Version int64  `json:"version,omitempty"`
}

// Version is one stored state of an object.
type Version struct {
	Number  int64     `json:"number"`
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`
	By      string    `json:"by"`
	Machine string    `json:"machine,omitempty"`
}

// Versions answers files.versions, newest first.
type Versions struct {
	Versions []Version `json:"versions"`
}

// Open fetches an object into the workspace; the end is EVENT_OPENCLOUDFILE_RESULT.
type Open struct {
	Object   string `json:"object"`
	Version  int64  `json:"version,omitempty"`
	Checkout bool   `json:"checkout,omitempty"`
	ComeBack string `json:"comeBack,omitempty"`
}

// AuthPage opens the sign-in page; the end is EVENT_SIGN_IN.
type AuthPage struct {
	ComeBack string `json:"comeBack,omitempty"`
}

// Pick lets the user choose in the picker page; the end is
// EVENT_OPENCLOUDFILE_RESULT or EVENT_OPEN_CANCELLED.
type Pick struct {
	ComeBack string `json:"comeBack,omitempty"`
}

// Save stores a workspace file as the next version; the end is EVENT_SAVE_RESULT.
// Path is absolute. Assembly: Path is the folder.
type Save struct {
	Path     string `json:"path"`
	Assembly bool   `json:"assembly,omitempty"`
	ComeBack string `json:"comeBack,omitempty"`
}

// SaveTo stores a local file or folder as a new object, without a page.
type SaveTo struct {
	Path     string `json:"path"`
	Assembly bool   `json:"assembly,omitempty"`
	Space    string `json:"space"`
	Folder   string `json:"folder,omitempty"`
	Name     string `json:"name,omitempty"` // default: the path's last part
	ComeBack string `json:"comeBack,omitempty"`
}

// Checkin gives a check-out back without saving.
type Checkin struct {
	Path   string `json:"path,omitempty"`   // a workspace path, or
	Object string `json:"object,omitempty"` // an object id
}

// OperationRef names an operation.
type OperationRef struct {
	Operation Operation `json:"operation"`
}

// States of an operation.
const (
	OpRunning = "running"
	OpQueued  = "queued" // waits for the cloud; the result comes later
	OpDone    = "done"
	OpFailed  = "failed"
	OpUnknown = "unknown" // not of this user, or its result was delivered long ago
)

// OperationState answers operation.get. Event is the event that ended it.
type OperationState struct {
	Operation Operation `json:"operation"`
	Method    string    `json:"method,omitempty"`
	State     string    `json:"state"`
	Started   time.Time `json:"started,omitzero"`
	Event     *Event    `json:"event,omitempty"`
}

// Operations answers operation.list: this user's and product's, undelivered or unfinished.
type Operations struct {
	Operations []OperationState `json:"operations"`
}

// Status answers agent.status.
type Status struct {
	Build     string     `json:"build"`
	Protocol  int        `json:"protocol"`
	System    bool       `json:"system"`
	Started   time.Time  `json:"started"`
	Endpoint  string     `json:"endpoint"`
	Cloud     string     `json:"cloud,omitempty"`
	Reachable bool       `json:"reachable"`
	Device    string     `json:"device,omitempty"`
	Auth      AuthStatus `json:"auth"`
	Queued    int        `json:"queued"` // saves that wait for the cloud
}

// Check is one line of the doctor: what was tried, what came out, what to do.
type Check struct {
	Name   string `json:"name"`   // agent, cloud, tls, proxy, clock, disk, …
	Result string `json:"result"` // "ok", "warning", "failed", "skipped"
	Tried  string `json:"tried"`
	Found  string `json:"found"`
	Do     string `json:"do,omitempty"`
	Code   Code   `json:"code,omitempty"`
}

// Doctor answers agent.doctor.
type Doctor struct {
	Checks []Check `json:"checks"`
}
