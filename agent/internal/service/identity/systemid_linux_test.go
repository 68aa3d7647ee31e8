package identity

import "testing"

// A cloned image that kept the bus's id and renewed only /etc/machine-id is another machine.
func TestSystemIDBesideTheBusesOwn(t *testing.T) {
	const id, raw, other = "protected", "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for _, c := range []struct {
		name, system string
		same         bool
	}{
		{"the same id in both files", raw, true},
		{"no /etc/machine-id", "", true},
		{"not made yet", "uninitialized", true},
		{"zeros", "00000000000000000000000000000000", true},
		{"another id", other, false},
	} {
		if got := withSystemID(id, raw, c.system); (got == id) != c.same {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
	if withSystemID(id, raw, other) == withSystemID(id, raw, other[1:]+"0") {
		t.Error("two other ids look alike")
	}
}
