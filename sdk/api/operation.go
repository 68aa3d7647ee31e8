package api

import "time"

// OperationRef names an operation.
type OperationRef struct {
	Operation Operation `json:"operation"`
}

// States of an operation.
const (
	OpRunning = "running"
	OpQueued  = "queued" // waits for the cloud, or for the publisher of a licence; the result comes later
	OpDone    = "done"
	OpFailed  = "failed"
	OpUnknown = "unknown" // not of this user, or its result was delivered long ago
)

// OperationState answers operation.get. Event is the event that ended it; Waits is
// the report of a queued one, with why it waits now, and is no end: EVENT_SAVE_RESULT
// with queued true, or EVENT_LICENSE_PENDING.
type OperationState struct {
	Operation Operation `json:"operation"`
	Method    string    `json:"method,omitempty"`
	State     string    `json:"state"`
	Started   time.Time `json:"started,omitzero"`
	Event     *Event    `json:"event,omitempty"`
	Waits     *Event    `json:"waits,omitempty"`
}

// Operations answers operation.list: this user's and product's, undelivered or unfinished.
type Operations struct {
	Operations []OperationState `json:"operations"`
}
