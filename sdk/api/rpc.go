package api

import "encoding/json"

// Request is one JSON-RPC 2.0 call. ID is a number that the caller makes
// unique among its unanswered requests. Batches are not part of the protocol.
type Request struct {
	JSONRPC string          `json:"jsonrpc"` // always "2.0"
	ID      int64           `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params,omitempty"`
}

// Answer is the reply to the Request of the same ID: Result or Error, never both.
type Answer struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      int64           `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// Notice is a message without an answer. The agent sends "event" (Event) and
// "gap" (Gap) after events.subscribe.
type Notice struct {
	JSONRPC string          `json:"jsonrpc"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params,omitempty"`
}

// Error is a refusal as it crosses the wire and as Go callers see it. It is
// born at the first door that can know the reason and is not reworded on the
// way. Find it with errors.As, or compare codes with CodeOf.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`          // one sentence: the cause, in the session's language
	Hint    string `json:"hint,omitempty"`   // one sentence: what to do next, in the session's language
	Detail  string `json:"detail,omitempty"` // for support: English, may name hosts and files, never a secret
}

// Operation numbers one piece of work whose end is an event. A number is
// positive, made by the agent, and never used again on that machine.
type Operation int64
