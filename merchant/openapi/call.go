package openapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// again is when a call may be sent once more.
type again int

const (
	// whenever: reading, or the marketplace tells a repeat by a key of the request.
	whenever again = iota
	// unsent: only when it was surely not done: no connection was made, or the answer says so.
	unsent
)

// call is one interface. docs/merchant.md has the reasons of each again.
type call struct {
	name   string
	group  string
	method string
	path   string
	again  again
}

// The table of calls. Activation is not repeated blindly: Activate asks the heartbeat first.
var (
	callOrder       = call{"order query", wire.GroupOrder, http.MethodGet, wire.PathOrderQuery, whenever}
	callUpload      = call{"upload", wire.GroupUpload, http.MethodPost, wire.PathUpload, whenever}
	callActivate    = call{"activate", wire.GroupCode, http.MethodPost, wire.PathActivateV1, unsent}
	callActivateV2  = call{"activate v2", wire.GroupCode, http.MethodPost, wire.PathActivateV2, unsent}
	callHeartbeat   = call{"heartbeat", wire.GroupCode, http.MethodPost, wire.PathHeartbeatV1, whenever}
	callHeartbeatV2 = call{"heartbeat v2", wire.GroupCode, http.MethodPost, wire.PathHeartbeatV2, whenever}
	callSoftwareUse = call{"software usage", wire.GroupCode, http.MethodPost, wire.PathSoftwareUse, whenever}
	callUsage       = call{"usage push", wire.GroupUsage, http.MethodPost, wire.PathUsagePush, whenever}
	callUsageOld    = call{"usage push, old", wire.GroupUsage, http.MethodPost, wire.PathUsageOld, unsent}
)

func calls() []call {
	return []call{callOrder, callUpload, callActivate, callActivateV2, callHeartbeat, callHeartbeatV2, callSoftwareUse, callUsage, callUsageOld}
}

func group(name string) string {
	for _, c := range calls() {
		if c.name == name {
			return c.group
		}
	}
	return ""
}

// message is a call's content, the same in every attempt; head adds what is new in each.
type message struct {
	target  string // path and query
	kind    string // Content-Type; "" without a body
	body    []byte
	payload string // payload line; "" for the body's hash
	timeout time.Duration
	head    func(http.Header)
}

const (
	maxAnswer  = 1 << 20
	firstPause = 500 * time.Millisecond
	maxPause   = 10 * time.Second
	// longestPause is what a Retry-After may ask for.
	longestPause = 30 * time.Second
)

// do sends a call until it is answered, or may not be sent again. It returns the body of a success.
// The hosts take turns only while none answers: one that is asked too often is not escaped by the other.
func (c *Client) do(ctx context.Context, k call, m message) ([]byte, *Error) {
	if m.timeout == 0 {
		m.timeout = c.config.Timeout
	}
	maybe := false
	host, unreached := 0, 0
	for attempt := 1; ; attempt++ {
		body, after, err := c.once(ctx, c.hosts[host], k, m)
		if err == nil {
			return body, nil
		}
		maybe = maybe || err.Maybe
		err.Maybe = maybe
		if ctx.Err() != nil || !mayRepeat(k, err) {
			return nil, err
		}
		if err.HTTP == 0 || err.HTTP >= 502 && err.HTTP <= 504 {
			host = (host + 1) % len(c.hosts)
		}
		if errors.Is(err, ErrNotSent) {
			unreached++
		} else {
			unreached = 0
		}
		if unreached > 0 && unreached%len(c.hosts) != 0 {
			attempt-- // the other host's turn, at once: both are one attempt
			continue
		}
		if attempt >= c.config.Attempts {
			return nil, err
		}
		if c.pause(ctx, max(after, backOff(attempt))) != nil {
			return nil, err
		}
	}
}

// mayRepeat: what was surely not done may always be sent again, the rest only where a repeat is told.
func mayRepeat(k call, err *Error) bool {
	return err.Step == wire.StepLater || k.again == whenever && err.Step == wire.StepAsk
}

// backOff doubles with each attempt and keeps a random half of it, so that many clients do not come back at once.
func backOff(attempt int) time.Duration {
	d := maxPause
	if attempt < 6 {
		d = min(firstPause<<(attempt-1), maxPause)
	}
	return d/2 + rand.N(d/2)
}

// once sends an attempt to one host.
func (c *Client) once(ctx context.Context, host string, k call, m message) (body []byte, after time.Duration, failed *Error) {
	ctx, cancel := c.limit(ctx, m.timeout)
	defer cancel()
	var connected atomic.Bool // before this, not a byte of the request has left
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), k.method, host+m.target, bytes.NewReader(m.body))
	if err != nil {
		return nil, 0, refuse(k, err)
	}
	if err := c.sign(r, m); err != nil {
		return nil, 0, refuse(k, err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, 0, unanswered(k, err, connected.Load())
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		e := unanswered(k, err, true)
		e.HTTP = answer.StatusCode
		return nil, 0, e
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		after = min(time.Duration(min(seconds, 3600))*time.Second, longestPause)
	}
	if e := judge(k, answer.StatusCode, body); e != nil {
		return nil, after, e
	}
	return body, 0, nil
}

func (c *Client) sign(r *http.Request, m message) error {
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "iscdesk-merchant")
	names := []string{"host"}
	if m.kind != "" {
		r.Header.Set("Content-Type", m.kind)
		names = append(names, "content-type")
	}
	if m.head != nil {
		extra := http.Header{}
		m.head(extra)
		for name, values := range extra {
			r.Header[name] = values
			names = append(names, name)
		}
	}
	payload := m.payload
	if payload == "" {
		payload = sign.PayloadHash(m.body)
	}
	return sign.SignRequest(r, c.config.Keys, payload, c.config.Now(), names...)
}

// refuse is a call that was not sent because of what it says.
func refuse(k call, err error) *Error {
	return &Error{Call: k.name, Step: wire.StepFix, cause: fmt.Errorf("%w: %w", ErrArgument, err)}
}

// unanswered tells a call that never left from one whose answer was lost.
func unanswered(k call, err error, connected bool) *Error {
	var bad *tls.CertificateVerificationError
	switch {
	case errors.As(err, &bad):
		return &Error{Call: k.name, Step: wire.StepKeys, cause: fmt.Errorf("%w: %w", ErrCertificate, err)}
	case !connected:
		return &Error{Call: k.name, Step: wire.StepLater, cause: fmt.Errorf("%w: %w", ErrNotSent, err)}
	}
	return &Error{Call: k.name, Step: wire.StepAsk, Maybe: true, cause: fmt.Errorf("%w: %w", ErrLost, err)}
}

// head is what answers of all interfaces begin with: the order query's names, and all others'.
type head struct {
	ResultCode string `json:"resultCode"`
	ResultMsg  string `json:"resultMsg"`
	wire.APIAnswer
	ExtraInfo json.RawMessage `json:"extra_info"` // no page says its type
}

// judge reads an answer; nil is success. A code that is in no table is a failure.
func judge(k call, status int, body []byte) *Error {
	e := &Error{Call: k.name, HTTP: status, Step: wire.StepAsk, Maybe: true}
	switch {
	case status >= 300 && status < 400:
		e.Step, e.Maybe, e.cause = wire.StepFix, false, ErrRedirect
		return e
	case len(body) > maxAnswer:
		e.cause = fmt.Errorf("%w: over %d bytes", ErrAnswer, maxAnswer)
		return e
	}
	var h head
	if err := json.Unmarshal(body, &h); err != nil {
		e.cause = fmt.Errorf("%w: no JSON object of this interface", ErrAnswer)
		return e
	}
	e.Code, e.Message = clean(h.ErrorCode), clean(h.ErrorMsg)
	if h.ErrorCode == "" {
		e.Code, e.Message = clean(h.ResultCode), clean(h.ResultMsg)
	}
	e.RequestID, e.Body = clean(h.RequestID), body
	if json.Unmarshal(h.ExtraInfo, &e.Extra) != nil {
		e.Extra = string(h.ExtraInfo)
	}
	e.Extra = clean(e.Extra)
	row, known := wire.LookUp(k.group, e.Code, status)
	switch {
	case known && row.Step == wire.StepNone && status == http.StatusOK:
		return nil
	case known && row.HTTP != status && row.HTTP < 500 && status >= 500: // of a failure that no table has
	case known && row.Step != wire.StepNone:
		e.Step = row.Step
	case e.Code == "":
		e.cause = fmt.Errorf("%w: no code", ErrAnswer)
	case status >= 400 && status < 500:
		e.Step = wire.StepFix
	}
	e.Maybe = e.Step == wire.StepAsk
	return e
}
