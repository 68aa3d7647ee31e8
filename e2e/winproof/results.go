//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// result is the end of one test, or of a package when its name ends with a blank.
type result struct {
	action string // pass, fail or skip
	output string
	died   bool // with its program: other tests may not have begun
}

// results are by "stage package Test".
type results map[string]*result

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// read takes go test's lines and writes one for each package that has ended. Anything
// that is no event is a fault of its package's build.
func read(from io.Reader, stage string, out io.Writer) (results, error) {
	r := results{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return r, fmt.Errorf("read go test's output %q: %w", lines.Text(), err)
		}
		of := e.Package
		if of == "" {
			of, _, _ = strings.Cut(e.ImportPath, " ") // of a build
		}
		name := stage + " " + strings.TrimPrefix(of, module) + " " + e.Test
		if r[name] == nil {
			r[name] = &result{}
		}
		switch e.Action {
		case "output", "build-output":
			r[name].output += e.Output
		case "pass", "fail", "skip", "build-fail":
			r[name].action = strings.TrimPrefix(e.Action, "build-")
			if e.Test == "" {
				fmt.Fprintf(out, "%-4s  %-44s %6.1f s\n", r[name].action, strings.TrimPrefix(of, module), e.Elapsed)
			}
		}
	}
	for _, t := range r { // a program that died under a test
		if t.action == "" {
			t.action, t.died = "fail", true
		}
	}
	for _, name := range sorted(r) { // a test of which nothing ran did not run
		if skipped, ran := r.below(name); r[name].action == "pass" && skipped != nil && !ran {
			r[name].action, r[name].output = "skip", skipped.output
		}
	}
	return r, lines.Err()
}

// below looks at a test's own tests: one that was left out, and whether another was not.
func (r results) below(name string) (skipped *result, ran bool) {
	for other, t := range r {
		if strings.HasPrefix(other, name+"/") {
			if t.action == "skip" {
				skipped = t
			} else {
				ran = true
			}
		}
	}
	return skipped, ran
}

func (r results) add(more results) {
	for name, t := range more {
		r[name] = t
	}
}

// failed names the tests that failed, and packages that did so without a test of theirs.
func (r results) failed() []string {
	var names []string
	for _, name := range sorted(r) {
		if r[name].action == "fail" && (!strings.HasSuffix(name, " ") || !r.failedBelow(name)) {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// failedOf names the packages of what failed.
func failedOf(r results) []string {
	paths := map[string]bool{}
	for _, name := range r.failed() {
		paths[strings.Fields(name)[1]] = true
	}
	return sorted(paths)
}

// narrow is go test's -run for what failed: those tests, or of a single one its parts.
// Empty is all, where a program died or a package failed by itself.
func (r results) narrow() string {
	tests, parts := map[string]bool{}, map[string]bool{}
	for _, name := range r.failed() {
		words := strings.Fields(name)
		if len(words) < 3 || r[name].died {
			return ""
		}
		at := strings.SplitN(words[2], "/", 3)
		tests[regexp.QuoteMeta(at[0])] = true
		if len(at) > 1 {
			parts[regexp.QuoteMeta(at[1])] = true
		}
	}
	run := "^(" + strings.Join(sorted(tests), "|") + ")$"
	if len(tests) == 1 && len(parts) > 0 {
		run += "/^(" + strings.Join(sorted(parts), "|") + ")$"
	}
	return run
}

// wines is what Go's runtime says where Wine 8 has damaged the state of a thread, which
// it does at random to 32-bit programs on a busy machine.
var wines = regexp.MustCompile(`errno= ?998\b|runtime\.asmstdcall`)

// worthAnother says whether what failed in a number of runs is run again. Twice is
// always tried: Wine 8 now and then does not start a program. Three times only where
// each failure bears Wine's own mark.
func (r results) worthAnother(runs int) bool {
	bad := r.failed()
	for _, name := range bad {
		if runs > 1 && !r.marked(name) {
			return false
		}
	}
	return len(bad) > 0 && runs < 3
}

// marked looks for Wine's mark in a failed test's words, or in its package's: a program
// that dies may leave them there.
func (r results) marked(name string) bool {
	words := strings.Fields(name)
	for _, of := range []string{name, words[0] + " " + words[1] + " "} {
		if t := r[of]; t != nil && wines.MatchString(t.output) {
			return true
		}
	}
	return false
}

// failures are the results of what failed, packages too.
func (r results) failures() results {
	bad := results{}
	for name, t := range r {
		if t.action == "fail" {
			bad[name] = t
		}
	}
	return bad
}

// confess names what passed only when it was run again: the exit code does not tell it.
func (r results) confess(out io.Writer) {
	if len(r) > 0 {
		fmt.Fprintln(out, "\n== failed at first, and passed when run again: without Wine's mark it may be ours")
	}
	for _, name := range r.failed() {
		mark := "no mark of Wine's"
		if r.marked(name) {
			mark = "Wine's mark"
		}
		fmt.Fprintf(out, "%s (%s)\n", name, mark)
	}
}

// measured prints what the DLLs' benchmark said; docs/abi.md has the numbers.
func (r results) measured(out io.Writer) {
	for _, name := range sorted(r) {
		if t := r[name]; strings.HasSuffix(name, "/9_first_open") && t.action == "pass" {
			fmt.Fprintf(out, "\n== measured: %s\n", name)
			for line := range strings.Lines(t.output) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
					fmt.Fprintln(out, line)
				}
			}
		}
	}
}

func (r results) failedBelow(prefix string) bool {
	for name, t := range r {
		if name != prefix && strings.HasPrefix(name, prefix) && t.action == "fail" {
			return true
		}
	}
	return false
}

// report prints what failed with its output, and what was left out.
func (r results) report(out io.Writer) {
	var left []string
	for _, name := range sorted(r) {
		t := r[name]
		if _, rest, _ := strings.Cut(name, " "); t.action == "skip" && !strings.HasSuffix(name, " ") {
			left = append(left, rest+": "+reason(t.output))
		}
	}
	for _, name := range r.failed() {
		t := r[name]
		if t == nil {
			t = r[name+" "]
		}
		fmt.Fprintf(out, "\nFAILED %s\n%s", name, t.output)
	}
	for _, line := range left {
		fmt.Fprintln(out, "left out:", line)
	}
}

// reason is what a skipped test said.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if _, said, found := strings.Cut(line, ".go:"); found {
			_, said, _ = strings.Cut(said, ": ")
			return strings.TrimSpace(said)
		}
	}
	return "no reason given"
}
