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
// devInfo) gets the same content again; for a product of the marketplace within the same term of its
// instance. Answered by 200 License, or for a product of the marketplace also by 202 LicensePending.
type LicenseRequest struct {
	Product     string `json:"product"`
	Form        string `json:"form"` // string, file
	FileName    string `json:"fileName,omitempty"`
	Fingerprint string `json:"fingerprint"` // at most 5120 bytes
	DevInfo     string `json:"devInfo,omitempty"`
	Request     string `json:"request"` // idempotency key
}

// Forms in which a fingerprint goes to a merchant.
const (
	FingerprintFull   = "full"   // as it is
	FingerprintDigest = "digest" // over 1024 characters: "SHA256:" and 64 upper-case hex digits of its UTF-8 bytes
	FingerprintCode   = "code"   // a hardware code of the merchant's own, typed by the buyer; never to an agent
)

// Bounds of a licence on its way to an agent.
const (
	MaxLicenseFile   = 1 << 20          // bytes of the file form
	MaxLicenseAnswer = 8 << 20          // bytes of License as JSON, whatever has to be escaped in it
	LicenseSilence   = 30 * time.Second // the cloud answers LicenseRequest within it: it waits up to 20 for the merchant
)

// EncodingBase64 is License.ContentEncoding of content that is not UTF-8 text.
const EncodingBase64 = "base64"

// License answers LicenseRequest.
type License struct {
	Instance string `json:"instance"`
	Form     string `json:"form"`
	FileName string `json:"fileName,omitempty"`
	// Content is the ISV's and opaque. String form: text of at most 1024 characters. File form: at most
	// 1 MiB of bytes, see ContentEncoding.
	Content         string `json:"content"`
	ContentEncoding string `json:"contentEncoding,omitempty"` // "" is the text itself, base64 (standard, padded) the bytes of a file
	FingerprintForm string `json:"fingerprintForm,omitempty"` // full, digest: as the merchant got it; absent from the built-in issuer
	Event           string `json:"event,omitempty"`           // of the application at the merchant
	Lease           string `json:"lease"`                     // compact JWS, see package token
}

// LicensePending answers LicenseRequest with status 202: the merchant has not brought the licence
// yet. The cloud has waited up to 20 seconds before it says so. The same request, sent again after
// RetryAfter, goes on waiting for the same application; nothing is asked of the merchant twice.
type LicensePending struct {
	Event      string `json:"event"`      // of the application at the merchant
	State      string `json:"state"`      // asking: the merchant has not answered yet; making: it is at work
	RetryAfter int    `json:"retryAfter"` // seconds; also in header Retry-After
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
