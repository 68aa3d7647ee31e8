package readings

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestTheManualHasEachSwitch, and no other.
func TestTheManualHasEachSwitch(t *testing.T) {
	page, err := os.ReadFile("../../../docs/market.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "\n## Where the pages contradict each other\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !found {
		t.Fatal("the manual has no table of contradictions")
	}
	code := map[string]bool{"NAME": true}
	for _, row := range Table() {
		code[row.Name] = true
		if !strings.Contains(text, "`--reading "+row.Name+"`") {
			t.Errorf("the manual has no --reading %s", row.Name)
		}
	}
	for _, m := range regexp.MustCompile("--reading ([^`]*)`").FindAllStringSubmatch(text, -1) {
		if !code[m[1]] {
			t.Errorf("the code has no --reading %s", m[1])
		}
	}
}

// TestEachNameIsASwitch of its own.
func TestEachNameIsASwitch(t *testing.T) {
	seen := map[Readings]string{{}: "nothing"}
	for _, row := range Table() {
		name := strings.Replace(row.Name, "DAYS", "3", 1)
		r, err := Parse([]string{name})
		if err != nil || row.Help == "" {
			t.Errorf("%s: %v", name, err)
		}
		if other, twice := seen[r]; twice {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[r] = name
	}
	fields := 0
	for _, of := range []reflect.Type{reflect.TypeFor[Readings](), reflect.TypeFor[Readings]().Field(0).Type} {
		fields += of.NumField()
	}
	// Signature is a group, Millis and LowerHex are for who receives, and NoFrozenPeriod is frozen-days=0.
	if want := fields - 4; len(Table()) != want {
		t.Errorf("%d rows for %d switches", len(Table()), want)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		list string
		want Readings
		err  string
	}{
		{"", Readings{}, ""},
		{"long-times seven-digits", Readings{LongTimes: true, SevenDigits: true}, ""},
		{"frozen-days=0", Readings{NoFrozenPeriod: true}, ""},
		{"frozen-days=15", Readings{FrozenDays: 15}, ""},
		{"frozen-days=16", Readings{}, "0 to 15"},
		{"frozen-days", Readings{}, "0 to 15"},
		{"frozen-days=x", Readings{}, "0 to 15"},
		{"long-times=1", Readings{}, "long-times: send"},
		{"list", Readings{}, "frozen-days=DAYS: release"},
		{"long-times nothing", Readings{}, `there is no "nothing"`},
		{"order-ascending order-descending", Readings{}, "exclude"},
		{"test-flag-always test-flag-debug-only", Readings{}, "exclude"},
		{"undone-renewal undone-unsubscription", Readings{}, "exclude"},
	} {
		r, err := Parse(strings.Fields(tt.list))
		if r != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %+v, %v", tt.list, r, err)
		}
	}
}
