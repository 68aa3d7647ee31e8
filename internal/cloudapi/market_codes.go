package cloudapi

import "time"

// Code is an authorization code. To a buyer Code is "" until it is collected.
// GET /v1/market/codes (merchant's staff), GET /v1/market/resources/{id}/code and
// POST /v1/market/resources/{id}/code/collect (administrators), PUT /v1/market/codes/{code}/delivered,
// PUT /v1/market/codes/{code}/until (TestEnd; test codes only).
type Code struct {
	Code      string     `json:"code,omitempty"`
	Product   string     `json:"product"`
	Resource  string     `json:"resource,omitempty"`
	Order     string     `json:"order,omitempty"`
	Test      bool       `json:"test,omitempty"`
	State     string     `json:"state"` // made, delivered, collected, ALIVE, FROZEN, EXPIRED, RELEASED
	Until     *time.Time `json:"until,omitempty"`
	Activated *time.Time `json:"activated,omitempty"`
	Seen      *time.Time `json:"seen,omitempty"` // last query by the software
	Created   time.Time  `json:"created"`
}

// Codes is a page of codes; Next is the value for the parameter after, "" at the end.
type Codes struct {
	Codes []Code `json:"codes"`
	Next  string `json:"next,omitempty"`
}

// NewTestCodes is POST /v1/market/codes: 1 to 20 test codes of a product. Answered by Codes.
type NewTestCodes struct {
	Product string    `json:"product"`
	Count   int       `json:"count"`
	Until   time.Time `json:"until"`
}

// TestEnd is the new end of a test code, within a year.
type TestEnd struct {
	Until time.Time `json:"until"`
}
