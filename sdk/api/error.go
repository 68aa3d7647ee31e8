package api

import (
	"errors"
	"fmt"
)

// Error is the refusal as one line: sentence, next step, number.
func (e *Error) Error() string {
	msg := e.Message
	if msg == "" {
		msg = e.Detail
	}
	if msg == "" {
		return fmt.Sprintf("iscdesk code %d", e.Code)
	}
	return fmt.Sprintf("%s (code %d)", msg, e.Code)
}

// CodeOf finds the code of err: OK for nil, Internal when err carries none.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	var e *Error
	if errors.As(err, &e) && e != nil { // a nil *Error in an error is a defect, and not worth a crash
		return e.Code
	}
	return Internal
}
