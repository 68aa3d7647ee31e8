package api

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
	MethodLicenseImport  = "license.import"

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

// Started answers every request whose end is an event. URL is set when a page
// wants a person: the caller's side opens it in the user's browser.
type Started struct {
	Operation Operation `json:"operation"`
	URL       string    `json:"url,omitempty"`
}
