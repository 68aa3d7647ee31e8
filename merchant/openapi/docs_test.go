package openapi

import (
	"os"
	"strings"
	"testing"
)

// The table of docs/merchant.md is what the code does: whoever changes one changes the other.
func TestRepeatsAreThoseOfTheDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/merchant.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "| call | after a lost answer | why |\n")
	if !found {
		t.Fatal("docs/merchant.md has no table of repeats")
	}
	text, _, _ = strings.Cut(text, "\n\n")
	said := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			said[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	words := map[again][]string{whenever: {"again"}, unsent: {"never", "asks heartbeat"}}
	for _, k := range calls() {
		right := false
		for _, w := range words[k.again] {
			right = right || said[k.name] == w
		}
		if !right {
			t.Errorf("%s: docs/merchant.md says %q", k.name, said[k.name])
		}
	}
	if len(said) != len(calls())+1 { // and the line below the heads
		t.Errorf("docs/merchant.md has %d rows for %d calls", len(said)-1, len(calls()))
	}
}
