//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// result is the end of one test, or of a package when its name ends with a blank.
type result struct {
	action string // pass, fail or skip
	output string
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
			t.action = "fail"
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
