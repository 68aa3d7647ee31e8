package cloudhttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Refusal is an answer of the cloud that is not 2xx. It unwraps to the
// *api.Error that the application gets; Cloud is for code that must tell the
// cloud's own codes apart (chunks_missing and content_damaged share one).
type Refusal struct {
	Status     int
	Cloud      cloudapi.Error
	RetryAfter time.Duration // 0 when the cloud named none
	API        *api.Error
}

// Error is the line for a log.
func (r *Refusal) Error() string { return r.API.Error() }

// Unwrap makes errors.As find the *api.Error.
func (r *Refusal) Unwrap() error { return r.API }

// CloudCode is the cloud's own code in err, or empty.
func CloudCode(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Cloud.Code
	}
	return ""
}

// Away says whether err means that the cloud cannot be used now, so that work is
// queued or answered from a cache: no connection, no trust, no answer of the
// cloud, or no room in it. It is never true for another refusal of the cloud's own.
func Away(err error) bool {
	switch api.CodeOf(err) {
	case api.CloudUnreachable, api.CloudUntrusted, api.CloudAnswer, api.CloudNotSet, api.CloudFull:
		return true
	}
	return false
}

// AwayOrBusy is Away for work that is queued rather than refused: a cloud that has
// too much to do takes it later, too.
func AwayOrBusy(err error) bool { return Away(err) || api.CodeOf(err) == api.Busy }

// codeOf maps the cloud's codes; a test holds that none is missing.
func codeOf(cloud string, status int) api.Code {
	switch cloud {
	case cloudapi.ErrInvalid:
		return api.InvalidArgument
	case cloudapi.ErrTooLarge:
		return api.TooLarge
	case cloudapi.ErrUnauthenticated:
		return api.SessionExpired
	case cloudapi.ErrWrongCredentials:
		return api.WrongCredentials
	case cloudapi.ErrForbidden, cloudapi.ErrSetupDone:
		return api.Forbidden
	case cloudapi.ErrNotFound:
		return api.NotFound
	case cloudapi.ErrNameExists:
		return api.NameExists
	case cloudapi.ErrNameInvalid:
		return api.NameInvalid
	case cloudapi.ErrHeldByOther:
		return api.HeldByOther
	case cloudapi.ErrCheckoutLost:
		return api.CheckoutLost
	case cloudapi.ErrNotCheckedOut:
		return api.NotCheckedOut
	case cloudapi.ErrConflict:
		return api.Conflict
	case cloudapi.ErrChunksMissing, cloudapi.ErrContentDamaged:
		return api.ContentDamaged
	case cloudapi.ErrProductUnknown:
		return api.ProductUnknown
	case cloudapi.ErrLicenseNone:
		return api.LicenseNone
	case cloudapi.ErrLicenseRefused:
		return api.LicenseRefused
	case cloudapi.ErrRateLimited:
		return api.Busy
	case cloudapi.ErrStorageFull:
		return api.CloudFull
	case cloudapi.ErrInternal: // the cloud's trouble: queued work waits for its end
		return api.CloudAnswer
	}
	switch { // a newer cloud's code
	case status == http.StatusUnauthorized:
		return api.SessionExpired
	case status == http.StatusForbidden:
		return api.Forbidden
	case status == http.StatusTooManyRequests:
		return api.Busy
	case status >= 400 && status < 500:
		return api.InvalidArgument
	}
	return api.CloudAnswer
}

// genuine refuses what did not come from the cloud: a proxy's log-in page,
// another server, a gateway in front of a cloud that is down.
func (c *Client) genuine(resp *http.Response) error {
	if resp.Header.Get(cloudapi.HeaderAPI) == "1" {
		return nil
	}
	where := ""
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil && u.Host != "" {
		where = ", sends on to " + u.Host
	}
	e := refuse(api.CloudAnswer, "%s answered %d (%.80s%s) and is not the cloud: header %s is missing or not 1",
		c.base.Host, resp.StatusCode, resp.Header.Get("Content-Type"), where, cloudapi.HeaderAPI)
	return &Refusal{Status: resp.StatusCode, RetryAfter: retryAfter(resp), API: e}
}

// refusal reads an answer that is not 2xx.
func refusal(resp *http.Response) error {
	r := &Refusal{Status: resp.StatusCode, RetryAfter: retryAfter(resp)}
	var body cloudapi.ErrorBody
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(b, &body)
	}
	if err != nil || body.Error.Code == "" {
		r.API = refuse(api.CloudAnswer, "the cloud answered %d without a reason", resp.StatusCode)
		return r
	}
	r.Cloud = body.Error
	detail := body.Error.Code + ": " + body.Error.Message
	for _, k := range slices.Sorted(maps.Keys(body.Error.Params)) {
		detail += fmt.Sprintf(" %s=%s", k, body.Error.Params[k])
	}
	if len(detail) > api.MaxText {
		detail = strings.ToValidUTF8(detail[:api.MaxText], "")
	}
	r.API = &api.Error{Code: codeOf(body.Error.Code, resp.StatusCode), Detail: detail}
	return r
}

// retryAfter reads the header in its form of seconds, the only one the cloud sends.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// lost names what stopped an exchange before its end.
func lost(caller, attempt context.Context, err error) error {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		refused *api.Error
	)
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the address without query; what remains names no token
	}
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(caller.Err(), context.Canceled):
		return fmt.Errorf("%w: %w", refuse(api.Cancelled, "call given up: %v", context.Cause(caller)), context.Canceled)
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return refuse(api.CloudUntrusted, "%v", err)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return refuse(api.CloudAnswer, "the server does not speak TLS: %v", err)
	case errors.Is(context.Cause(attempt), errStalled):
		return fmt.Errorf("%w: %w", refuse(api.CloudUnreachable, "%v", errStalled), errStalled)
	}
	return refuse(api.CloudUnreachable, "%v", err)
}
