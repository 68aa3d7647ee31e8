package openapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Activate activates one authorization code (marketplace: activate authorization code, version 1).
// Activating twice is an error there, so a lost answer is not followed by the same call: the heartbeat is
// asked whether the code is active. When it is, what the heartbeat says is the answer; when it is not,
// activation is sent once more. An error with Maybe means that neither could be found out.
func (c *Client) Activate(ctx context.Context, a wire.Activate) (wire.ActivatedCode, error) {
	if err := a.Check(); err != nil {
		return wire.ActivatedCode{}, refuse(callActivate, err)
	}
	code, failed := c.activate(ctx, a)
	if failed == nil {
		return code, nil
	}
	if !failed.Maybe {
		return code, failed
	}
	code, active, never := c.active(ctx, a.License)
	if active {
		return code, nil
	}
	if !never {
		return code, failed
	}
	code, second := c.activate(ctx, a)
	if second == nil {
		return code, nil
	}
	if second.Maybe || second.Code == codeIllegalState { // then the first one came late
		if code, active, _ = c.active(ctx, a.License); active {
			return code, nil
		}
	}
	second.Maybe = true
	return code, second
}

// active asks the heartbeat: is the code active, or was it surely never activated? Neither when that
// cannot be found out.
func (c *Client) active(ctx context.Context, license string) (code wire.ActivatedCode, active, never bool) {
	info, err := c.Heartbeat(ctx, wire.Heartbeat{License: license})
	if err != nil {
		var said *Error
		return code, false, errors.As(err, &said) && said.Code == codeNotActivated
	}
	if info.Status != wire.CodeAlive {
		return code, false, false
	}
	return wire.ActivatedCode{Status: info.Status, ExpireTime: info.ExpireTime, ProductID: info.ProductID, Amount: info.Amount, OrderID: info.OrderID}, true, false
}

const (
	codeIllegalState = "92020003"
	codeNotActivated = "92020011"
)

func (c *Client) activate(ctx context.Context, a wire.Activate) (wire.ActivatedCode, *Error) {
	body, failed := c.post(ctx, callActivate, a)
	if failed != nil {
		return wire.ActivatedCode{}, failed
	}
	return readActivated(body)
}

func readActivated(body []byte) (code wire.ActivatedCode, failed *Error) {
	var answer wire.ActivateAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return code, unusable(callActivate, body, "data of another form")
	}
	if answer.Data == nil || answer.Data.LicenseCodeInfo == "" {
		return code, nil // the table calls data optional: activated, and the heartbeat has the rest
	}
	if err := json.Unmarshal([]byte(answer.Data.LicenseCodeInfo), &code); err != nil {
		return wire.ActivatedCode{}, unusable(callActivate, body, "license_code_info is no JSON object")
	}
	return code, nil
}

// ActivateBatch activates up to 100 codes (version 2). It is not repeated after a lost answer: an error with
// Maybe is followed by HeartbeatBatch, or Heartbeat of each code.
func (c *Client) ActivateBatch(ctx context.Context, a wire.ActivateBatch) error {
	if err := a.Check(); err != nil {
		return refuse(callActivateV2, err)
	}
	if _, failed := c.post(ctx, callActivateV2, a); failed != nil {
		return failed
	}
	return nil
}

// Heartbeat asks how a code stands (marketplace: query authorization code, version 1), at the
// first use of each day. A code that was never activated is the *Error 92020011.
func (c *Client) Heartbeat(ctx context.Context, h wire.Heartbeat) (wire.CodeInfo, error) {
	if err := h.Check(); err != nil {
		return wire.CodeInfo{}, refuse(callHeartbeat, err)
	}
	if c.config.Readings.NeedHeartbeatInfo && h.HeartbeatInfo == nil {
		return wire.CodeInfo{}, refuse(callHeartbeat, &wire.Problem{Field: "heartbeatInfo", Why: "is missing"})
	}
	body, failed := c.post(ctx, callHeartbeat, h)
	if failed != nil {
		return wire.CodeInfo{}, failed
	}
	info, failed := readCode(body)
	if failed != nil {
		return wire.CodeInfo{}, failed
	}
	return info, nil
}

func readCode(body []byte) (wire.CodeInfo, *Error) {
	var a wire.HeartbeatAnswer
	err := json.Unmarshal(body, &a)
	// Members behind activate_time are inferred: one that has another type is left out, and the rest counts.
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && a.Data != nil && a.Data.Status != "" {
		return *a.Data, nil
	}
	if err != nil || a.Data == nil {
		return wire.CodeInfo{}, unusable(callHeartbeat, body, "no code in it")
	}
	return *a.Data, nil
}

// HeartbeatBatch asks how up to 100 codes stand (version 2, see wire.HeartbeatBatch).
func (c *Client) HeartbeatBatch(ctx context.Context, h wire.HeartbeatBatch) ([]wire.CodeInfo, error) {
	if err := h.Check(); err != nil {
		return nil, refuse(callHeartbeatV2, err)
	}
	body, failed := c.post(ctx, callHeartbeatV2, h)
	if failed != nil {
		return nil, failed
	}
	var a wire.HeartbeatBatchAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, unusable(callHeartbeatV2, body, "no list of codes in it")
	}
	return a.Data, nil
}

// SoftwareUse reports who uses software today (marketplace: software usage statistics). A report
// states marks or the day's total, so the same again changes nothing. It returns data of the answer as it came: the
// codes whose check failed, under a name that no page shows in full.
func (c *Client) SoftwareUse(ctx context.Context, s wire.SoftwareUse) (json.RawMessage, error) {
	if err := s.Check(); err != nil {
		return nil, refuse(callSoftwareUse, err)
	}
	body, failed := c.post(ctx, callSoftwareUse, s)
	if failed != nil {
		return nil, failed
	}
	var a wire.SoftwareUseAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, unusable(callSoftwareUse, body, "data of another form")
	}
	return a.Data, nil
}

func (c *Client) post(ctx context.Context, k call, v any) ([]byte, *Error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, refuse(k, err)
	}
	return c.do(ctx, k, message{target: k.path, kind: "application/json", body: body})
}
