package cloudapi

import "time"

// Product is a piece of software that the cloud licenses.
// GET /v1/products, POST /v1/products (administrators).
type Product struct {
	ID   string `json:"id"` // 1 to 64 of a-z 0-9 . - _
	Name string `json:"name"`
}

// Products answers GET /v1/products.
type Products struct {
	Products []Product `json:"products"`
}

// Instance is a licence instance of an organisation.
// GET /v1/instances, POST /v1/instances (takes NewInstance; administrators),
// PUT and DELETE /v1/instances/{id}/assignments/{account}, PUT /v1/instances/{id}/status (InstanceStatus).
type Instance struct {
	ID       string    `json:"id"`
	Product  string    `json:"product"`
	Features []string  `json:"features,omitempty"`
	Seats    int       `json:"seats"` // how many members may be assigned
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Status   string    `json:"status"` // active, frozen
	Assigned []string  `json:"assigned,omitempty"`
}

// Instances answers GET /v1/instances.
type Instances struct {
	Instances []Instance `json:"instances"`
}

// NewInstance is POST /v1/instances.
type NewInstance struct {
	Product  string    `json:"product"`
	Features []string  `json:"features,omitempty"`
	Seats    int       `json:"seats"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
}

// InstanceStatus is PUT /v1/instances/{id}/status.
type InstanceStatus struct {
	Status string `json:"status"`
}

// LicenseRequest is POST /v1/licenses, with the user's token and header
// Iscdesk-Device-Token. The same (account, device, product, form, fingerprint,
// devInfo) gets the same content again.
type LicenseRequest struct {
	Product     string `json:"product"`
	Form        string `json:"form"` // string, file
	FileName    string `json:"fileName,omitempty"`
	Fingerprint string `json:"fingerprint"` // at most 5120 bytes
	DevInfo     string `json:"devInfo,omitempty"`
	Request     string `json:"request"` // idempotency key
}

// License answers LicenseRequest.
type License struct {
	Instance string `json:"instance"`
	Form     string `json:"form"`
	FileName string `json:"fileName,omitempty"`
	Content  string `json:"content"` // the ISV's opaque text; string form at most 1024 characters
	Lease    string `json:"lease"`   // compact JWS, see package token
}

// Renew is POST /v1/leases: a fresh lease for an instance, without new content.
// Answered by Lease. Needs the user's token and the device's.
type Renew struct {
	Product string `json:"product"`
}

// Lease answers Renew.
type Lease struct {
	Lease string `json:"lease"`
}

// VerifyReport is POST /v1/licenses/reports: the application's verdict, for the audit trail.
type VerifyReport struct {
	Report  string    `json:"report"` // idempotency key
	Product string    `json:"product"`
	OK      bool      `json:"ok"`
	Error   string    `json:"error,omitempty"`
	Time    time.Time `json:"time"`
}

// Keys is GET /v1/keys: the public keys that sign leases, as a JSON Web Key Set.
// The built-in issuer's own key (its little licence format) is GET /v1/issuer/key:
// IssuerKey.
type IssuerKey struct {
	Ed25519 string `json:"ed25519"` // hex, 32 bytes
}

// AuditEntry is one row of GET /v1/audit?after=N (administrators).
type AuditEntry struct {
	ID      int64             `json:"id"`
	Time    time.Time         `json:"time"`
	Account string            `json:"account,omitempty"`
	Device  string            `json:"device,omitempty"`
	Action  string            `json:"action"` // login, login.failed, license.issued, license.verified, checkout.forced, …
	Params  map[string]string `json:"params,omitempty"`
}

// Audit answers GET /v1/audit.
type Audit struct {
	Entries []AuditEntry `json:"entries"`
}

// HeaderDevice carries a device token beside the user's bearer token.
const HeaderDevice = "Iscdesk-Device-Token"
