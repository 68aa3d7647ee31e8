package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Failure makes the params of a failed result: status, code, reason, hint, in
// language, and the detail for support where there is one.
func Failure(language string, err error) map[string]string {
	code, detail := codeOf(err)
	message, hint := api.Text(code, language)
	params := map[string]string{
		api.ParamStatus: api.StatusFailed,
		api.ParamCode:   strconv.Itoa(int(code)),
		api.ParamReason: message,
		api.ParamHint:   hint,
	}
	if detail != "" {
		params["detail"] = detail
	}
	return params
}

func codeOf(err error) (api.Code, string) {
	var refusal *api.Error
	switch {
	case errors.As(err, &refusal) && refusal == nil:
		return api.Internal, "failed without a cause"
	case refusal != nil && refusal.Code < api.OK:
		return refusal.Code, refusal.Detail
	case refusal != nil: // a worker's word: no refusal has such a code
		return api.Internal, refusal.Detail
	case errors.Is(err, context.Canceled):
		return api.Cancelled, ""
	case errors.Is(err, context.DeadlineExceeded):
		return api.Timeout, err.Error()
	case err == nil:
		return api.Internal, "failed without a cause"
	}
	return api.Internal, err.Error()
}

// checkComeBack takes an empty text or a JSON object within bounds.
func checkComeBack(text string) error {
	if len(text) > api.MaxComeBack {
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("comeBack of %d bytes, limit %d", len(text), api.MaxComeBack)}
	}
	var object map[string]json.RawMessage
	if text != "" && (json.Unmarshal([]byte(text), &object) != nil || object == nil) {
		return &api.Error{Code: api.InvalidArgument, Detail: "comeBack is not a JSON object"}
	}
	return nil
}

func encodeData(v any) (json.RawMessage, error) {
	raw, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("encode an operation's data: %w", err)
	}
	if len(raw) > maxData {
		return nil, &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("an operation's data of %d bytes, limit %d", len(raw), maxData)}
	}
	return raw, nil
}
