package merchant

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/openapi"
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

// TestTheManualHasEachReading: each switch of the code stands in the manual by its name, and no other.
func TestTheManualHasEachReading(t *testing.T) {
	text := readManual(t)
	code := map[string]bool{}
	var add func(prefix string, of reflect.Type)
	add = func(prefix string, of reflect.Type) {
		for f := range of.Fields() {
			if f.Type.Kind() == reflect.Struct {
				add(prefix+f.Name+".", f.Type)
				continue
			}
			code[prefix+f.Name] = true
		}
	}
	add("Readings.", reflect.TypeFor[Readings]())
	add("openapi.Readings.", reflect.TypeFor[openapi.Readings]())
	said := map[string]bool{"Readings.Signature": true} // the group as a whole
	for _, m := range regexp.MustCompile("`((?:openapi\\.)?Readings\\.[A-Za-z0-9.]+)`").FindAllStringSubmatch(text, -1) {
		said[m[1]] = true
	}
	for name := range code {
		if !said[name] {
			t.Errorf("the manual has no %s", name)
		}
	}
	for name := range said {
		if !code[name] && name != "Readings.Signature" {
			t.Errorf("the code has no %s", name)
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
