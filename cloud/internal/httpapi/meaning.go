package httpapi

import "github.com/iscdesk/iscdesk/cloud/internal/members"

// Bounds of texts in requests, in bytes.
const (
	maxDisplay = members.MaxDisplay
	maxAccount = members.MaxAccount
	maxID      = 128 // ids and idempotency keys
)

// text checks a text member: UTF-8, no control characters, low to high bytes.
func text(member, v string, low, high int) error { return members.Text(member, v, low, high) }

// name checks that v has only lower-case letters, digits and the signs in more, 1 to high bytes.
func name(member, v, more string, high int) error { return members.Name(member, v, more, high) }

// accountName is an account as it is stored: case does not count.
func accountName(member, v string) (string, error) { return members.AccountName(member, v) }
