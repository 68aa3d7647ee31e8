package api

import (
	"encoding/json"
	"time"
)

// Event is one thing that happened to a session. ID counts up by one inside an
// epoch; (Epoch, ID) is the cursor of events.subscribe.
type Event struct {
	Epoch     string    `json:"epoch"`
	ID        int64     `json:"id"`
	Time      time.Time `json:"time"`
	Type      string    `json:"type"`                // one of the Event… constants
	Operation Operation `json:"operation,omitempty"` // the request it belongs to
	Envelope  Envelope  `json:"envelope"`
}

// Envelope is the documented text that reaches the application (spec section
// 3.1). Every value of Params is a string; booleans are "true" and "false".
// Readers accept JSON booleans as well: an older revision printed them.
type Envelope struct {
	Operate  string            `json:"operate"`
	Params   map[string]string `json:"params"`
	ComeBack json.RawMessage   `json:"comeBackParams"` // {} unless the request brought one
}

// Gap says that events of the session were lost to this reader: the ring was
// overrun, or the agent restarted (Epoch differs). The reader asks for each of
// its open operations.
type Gap struct {
	Epoch string `json:"epoch"`
	From  int64  `json:"from"` // first lost id, 0 when unknown
	Next  int64  `json:"next"` // id of the next event that will be sent
}

// Event types. The first three are documented by the vendor's public guide, as
// are the two upload events; the others are ours.
const (
	EventLicenseVerify  = "EVENT_LICENSE_VERIFY"
	EventOpenResult     = "EVENT_OPENCLOUDFILE_RESULT"
	EventSaveResult     = "EVENT_SAVE_RESULT"
	EventUploadStart    = "EVENT_UPLOAD_START"
	EventUploadEnd      = "EVENT_UPLOAD_END"
	EventUploadProgress = "EVENT_UPLOAD_PROGRESS"
	EventOpenProgress   = "EVENT_OPEN_PROGRESS"
	EventOpenCancelled  = "EVENT_OPEN_CANCELLED"
	EventHeartbeat      = "EVENT_HEARTBEAT"
	EventDeskClosed     = "EVENT_DESK_CLOSED"
	EventLicenseState   = "EVENT_LICENSE_STATE"
	EventPage           = "EVENT_PAGE"
	EventSignIn         = "EVENT_SIGN_IN"
	EventGap            = "EVENT_GAP"
	EventLicensePending = "EVENT_LICENSE_PENDING"
)

// Operate names, as the envelope spells them.
const (
	OperateLicenseVerify  = "LicenseVerify"
	OperateOpenFile       = "OpenFile"
	OperateSaveResult     = "SaveResult"
	OperateUploadStart    = "UploadStart"
	OperateUploadEnd      = "UploadEnd"
	OperateUploadProgress = "UploadProgress"
	OperateOpenProgress   = "OpenProgress"
	OperateOpenCancelled  = "OpenCancelled"
	OperateHeartbeat      = "HeartBeat"
	OperateDeskClosed     = "DeskClosed"
	OperateLicenseState   = "LicenseState"
	OperatePage           = "Page"
	OperateSignIn         = "SignIn"
	OperateGap            = "Gap"
	OperateLicensePending = "LicensePending"
)

// Params of the envelopes, spelled as documented: LicenseVerify writes Status
// with a capital letter, SaveResult does not.
//
//	LicenseVerify   Status success|failed, LicenseType string|file,
//	                LicenseContent | LicenseFilePath; ours: state, until, offline, source,
//	                event, fingerprintForm full|digest, and on failure code, reason,
//	                hint, refusal (one of the Refused… constants)
//	LicensePending  waitsFor publisher|cloud|signIn, event (the application's number at
//	                the publisher), until (when the desk gives up), reason, hint, and
//	                code when it does not wait for the publisher
//	OpenFile        mainFile, openType OpenOnly|OpenAndCheckout,
//	                workState CHECKIN|CHECKOUT, assembly true|false;
//	                ours: status success|failed, object, version, conflictCopy,
//	                keptLocal, and on failure code, reason, hint (mainFile then empty)
//	SaveResult      status success|failed; ours: object, version, path, sent (bytes),
//	                skipped (names, one a line), queued, offerSaveAs,
//	                conflictCopy (where a queued save was laid that was refused
//	                at last and whose path held later work), by, and on failure
//	                code, reason, hint
//	UploadStart     path, object; UploadProgress done, total (bytes), path;
//	                UploadEnd path, status success|failed
//	OpenProgress    done, total (bytes)
//	OpenCancelled   by user|application|silence, code, reason, hint
//	HeartBeat       period (seconds), cloud reachable|unreachable
//	DeskClosed      reason stopping|lost, hint
//	LicenseState    state, code, until, checked, offline, source, reason, hint
//	Page            url, purpose pick|saveAs|signIn
//	SignIn          status success|failed|signedOut, account; on failure code, reason, hint
//	Gap             from, next
//
// Every failure may have a detail, English, for support.
const (
	ParamStatus     = "status"
	ParamCode       = "code"
	ParamReason     = "reason"
	ParamHint       = "hint"
	StatusSuccess   = "success"
	StatusFailed    = "failed"
	OpenOnly        = "OpenOnly"
	OpenAndCheckout = "OpenAndCheckout"
	WorkCheckin     = "CHECKIN"
	WorkCheckout    = "CHECKOUT"
	FormString      = "string"
	FormFile        = "file"
)
