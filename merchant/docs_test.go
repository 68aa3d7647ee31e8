package merchant

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

const manual = "../docs/merchant.md"

// tableRow is a row of the table of repeats as docs/merchant.md has it.
func tableRow(r Repeat) string {
	name := "`" + r.Activity + "`"
	if r.Case != "" {
		name += ", " + r.Case
	}
	key := "-"
	if len(r.Key) > 0 {
		key = "`" + strings.Join(r.Key, "`, `") + "`"
	}
	kind := map[Kind]string{Once: "once", State: "state", Present: "present"}[r.Kind]
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", r.Family, name, kind, key, r.Again)
}

// TestTheManualHasTheTable: each row of the code stands in the manual, and no other.
func TestTheManualHasTheTable(t *testing.T) {
	_, text, found := strings.Cut(readManual(t), "\n## What a repeat returns\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !found {
		t.Fatal("the manual has no table of repeats")
	}
	var rows []string
	for _, line := range strings.Split(text, "\n") {
		for _, family := range []string{"production", "v1", "kit"} {
			if strings.HasPrefix(line, "| "+family+" |") {
				rows = append(rows, line)
			}
		}
	}
	want := Repeats()
	for i, r := range want {
		if i >= len(rows) || rows[i] != tableRow(r) {
			t.Errorf("row %d of the manual is not\n%s", i, tableRow(r))
		}
	}
	if len(rows) != len(want) {
		t.Errorf("the manual has %d rows, the code %d", len(rows), len(want))
	}
}

// TestTheManualHasEachReading by its name.
func TestTheManualHasEachReading(t *testing.T) {
	text := readManual(t)
	for f := range reflect.TypeFor[Readings]().Fields() {
		if !strings.Contains(text, "`Readings."+f.Name+"`") {
			t.Errorf("the manual has no Readings.%s", f.Name)
		}
	}
}

// TestRowsAreApart: a row is found by family, activity and case, so no two may share them; and what is
// kept has a key.
func TestRowsAreApart(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Repeats() {
		name := r.Family + " " + r.Activity + " " + r.Case
		if seen[name] {
			t.Errorf("%s stands twice", name)
		}
		seen[name] = true
		if (len(r.Key) == 0) != (r.Kind == Present) || r.Again == "" {
			t.Errorf("%s: kind %d with key %q, answer %q", name, r.Kind, r.Key, r.Again)
		}
	}
}

func readManual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
