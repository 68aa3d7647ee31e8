package caller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// UID names a user of this machine: on Linux the decimal user id ("1000"), on
// Windows the security identifier ("S-1-5-21-…"). Empty is nobody, and everybody
// where a function says so. Two of them are the same user when they are equal.
type UID string

// maxUID is the longest security identifier as text.
const maxUID = 184

// Name is the identifier as part of a file's name: without '-', which parts those.
func (u UID) Name() string { return strings.ReplaceAll(string(u), "-", ".") }

// UIDOfName is the inverse of Name.
func UIDOfName(name string) (UID, bool) {
	ok := name != "" && len(name) <= maxUID && strings.Trim(name, "S.0123456789") == ""
	return UID(strings.ReplaceAll(name, ".", "-")), ok
}

// Recorded is the user of a record that was read back from disk. Where the user was a
// number, records left root's, 0, out; on Windows none was ever written without its user.
func (u UID) Recorded() UID { return cmp.Or(u, unnamed) }

// MarshalJSON writes what is a number on Linux as one.
func (u UID) MarshalJSON() ([]byte, error) {
	if digits(string(u)) {
		return json.Marshal(json.Number(u))
	}
	return json.Marshal(string(u))
}

// UnmarshalJSON reads a number or a text.
func (u *UID) UnmarshalJSON(data []byte) error {
	text := string(data)
	if digits(text) && len(text) <= maxUID {
		*u = UID(text)
		return nil
	}
	if err := json.Unmarshal(data, &text); err != nil || len(text) > maxUID {
		return fmt.Errorf("read user id: %.40q is none", data)
	}
	*u = UID(text)
	return nil
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
