//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// claim is a row of the table of claims.
type claim struct {
	text   string
	tests  []string // "package Test", or "package Test/sub"
	byHand string   // what is done on a real Windows, for what cannot run here
}

const heading = "## Windows: claims"

var quoted = regexp.MustCompile("`([a-z0-9/]+ Test[^`]*)`")

// readClaims reads the table below its heading: claim, tests in backticks as
// `package Test`, by hand.
func readClaims(text string) ([]claim, error) {
	_, text, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		return nil, fmt.Errorf("docs/building.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n##") // the next heading, of any depth
	var claims []claim
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(cells[1], " claim ") || strings.HasPrefix(cells[1], "--") {
			continue
		}
		if len(cells) != 5 {
			return nil, fmt.Errorf("docs/building.md: want three cells: %s", line)
		}
		c := claim{text: strings.TrimSpace(cells[1]), byHand: strings.TrimSpace(cells[3])}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			c.tests = append(c.tests, m[1])
		}
		if len(c.tests) == 0 && c.byHand == "" {
			return nil, fmt.Errorf("docs/building.md: %q has neither a test nor steps by hand", c.text)
		}
		claims = append(claims, c)
	}
	if len(claims) == 0 {
		return nil, errors.New("docs/building.md: the table of claims is empty")
	}
	return claims, nil
}

// judge prints a line for each claim and tells how many are not proved: one of its tests
// failed, ran nowhere or is not there. Without 32-bit programs what needs them is said
// to be not run, with the reason.
func judge(out io.Writer, claims []claim, r results, no32 string) (failed int) {
	for _, c := range claims {
		var faults, left, ran []string
		for _, test := range c.tests {
			n, passed, bad, skipped := 0, "", "", ""
			for _, stage := range []string{"amd64", "386", "processes"} {
				t := r[stage+" "+test]
				if t == nil {
					continue
				}
				n++
				switch t.action {
				case "pass":
					passed += " " + stage
				case "fail":
					bad = test + " failed (" + stage + ")"
				default:
					skipped = test + ": " + reason(t.output)
				}
			}
			switch {
			case bad != "":
				faults = append(faults, bad)
			case passed != "":
				ran = append(ran, test+" ["+strings.TrimSpace(passed)+"]")
			case no32 != "" && strings.Contains(skipped, no32):
				left = append(left, skipped)
			case skipped != "":
				faults = append(faults, "did not run: "+skipped)
			default:
				faults = append(faults, test+" is not there")
			}
		}
		switch {
		case len(faults) > 0:
			failed++
			fmt.Fprintf(out, "FAILED   %s: %s\n", c.text, strings.Join(faults, "; "))
		case len(left) > 0:
			fmt.Fprintf(out, "NOT RUN  %s: %s\n", c.text, strings.Join(left, "; "))
		case len(c.tests) == 0:
			fmt.Fprintf(out, "by hand  %s: %s\n", c.text, c.byHand)
		default:
			fmt.Fprintf(out, "ok       %s: %s\n", c.text, strings.Join(ran, ", "))
		}
	}
	return failed
}
