package openapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Codes of the interfaces of authorization codes (marketplace: error codes of authorization codes).
const (
	codeOK           = "92020000"
	codeBroken       = "92020001"
	codeInvalid      = "92020002"
	codeState        = "92020003"
	codeNotCollected = "92020004"
	codeUnknown      = "92020005"
	codeNotActivated = "92020011"
	codeBatchInvalid = "92020020"
	codeBadParameter = "95000001"
	codeBadMethod    = "95000002"
	codeBadType      = "95000003"
	codeNotReadable  = "95000004"
)

// Codes are the rules of authorization codes; *market.Codes has them.
type Codes interface {
	Activate(ctx context.Context, merchant string, codes []string, effect, now time.Time) error
	Query(ctx context.Context, merchant string, codes []string, now time.Time) ([]meta.Code, error)
}

// codeHandlers answer the interfaces of authorization codes.
type codeHandlers struct {
	rules Codes
	store meta.Codes
}

// HandleCodes adds activation and query of authorization codes, and how many use the software. Call it before
// the API serves.
func (a *API) HandleCodes(rules Codes) {
	h := codeHandlers{rules: rules, store: a.c.Store}
	for path, serve := range map[string]func(*Call) error{
		wire.PathActivateV1:  h.activate,
		wire.PathActivateV2:  h.activateBatch,
		wire.PathHeartbeatV1: h.heartbeat,
		wire.PathHeartbeatV2: h.heartbeatBatch,
		wire.PathSoftwareUse: h.softwareUse,
	} {
		a.Handle(path, Route{Serve: serve, Broken: func(c *Call) { answerCode(c, codeBroken) }})
	}
}

// answerCode answers a code with its printed message and status.
func answerCode(c *Call, code string) {
	status, head := headOf(wire.GroupCode, code)
	switch {
	case c.on.OldCodeStatuses && code == codeBroken:
		status = http.StatusInternalServerError
	case c.on.OldCodeStatuses && code == codeInvalid:
		status = http.StatusBadRequest
	}
	c.JSON(status, head)
}

// headOf is the printed row of a code as an answer.
func headOf(group, code string) (int, wire.APIAnswer) {
	row, _ := wire.LookUp(group, code, 0) // ours are all in the table, which a test holds
	status := row.HTTP
	if status == 0 {
		status = http.StatusOK
	}
	return status, wire.APIAnswer{ErrorCode: code, ErrorMsg: row.Message}
}

// decodeCode reads a request of these interfaces; false: it is answered.
func decodeCode(c *Call, into wire.Checked) bool {
	if c.R.Method != http.MethodPost {
		answerCode(c, codeBadMethod)
		return false
	}
	if t, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil || t != "application/json" {
		answerCode(c, codeBadType)
		return false
	}
	err := wire.DecodeAPI(c.Body, into)
	if err == nil {
		return true
	}
	var p *wire.Problem
	code := codeNotReadable
	if errors.As(err, &p) && p.Field != "" {
		code = codeBadParameter
	}
	status, head := headOf(wire.GroupCode, code)
	head.ErrorMsg += ": " + err.Error() // which member: the reader of the log has to mend it
	c.JSON(status, head)
	return false
}

func (h codeHandlers) activate(c *Call) error {
	var in wire.Activate
	if !decodeCode(c, &in) {
		return nil
	}
	code, err := h.activateAll(c, []string{in.License}, in.RealEffectTime, codeUnknown)
	if err != nil || code != codeOK {
		answerUnless(c, code, err)
		return err
	}
	got, err := h.store.Code(c.R.Context(), in.License)
	if err != nil {
		return err
	}
	info, err := json.Marshal(wire.ActivatedCode{Status: wire.CodeAlive, ExpireTime: timeOrNone(got.Expire), ProductID: got.ProductID,
		Amount: got.Amount, OrderID: got.Order})
	if err != nil {
		return fmt.Errorf("encode activated code: %w", err)
	}
	status, head := headOf(wire.GroupCode, codeOK)
	c.JSON(status, wire.ActivateAnswer{APIAnswer: head, Data: &wire.ActivateData{LicenseCodeInfo: string(info)}})
	return nil
}

func (h codeHandlers) activateBatch(c *Call) error {
	var in wire.ActivateBatch
	if !decodeCode(c, &in) {
		return nil
	}
	code, err := h.activateAll(c, in.LicenseList, in.RealEffectTime, codeBatchInvalid)
	answerUnless(c, code, err)
	return err
}

func answerUnless(c *Call, code string, err error) {
	if err == nil {
		answerCode(c, code)
	}
}

// activateAll activates codes, all or none, and returns the code to answer with. unknown is the answer to a code
// that is not the merchant's.
func (h codeHandlers) activateAll(c *Call, codes []string, effectTime, unknown string) (string, error) {
	var effect time.Time
	if effectTime != "" {
		var err error
		if effect, err = wire.ParseTime(effectTime); err != nil {
			return codeInvalid, nil // its form was looked at with the table
		}
	}
	err := h.rules.Activate(c.R.Context(), c.Merchant, codes, effect, c.Now)
	switch meta.CodeOf(err) {
	case cloudapi.ErrNotFound:
		return unknown, nil
	case cloudapi.ErrInvalid:
		return codeInvalid, nil
	case cloudapi.ErrConflict:
		return stateAnswer(err), nil
	}
	return codeOK, err
}

// stateAnswer tells a code that nobody has collected from one in another wrong state.
func stateAnswer(err error) string {
	var no *meta.Refusal
	if errors.As(err, &no) && (no.Params["state"] == meta.CodeMade || no.Params["state"] == meta.CodeDelivered) {
		return codeNotCollected
	}
	return codeState
}

func timeOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return wire.FormatTime(t)
}
