package caller

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestUIDOnDisk: what stood as a number in files of Linux still does, and is read.
func TestUIDOnDisk(t *testing.T) {
	for _, c := range []struct {
		uid  UID
		text string
	}{
		{"1000", `1000`}, {"0", `0`}, {"4294967295", `4294967295`}, {"", `""`},
		{"S-1-5-18", `"S-1-5-18"`}, {"S-1-5-21-1-2-3-1001", `"S-1-5-21-1-2-3-1001"`},
	} {
		got, err := json.Marshal(c.uid)
		var back UID
		if err != nil || string(got) != c.text || json.Unmarshal(got, &back) != nil || back != c.uid {
			t.Errorf("%q: %s, back %q, %v", c.uid, got, back, err)
		}
	}
	for _, bad := range []string{`{}`, `[1]`, `true`, `-1`, `1e5`, `1.5`, `"` + strings.Repeat("1", maxUID+1) + `"`} {
		var u UID
		if err := json.Unmarshal([]byte(bad), &u); err == nil {
			t.Errorf("%.20s read as %q", bad, u)
		}
	}
}

// TestUIDInFileNames: a name has no '-', and only such names come back.
func TestUIDInFileNames(t *testing.T) {
	for _, u := range []UID{"0", "1000", "S-1-5-21-1-2-3-1001"} {
		back, ok := UIDOfName(u.Name())
		if strings.Contains(u.Name(), "-") || !ok || back != u {
			t.Errorf("%q: name %q, back %q %t", u, u.Name(), back, ok)
		}
	}
	for _, bad := range []string{"", "x", "1000/..", "S 1", strings.Repeat("1", maxUID+1)} {
		if u, ok := UIDOfName(bad); ok {
			t.Errorf("%.20q read as %q", bad, u)
		}
	}
}
