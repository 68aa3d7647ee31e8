package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/record"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// refusal is an answer whose status is not the usual one of its code.
type refusal struct {
	status int
	body   cloudapi.Error
}

func (r *refusal) Error() string { return r.body.Message }

var errPanic = errors.New("a defect in the cloud ended the request")

// statusOf is the HTTP status of each code.
func statusOf(code string) int {
	switch code {
	case cloudapi.ErrInvalid, cloudapi.ErrNameInvalid:
		return http.StatusBadRequest
	case cloudapi.ErrUnauthenticated, cloudapi.ErrWrongCredentials:
		return http.StatusUnauthorized
	case cloudapi.ErrForbidden, cloudapi.ErrLicenseNone, cloudapi.ErrLicenseRefused:
		return http.StatusForbidden
	case cloudapi.ErrNotFound, cloudapi.ErrProductUnknown:
		return http.StatusNotFound
	case cloudapi.ErrNameExists, cloudapi.ErrHeldByOther, cloudapi.ErrCheckoutLost, cloudapi.ErrNotCheckedOut,
		cloudapi.ErrConflict, cloudapi.ErrChunksMissing, cloudapi.ErrSetupDone:
		return http.StatusConflict
	case cloudapi.ErrTooLarge:
		return http.StatusRequestEntityTooLarge
	case cloudapi.ErrContentDamaged:
		return http.StatusUnprocessableEntity
	case cloudapi.ErrRateLimited:
		return http.StatusTooManyRequests
	case cloudapi.ErrStorageFull:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// fail answers err; nil means that the handler has answered.
func (c *Call) fail(err error) {
	if err == nil {
		return
	}
	if rec, ok := c.W.(*record.Writer); ok && rec.Status != 0 {
		c.api.c.Log.Error("error after the answer began", "request", c.ID, "pattern", c.Pattern, "error", err)
		return
	}
	status, body := http.StatusInternalServerError, cloudapi.Error{}
	var special *refusal
	var no *meta.Refusal
	switch {
	case errors.As(err, &special):
		status, body = special.status, special.body
	case errors.As(err, &no):
		status, body = statusOf(no.Code), cloudapi.Error{Code: no.Code, Message: no.Message, Params: no.Params}
	case errors.Is(err, context.Canceled) && c.R.Context().Err() != nil:
		// The client went away: nobody reads this answer, and it is no defect.
		status, body = 499, cloudapi.Error{Code: cloudapi.ErrInvalid, Message: "the client closed the connection"}
	default:
		c.api.c.Log.Error("request failed", "request", c.ID, "pattern", c.Pattern, "error", err)
		body = cloudapi.Error{Code: cloudapi.ErrInternal, Message: "the cloud could not do this; its log has the reason",
			Params: map[string]string{"request": c.ID}}
	}
	if body.Code == cloudapi.ErrRateLimited {
		c.W.Header().Set("Retry-After", body.Params["seconds"])
	}
	if status == http.StatusUnauthorized {
		c.W.Header().Set("WWW-Authenticate", `Bearer realm="iscdesk"`)
	}
	if b, err := json.Marshal(cloudapi.ErrorBody{Error: body}); err == nil {
		c.W.Header().Set("Content-Type", "application/json")
		c.W.WriteHeader(status)
		_, _ = c.W.Write(append(b, '\n'))
	}
}

// systemNow is for network deadlines only; everything else takes Call.Now.
func systemNow() time.Time { return clock.System{}.Now() }
