package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestTheFlagsOfTheManual: each flag that the table of contradictions names is one of serve, and a reading that does not exist
// is refused with the list.
func TestTheFlagsOfTheManual(t *testing.T) {
	page, err := os.ReadFile("../docs/market.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## Where the pages contradict each other\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var c commandLine
	parser, err := kong.New(&c, kong.Vars{"version": build}, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	serve := slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == "serve" })
	known := map[string]bool{}
	for _, f := range parser.Model.Children[serve].Flags {
		known["--"+f.Name], known["--no-"+f.Name] = true, true
	}
	flags := regexp.MustCompile("--[a-z][a-z-]+").FindAllString(text, -1)
	if len(flags) < 30 {
		t.Errorf("the table names %d flags", len(flags))
	}
	for _, f := range flags {
		if !known[f] {
			t.Errorf("serve has no %s", f)
		}
	}
	s := serveCommand{Data: t.TempDir(), Reading: []string{"nothing"}, OrderCodes: "MKT", MerchantPort: "443"}
	if err := s.Run(&streams{out: io.Discard, log: io.Discard}); err == nil || !strings.Contains(err.Error(), "seven-digits: take") {
		t.Errorf("an unknown reading: %v", err)
	}
}
