package members

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Bounds of texts, in bytes.
const (
	MaxDisplay = 128 // names of people, organisations, departments, machines
	MaxAccount = 64
)

func invalid(member, message string) error {
	return meta.Refuse(cloudapi.ErrInvalid, message, "member", member)
}

// Text checks a text: UTF-8, no control characters, low to high bytes; refusal
// invalid_argument with param member.
func Text(member, v string, low, high int) error {
	if len(v) < low {
		return invalid(member, "the member is missing or too short")
	}
	if len(v) > high {
		return invalid(member, "the member is too long")
	}
	if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
		return invalid(member, "the member has characters that cannot stand in it")
	}
	return nil
}

// Name checks that v has only lower-case letters, digits and the signs in more, 1 to high bytes;
// refusal invalid_argument with param member.
func Name(member, v, more string, high int) error {
	if v == "" || len(v) > high {
		return invalid(member, "the member is missing or too long")
	}
	for _, r := range v {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r) {
			return invalid(member, "the member may have a-z, 0-9 and "+more+" only")
		}
	}
	return nil
}

// AccountName is an account as it is stored: case does not count.
func AccountName(member, v string) (string, error) {
	v = strings.ToLower(v)
	return v, Name(member, v, ".-_@+", MaxAccount)
}
