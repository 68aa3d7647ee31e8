package httpapi

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
)

// Bounds of texts in requests, in bytes.
const (
	maxDisplay = 128 // names of people, organisations, machines
	maxAccount = 64
	maxID      = 128 // ids and idempotency keys
)

// text checks a text member: UTF-8, no control characters, low to high bytes.
func text(member, v string, low, high int) error {
	if len(v) < low {
		return Invalid(member, "the member is missing or too short")
	}
	if len(v) > high {
		return Invalid(member, "the member is too long")
	}
	if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
		return Invalid(member, "the member has characters that cannot stand in it")
	}
	return nil
}

// name checks that v has only lower-case letters, digits and the signs in more, 1 to high bytes.
func name(member, v, more string, high int) error {
	if v == "" || len(v) > high {
		return Invalid(member, "the member is missing or too long")
	}
	for _, r := range v {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r) {
			return Invalid(member, "the member may have a-z, 0-9 and "+more+" only")
		}
	}
	return nil
}

// accountName is an account as it is stored: case does not count.
func accountName(member, v string) (string, error) {
	v = strings.ToLower(v)
	return v, name(member, v, ".-_@+", maxAccount)
}

// newAccount checks what makes an account; Password is still to be hashed by the caller.
func newAccount(account, display, secret, role string) (meta.Account, error) {
	account, err := accountName("account", account)
	if err != nil {
		return meta.Account{}, err
	}
	if err := text("name", display, 1, maxDisplay); err != nil {
		return meta.Account{}, err
	}
	if why := password.Acceptable(secret); why != "" {
		return meta.Account{}, Invalid("password", why)
	}
	if role != meta.RoleAdmin && role != meta.RoleMember {
		return meta.Account{}, Invalid("role", "the role is admin or member")
	}
	return meta.Account{Account: account, Name: display, Role: role}, nil
}
