package openapi

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Deliverer takes a licence that a merchant brings; market.Licenses is one.
type Deliverer interface {
	// Deliver refuses as meta.Applications.Deliver does, and with invalid_argument what cannot be handed over.
	Deliver(ctx context.Context, u meta.Upload) error
}

// HandleUploads adds the upload of licences (marketplace: string/file upload). Call it before the API serves.
func (a *API) HandleUploads(to Deliverer) {
	a.Handle("POST "+wire.PathUpload, Route{Max: MaxBody, Broken: uploadBroken, Serve: func(c *Call) error { return serveUpload(c, to) }})
}

// uploadAnswer is an answer in the printed form; extra_info says more, as the order query's does.
type uploadAnswer struct {
	ErrorCode string `json:"error_code"`
	ErrorMsg  string `json:"error_msg"`
	ExtraInfo string `json:"extra_info,omitempty"`
}

func uploadBroken(c *Call) {
	answerUpload(c, "CBC.0999", "")
}

// answerUpload answers with a row of the printed table: its HTTP status and its words.
func answerUpload(c *Call, code, extra string) {
	status, message := http.StatusInternalServerError, "internal error"
	if row, ok := wire.LookUp(wire.GroupUpload, code, 0); ok {
		status, message = row.HTTP, row.Message
	}
	c.JSON(status, uploadAnswer{ErrorCode: code, ErrorMsg: message, ExtraInfo: extra})
}

func serveUpload(c *Call, to Deliverer) error {
	event := c.R.PathValue("event_id")
	if utf8.RuneCountInString(event) > 64 || !utf8.ValidString(event) {
		answerUpload(c, "CBC.0101", "event_id: more than 64 characters")
		return nil
	}
	u, err := parseUpload(c.on, c.R.Header.Get("Content-Type"), c.Body)
	if err != nil {
		answerUpload(c, "CBC.0101", err.Error())
		return nil
	}
	u.Event, u.Merchant = event, c.Merchant
	err = to.Deliver(c.R.Context(), u)
	var no *meta.Refusal
	switch {
	case err == nil:
		answerUpload(c, "CBC.0000", "")
		return nil
	case !errors.As(err, &no):
		return err
	}
	code, ok := uploadCode(no)
	if !ok {
		return err
	}
	extra := no.Message
	if code == codeNoApplication && no.Params["reason"] != meta.UploadOther {
		// An event of another merchant looks like one that does not exist: nobody learns of events by asking.
		extra = "the access key's merchant has no such application"
	}
	answerUpload(c, code, extra)
	return nil
}

// codeNoApplication is the printed "license apply invalid".
const codeNoApplication = "91381034"

// uploadCode is the printed code of a refused upload. Only that 91381034 stands for other bytes is
// the project's own reading; the page prints a meaning for the others.
func uploadCode(no *meta.Refusal) (string, bool) {
	switch no.Code {
	case cloudapi.ErrNotFound:
		return codeNoApplication, true
	case cloudapi.ErrInvalid:
		return "91381037", true // Invalid license format.
	case cloudapi.ErrConflict:
		switch no.Params["reason"] {
		case meta.UploadForeign, meta.UploadOther:
			return codeNoApplication, true
		case meta.UploadRefused:
			return "91381038", true // License apply has been denied.
		case meta.UploadQuota:
			return "91381035", true // license period has no remain amount
		case meta.UploadEnded:
			return "91381033", true // License resource invalid
		}
	}
	return "", false
}
