package openapi

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// What went wrong where no code of the marketplace says it. Look with errors.Is.
var (
	// ErrArgument: refused before anything was sent; a *wire.Problem says which member.
	ErrArgument = errors.New("argument")
	// ErrNotSent: no connection was made, to neither host. Nothing was done.
	ErrNotSent = errors.New("the marketplace cannot be reached")
	// ErrCertificate: a host's certificate did not hold. Nothing was sent, and no other host was asked.
	ErrCertificate = errors.New("certificate of the marketplace's host")
	// ErrLost: sent, and no answer came. It may have been done.
	ErrLost = errors.New("no answer came")
	// ErrAnswer: an answer came that is none of the interface's. It may have been done.
	ErrAnswer = errors.New("unusable answer")
	// ErrRedirect: the host sends elsewhere, which is not followed: keys are for the configured hosts.
	ErrRedirect = errors.New("redirected")
)

// Error is how every failed call ends.
type Error struct {
	Call      string    // "order query", …
	Code      string    // as the marketplace sent it; "" without an answer of its own
	HTTP      int       // status; 0 without an answer
	Message   string    // the marketplace's, at most 1024 characters, without control characters
	Extra     string    // extra_info, which some failures have; cleaned as Message is
	RequestID string    // of the gateway, for a question to the marketplace
	Step      wire.Step // what to do next
	Maybe     bool      // an attempt was sent whose outcome is not known
	Body      []byte    // the answer as it came, for codes of single records; may hold a buyer's data

	cause error
}

// Error names call, code and cause in English.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Call + ":")
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.HTTP != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.HTTP)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, " %q", e.Message)
	}
	if e.Extra != "" {
		fmt.Fprintf(&b, " (%s)", e.Extra)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " request %s", e.RequestID)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, " %v", e.cause)
	}
	if e.Maybe {
		b.WriteString("; it may have been done")
	}
	return b.String()
}

// Unwrap returns the cause where it is one of ours: a sentinel above, or the context's end.
func (e *Error) Unwrap() error { return e.cause }

// Again tells whether the same call may succeed later without anybody changing something. The client
// has repeated what may be repeated; whoever sees Maybe asks first whether it was done.
func (e *Error) Again() bool { return e.Step == wire.StepLater || e.Step == wire.StepAsk }

// Explain says cause and next step in Chinese for "zh", else in English.
func (e *Error) Explain(language string) string {
	row, known := wire.LookUp(group(e.Call), e.Code, e.HTTP)
	if language == "zh" {
		cause := row.CauseZh
		if !known {
			cause = "云商店未返回已知的错误码"
		}
		return cause + "。" + stepsZh[e.Step]
	}
	cause := row.Cause
	if !known {
		cause = "no known code came from the marketplace"
	}
	return strings.ToUpper(cause[:1]) + cause[1:] + ". " + steps[e.Step]
}

var steps = map[wire.Step]string{
	wire.StepNone:    "",
	wire.StepFix:     "Correct the request; sent again as it is, it fails again.",
	wire.StepKeys:    "Check access key, secret, the server's clock, and what the key may do.",
	wire.StepForeign: "Check the id: it is not there, or not yours.",
	wire.StepState:   "Read its present state, or wait for the buyer; do not repeat the call.",
	wire.StepLater:   "Send it again later; nothing was done.",
	wire.StepAsk:     "Find out whether it was done before it is sent again.",
}

var stepsZh = map[wire.Step]string{
	wire.StepNone:    "",
	wire.StepFix:     "请修改请求；原样重发仍会失败。",
	wire.StepKeys:    "请检查AK/SK、服务器时间及该密钥的权限。",
	wire.StepForeign: "请检查标识：不存在或不属于您。",
	wire.StepState:   "请查询其当前状态或等待用户操作；不要重复调用。",
	wire.StepLater:   "请稍后重试；本次未执行。",
	wire.StepAsk:     "重发之前请先确认是否已执行。",
}

// clean makes a foreign text fit for a log's line and a terminal: no control characters (C1 has some of their own), no line
// or paragraph ends, nothing that turns the direction of writing.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > maxMessage {
		return string(r[:maxMessage-1]) + "…"
	}
	return s
}

const maxMessage = 1024
