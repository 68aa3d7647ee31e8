package api

import (
	"encoding/json"
	"time"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// mayBeZero are members whose zero is what a sample has to show.
var mayBeZero = map[string]bool{
	"Answer.Error": true, "AuthStatus.Reason": true, "LicenseState.Code": true, "Checkin.Object": true, "Listing.Next": true,
	"LicenseVerify.OK": true, "OperationState.Event": true, "OperationState.Waits": true,
}

var (
	sampleAuth = AuthStatus{
		SignedIn: true, Account: "mei@example.com", Name: "Mei", Organisation: "Example Works",
		Cloud: "https://cloud.example.com", Expires: day.AddDate(0, 0, 30),
	}
	sampleLicense = LicenseState{
		State: StateValid, Until: day.AddDate(0, 1, 0), Checked: day, Offline: true, Source: SourceImport,
		Reason: "The licence is valid.", Hint: "Nothing is to be done.",
	}
	sampleHolder = Holder{Account: "li@example.com", Name: "Li", Machine: "ws-7", Since: day, Until: day.AddDate(0, 0, 7), Mine: true}
	sampleEntry  = Entry{
		ID: "o1", Kind: "file", Name: "支架.dxf", Size: 48213, Version: 3, Modified: day, By: "mei@example.com", Holder: &sampleHolder,
	}
	sampleEvent = Event{
		Epoch: "e7f1", ID: 12, Time: day, Type: EventSaveResult, Operation: 104,
		Envelope: Envelope{Operate: OperateSaveResult, Params: map[string]string{"status": "success"}, ComeBack: json.RawMessage(`{"tag":"a"}`)},
	}
	sampleWaits = Event{
		Epoch: "e7f1", ID: 13, Time: day, Type: EventSaveResult, Operation: 105,
		Envelope: Envelope{Operate: OperateSaveResult, Params: map[string]string{"status": "failed", "code": "-32", "queued": "true"}, ComeBack: json.RawMessage(`{}`)},
	}
	sampleVersion   = Version{Number: 3, Size: 48213, Created: day, By: "mei@example.com", Machine: "ws-3"}
	sampleSpace     = Space{ID: "s1", Name: "Pumps", Role: "editor"}
	samplePart      = FingerprintPart{Name: "mac", Values: []string{"04:7C:16:5E:E3:5D"}, Absent: "1 virtual adapter was left out"}
	sampleCheck     = Check{Name: "disk", Result: "failed", Tried: "free space of /var/lib/iscdesk", Found: "0 bytes", Do: "free some space", Code: DiskFull}
	sampleError     = Error{Code: NotSignedIn, Message: "Nobody is signed in.", Hint: "Sign in.", Detail: "uid 1000"}
	sampleOperation = OperationState{Operation: 104, Method: MethodSave, State: OpDone, Started: day, Event: &sampleEvent}
)

// samples has one value of every message, no member left out, because a member
// that is not shown is not pinned.
var samples = map[string]any{
	"Request": Request{JSONRPC: "2.0", ID: 7, Method: MethodSave, Params: json.RawMessage(`{"path":"/home/mei/a.dxf"}`)},
	"Answer":  Answer{JSONRPC: "2.0", ID: 7, Result: json.RawMessage(`{"operation":104}`)},
	"Notice":  Notice{JSONRPC: "2.0", Method: "event", Params: json.RawMessage(`{"id":12}`)},
	"Error":   sampleError,

	"None": None{},
	"Hello": Hello{
		Protocol: 1, MinProtocol: 1, Build: "1.0.0", Capabilities: []string{"later"}, Product: "minicad",
		AppVersion: "12.3", Language: "zh-CN", Session: "secret",
	},
	"HelloResult": HelloResult{
		Protocol: 1, Build: "1.0.0", Capabilities: []string{"later"}, Session: "secret", Resumed: true, Epoch: "e7f1",
		Heartbeat: 30, User: "uid:1000", System: true, License: sampleLicense,
	},
	"Subscribe":       Subscribe{Epoch: "e7f1", Since: 11},
	"SubscribeResult": SubscribeResult{Epoch: "e7f1", Next: 12},

	"AuthStatus": sampleAuth,
	"AuthLogin":  AuthLogin{Account: "mei@example.com", Password: "correct horse"},
	"Started":    Started{Operation: 104, URL: "http://127.0.0.1:40123/#token"},

	"Fingerprint": Fingerprint{
		Fingerprint: "04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672", Parts: []FingerprintPart{samplePart}, System: true,
	},
	"FingerprintPart": samplePart,
	"LicenseState":    sampleLicense,
	"LicenseRequest":  LicenseRequest{Form: FormFile, FileName: "license.lic", DevInfo: "A|B||C", ComeBack: `{"tag":"a"}`},
	"LicenseVerify":   LicenseVerify{OK: false, Error: "signature does not match"},
	"LicenseImport":   LicenseImport{Part: []byte("eyJhbGciOi"), Offset: 65536, Size: 65546},
	"LicenseImported": LicenseImported{More: true, Product: "minicad", Form: FormFile, From: day, Until: day.AddDate(1, 0, 0), Kept: KeptNewer, Bound: true},

	"Space":     sampleSpace,
	"Spaces":    Spaces{Spaces: []Space{sampleSpace}},
	"List":      List{Space: "s1", Folder: "f1", After: "o1"},
	"Entry":     sampleEntry,
	"Holder":    sampleHolder,
	"Listing":   Listing{Path: []Entry{{ID: "f1", Kind: "folder", Name: "Housings"}}, Entries: []Entry{sampleEntry}, Next: "o1"},
	"ObjectRef": ObjectRef{Object: "o1", Version: 2},
	"Version":   sampleVersion,
	"Versions":  Versions{Versions: []Version{sampleVersion}},
	"Open":      Open{Object: "o1", Version: 2, Checkout: true, ComeBack: `{"tag":"a"}`},
	"AuthPage":  AuthPage{ComeBack: `{"tag":"a"}`},
	"Pick":      Pick{ComeBack: `{"tag":"a"}`},
	"Save":      Save{Path: "/home/mei/ISCDesk/Pumps/pump", Assembly: true, ComeBack: `{"tag":"a"}`},
	"SaveTo": SaveTo{
		Path: "/home/mei/pump", Assembly: true, Space: "s1", Folder: "f1", Name: "pump-2", ComeBack: `{"tag":"a"}`,
	},
	"Checkin": Checkin{Path: "/home/mei/ISCDesk/Pumps/a.dxf"},

	"OperationRef":   OperationRef{Operation: 104},
	"OperationState": sampleOperation,
	"Operations": Operations{Operations: []OperationState{sampleOperation,
		{Operation: 105, Method: MethodSaveTo, State: OpQueued, Started: day, Waits: &sampleWaits}}},

	"Status": Status{
		Build: "1.0.0", Protocol: 1, System: true, Started: day, Endpoint: "/run/iscdesk/agent.sock",
		Cloud: "https://cloud.example.com", Reachable: true, Device: "d1", Auth: sampleAuth, Queued: 2,
	},
	"Check":  sampleCheck,
	"Doctor": Doctor{Checks: []Check{sampleCheck}},

	"Event":    sampleEvent,
	"Envelope": sampleEvent.Envelope,
	"Gap":      Gap{Epoch: "e7f1", From: 12, Next: 40},
}

func sample(operate string, operation Operation, params ...string) Event {
	m := map[string]string{}
	for i := 0; i+1 < len(params); i += 2 {
		m[params[i]] = params[i+1]
	}
	return Event{Operation: operation, Envelope: Envelope{Operate: operate, Params: m}}
}

// eventSamples has one event of each type, with every documented param.
var eventSamples = map[string]Event{
	EventLicenseVerify: sample(OperateLicenseVerify, 101, "Status", "success", "LicenseType", "string",
		"LicenseContent", "0078369f54-a3ce-4dc7-8a62-904555416f9000", "state", "valid", "until", "2026-04-02T09:00:00Z", "offline", "false"),
	EventOpenResult: sample(OperateOpenFile, 102, "mainFile", "/home/mei/ISCDesk/Pumps/支架.dxf", "openType", "OpenAndCheckout",
		"workState", "CHECKOUT", "assembly", "false", "status", "success", "object", "o1", "version", "3"),
	EventSaveResult: sample(OperateSaveResult, 103, "status", "failed", "code", "-40", "reason", "The cloud cannot be reached.",
		"hint", "Check the network.", "queued", "true", "object", "o1", "path", "/home/mei/ISCDesk/Pumps/支架.dxf"),
	EventUploadStart:    sample(OperateUploadStart, 103, "path", "/home/mei/ISCDesk/Pumps/支架.dxf", "object", "o1"),
	EventUploadProgress: sample(OperateUploadProgress, 103, "path", "/home/mei/ISCDesk/Pumps/支架.dxf", "done", "1048576", "total", "4194304"),
	EventUploadEnd:      sample(OperateUploadEnd, 103, "path", "/home/mei/ISCDesk/Pumps/支架.dxf", "status", "success"),
	EventOpenProgress:   sample(OperateOpenProgress, 102, "done", "1048576", "total", "4194304"),
	EventOpenCancelled:  sample(OperateOpenCancelled, 102, "by", "user", "code", "-4", "reason", "The operation was cancelled.", "hint", "Start it again."),
	EventHeartbeat:      sample(OperateHeartbeat, 0, "period", "30", "cloud", "reachable"),
	EventDeskClosed:     sample(OperateDeskClosed, 0, "reason", "stopping", "hint", "Wait until the agent runs again."),
	EventLicenseState: sample(OperateLicenseState, 0, "state", "grace", "code", "0", "until", "2026-03-09T09:00:00Z",
		"checked", "2026-03-01T09:00:00Z", "offline", "true", "reason", "The cloud cannot be reached.", "hint", "Connect within 7 days."),
	EventPage:   sample(OperatePage, 102, "url", "http://127.0.0.1:40123/#token", "purpose", "pick"),
	EventSignIn: sample(OperateSignIn, 100, "status", "success", "account", "mei@example.com"),
	EventGap:    sample(OperateGap, 0, "from", "12", "next", "40"),
	EventLicensePending: sample(OperateLicensePending, 101, "waitsFor", WaitsPublisher, "event", "87b94795-0603-4e24-8ae5-69420d60e3c8", "until", "2026-03-02T11:15:00Z",
		"reason", "The software's publisher is making the licence.", "hint", "Leave this open."),
}

// eventVariants are the other forms of an event, by type and form: what a reader
// of its payload has to be ready for.
var eventVariants = map[string]Event{
	EventLicenseVerify + "-file": sample(OperateLicenseVerify, 101, "Status", "success", "LicenseType", "file",
		"LicenseFilePath", "/home/mei/.local/share/iscdesk/licenses/minicad/license.lic", "state", "grace", "until", "2026-03-09T09:00:00Z", "offline", "true"),
	EventLicenseVerify + "-failed": sample(OperateLicenseVerify, 101, "Status", "failed", "LicenseType", "string", "state", "none", "offline", "false",
		"code", "-50", "reason", "No licence of this product is assigned to your account.", "hint", "Ask your organisation's administrator.", "detail", "license_none"),
	EventLicenseVerify + "-refused": sample(OperateLicenseVerify, 101, "Status", "failed", "LicenseType", "string", "state", "refused", "offline", "false",
		"code", "-52", "refusal", RefusedQuota, "reason", "All licences that were bought for this term are in use.", "hint", "Ask your organisation's administrator.", "detail", "license_refused"),
	EventLicenseVerify + "-import": sample(OperateLicenseVerify, 101, "Status", "success", "LicenseType", "string",
		"LicenseContent", "0078369f54-a3ce-4dc7-8a62-904555416f9000", "state", "valid", "until", "2027-03-02T09:00:00Z", "offline", "true", "source", SourceImport),
	EventLicenseVerify + "-marketplace": sample(OperateLicenseVerify, 101, "Status", "success", "LicenseType", "string",
		"LicenseContent", "0078369f54-a3ce-4dc7-8a62-904555416f9000", "state", "valid", "until", "2026-04-02T09:00:00Z", "offline", "false",
		"event", "87b94795-0603-4e24-8ae5-69420d60e3c8", "fingerprintForm", "digest"),
	EventLicensePending + "-cloud": sample(OperateLicensePending, 101, "waitsFor", WaitsCloud, "event", "87b94795-0603-4e24-8ae5-69420d60e3c8", "until", "2026-03-02T11:15:00Z",
		"code", "-40", "reason", "The ISCDesk cloud cannot be reached from this computer.", "hint", "Check the network."),
	EventOpenResult + "-assembly": sample(OperateOpenFile, 102, "mainFile", "/home/mei/ISCDesk/Pumps/pump", "openType", "OpenOnly",
		"workState", "CHECKIN", "assembly", "true", "status", "success", "object", "o2", "version", "12",
		"conflictCopy", "/home/mei/ISCDesk/Pumps/pump (conflict)", "keptLocal", "true"),
	EventOpenResult + "-failed": sample(OperateOpenFile, 102, "mainFile", "", "object", "o1", "status", "failed",
		"code", "-61", "reason", "Someone else has this file checked out.", "hint", "Open it for reading.", "detail", "held by li"),
	EventSaveResult + "-success": sample(OperateSaveResult, 103, "status", "success", "object", "o1", "version", "4",
		"path", "/home/mei/ISCDesk/Pumps/支架.dxf", "sent", "1048576", "skipped", "支架.dxf.lck"),
	EventSaveResult + "-refused": sample(OperateSaveResult, 103, "status", "failed", "object", "o1", "path", "/home/mei/ISCDesk/Pumps/支架.dxf",
		"code", "-62", "reason", "The file was opened without a check-out.", "hint", "Save it under a new name.", "offerSaveAs", "true"),
	EventSaveResult + "-kept": sample(OperateSaveResult, 103, "status", "failed", "object", "o1", "path", "/home/mei/ISCDesk/Pumps/支架.dxf",
		"conflictCopy", "/home/mei/ISCDesk/Pumps/支架 (conflict 2026-03-02 09-00-00).dxf",
		"code", "-63", "reason", "The check-out ended or was taken over.", "hint", "Save it under a new name.", "offerSaveAs", "true"),
	EventSaveResult + "-cancelled": sample(OperateSaveResult, 103, "status", "failed", "path", "/home/mei/支架.dxf", "by", "user",
		"code", "-4", "reason", "The operation was cancelled.", "hint", "Start it again."),
	EventUploadEnd + "-failed": sample(OperateUploadEnd, 103, "path", "/home/mei/ISCDesk/Pumps/支架.dxf", "status", "failed"),
	EventSignIn + "-failed":    sample(OperateSignIn, 100, "status", "failed", "code", "-4", "reason", "The operation was cancelled.", "hint", "Start it again."),
	EventSignIn + "-signedOut": sample(OperateSignIn, 0, "status", "signedOut", "account", "mei@example.com"),
}

// printed are the payloads as the public guide prints them, by the event and form
// of ours that must carry them.
var printed = map[string]string{
	EventLicenseVerify:            `{"operate":"LicenseVerify","params":{"Status":"success","LicenseContent":"0078369f54-a3ce-4dc7-8a62-904555416f9000","LicenseType":"string"},"comeBackParams":{}}`,
	EventLicenseVerify + "-file":  `{"operate":"LicenseVerify","params":{"Status":"success","LicenseFilePath":"D:\\license.lic","LicenseType":"file"},"comeBackParams":{}}`,
	EventOpenResult + "-assembly": `{"operate":"OpenFile","params":{"mainFile":"路径\\xxx3.txt","openType":"OpenOnly","workState":"CHECKIN","assembly":"false"},"comeBackParams":{}}`,
	EventSaveResult + "-success":  `{"operate":"SaveResult","params":{"status":"success"},"comeBackParams":{}}`,
}
