package cloudapi

// Error is the body of every answer that is not 2xx: {"error":{…}}.
type Error struct {
	Code    string            `json:"code"`    // one of the Err… constants
	Message string            `json:"message"` // English, one sentence, for logs
	Params  map[string]string `json:"params,omitempty"`
}

// ErrorBody wraps Error as it stands in an answer.
type ErrorBody struct {
	Error Error `json:"error"`
}

// Error codes. The agent maps each to one api.Code.
const (
	ErrInvalid          = "invalid_argument"  // 400
	ErrTooLarge         = "too_large"         // 413
	ErrUnauthenticated  = "unauthenticated"   // 401: no token, unknown or expired token
	ErrWrongCredentials = "wrong_credentials" // 401
	ErrForbidden        = "forbidden"         // 403
	ErrNotFound         = "not_found"         // 404
	ErrNameExists       = "name_exists"       // 409
	ErrNameInvalid      = "name_invalid"      // 400
	ErrHeldByOther      = "held_by_other"     // 409, params holder, machine, since, until
	ErrCheckoutLost     = "checkout_lost"     // 409: fence is stale, lease ended or was taken over
	ErrNotCheckedOut    = "not_checked_out"   // 409: commit without a fence
	ErrConflict         = "conflict"          // 409: base version is not the newest
	ErrChunksMissing    = "chunks_missing"    // 409: commit names chunks that are not stored
	ErrContentDamaged   = "content_damaged"   // 422: bytes do not have their checksum
	ErrProductUnknown   = "product_unknown"   // 404
	ErrLicenseNone      = "license_none"      // 403: no instance assigned to this account
	ErrLicenseRefused   = "license_refused"   // 403: instance frozen, expired, device limit; params reason
	ErrRateLimited      = "rate_limited"      // 429, Retry-After
	ErrSetupDone        = "setup_done"        // 409: the first administrator exists
	ErrStorageFull      = "storage_full"      // 507
	ErrInternal         = "internal"          // 500
)
