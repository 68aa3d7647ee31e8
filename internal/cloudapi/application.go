package cloudapi

import "time"

// NewApplication is POST /v1/market/applications (administrators of a buying organisation): apply for a
// licence of a resource, for a machine that need not have a desk. Answered by Application; the
// same members again give the same application.
type NewApplication struct {
	Resource     string     `json:"resource"`               // of GET /v1/market/resources; the same id as its licence instance
	Form         string     `json:"form"`                   // string, file
	Fingerprint  string     `json:"fingerprint,omitempty"`  // what the desk shows, at most 5120 bytes
	HardwareCode string     `json:"hardwareCode,omitempty"` // or a code of the merchant's own, at most 1024 characters
	From         *time.Time `json:"from,omitempty"`         // inside the resource's term; absent takes its beginning
	Until        *time.Time `json:"until,omitempty"`        // absent takes its end
}

// Application is one request for a licence that a merchant makes. GET /v1/market/applications,
// GET /v1/market/applications/{event}. Its content is GET /v1/market/applications/{event}/content, the bytes
// themselves; GET /v1/market/applications/{event}/document is the signed document for
// "iscdesk license import" (see package token, Import).
type Application struct {
	Event           string     `json:"event"`
	Resource        string     `json:"resource"`
	Product         string     `json:"product"`
	Account         string     `json:"account"`
	Device          string     `json:"device,omitempty"` // absent when it was typed
	Form            string     `json:"form"`
	Fingerprint     string     `json:"fingerprint,omitempty"`     // as the merchant got it
	FingerprintForm string     `json:"fingerprintForm,omitempty"` // full, digest, code
	From            time.Time  `json:"from"`
	Until           *time.Time `json:"until,omitempty"`    // absent for a licence without an end
	State           string     `json:"state"`              // asking, making, delivered, refused
	Reason          string     `json:"reason,omitempty"`   // of a refusal: quota, dates, expiry_missing, fingerprint_missing, isv
	Result          string     `json:"result,omitempty"`   // result code of the merchant
	Text            string     `json:"text,omitempty"`     // the merchant's words
	FileName        string     `json:"fileName,omitempty"` // of an uploaded file
	Created         time.Time  `json:"created"`
	Decided         *time.Time `json:"decided,omitempty"`
}

// Applications answers GET /v1/market/applications?resource=&state=&before=&limit=, newest first. before is the
// event of the last one that was seen; limit is 1 to 100, 50 when it is absent.
type Applications struct {
	Applications []Application `json:"applications"`
}
