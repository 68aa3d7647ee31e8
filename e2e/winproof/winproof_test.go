//go:build linux

package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

const table = "# x\n" + heading + "\n\n| claim | tests | on a real Windows, by hand |\n|---|---|---|\n" +
	"| proved | `a TestA`, `b TestB/sub` | |\n| lost | `a TestGone` | |\n| broken | `a TestBad` | step 1 |\n" +
	"| left out | `a TestSkipped` | |\n| hollow | `a TestHollow` | |\n| narrow | `b TestNarrow` | |\n| hands | | step 2 |\n\n### By hand\n\n| no | claim |\n"

const events = `{"Action":"pass","Package":"github.com/iscdesk/iscdesk/a","Test":"TestA"}
{"Action":"output","Package":"github.com/iscdesk/iscdesk/a","Test":"TestBad","Output":"broken\n"}
{"Action":"fail","Package":"github.com/iscdesk/iscdesk/a","Test":"TestBad"}
{"Action":"output","Package":"github.com/iscdesk/iscdesk/a","Test":"TestSkipped","Output":"    x_test.go:3: not run: no Wine\n"}
{"Action":"skip","Package":"github.com/iscdesk/iscdesk/a","Test":"TestSkipped"}
{"Action":"skip","Package":"github.com/iscdesk/iscdesk/a","Test":"TestHollow/all"}
{"Action":"pass","Package":"github.com/iscdesk/iscdesk/a","Test":"TestHollow"}
{"Action":"pass","Package":"github.com/iscdesk/iscdesk/b","Test":"TestB/sub"}
{"Action":"run","Package":"github.com/iscdesk/iscdesk/b","Test":"TestDied"}
{"Action":"output","Package":"github.com/iscdesk/iscdesk/b","Test":"TestNarrow","Output":"    x_test.go:9: not run: 32-bit programs cannot run here: no DLLs\n"}
{"Action":"skip","Package":"github.com/iscdesk/iscdesk/b","Test":"TestNarrow"}
{"Action":"build-fail","ImportPath":"github.com/iscdesk/iscdesk/c [github.com/iscdesk/iscdesk/c.test]"}
`

func TestClaimsAreJudged(t *testing.T) {
	claims, err := readClaims(table)
	if err != nil {
		t.Fatal(err)
	}
	r, err := read(strings.NewReader(events), "amd64", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if failed := judge(&out, claims, r, "no DLLs"); failed != 4 {
		t.Errorf("%d claims failed, want 4", failed)
	}
	for _, want := range []string{"ok       proved: a TestA [amd64], b TestB/sub [amd64]", "FAILED   lost: a TestGone is not there", "FAILED   broken: a TestBad failed (amd64)",
		"FAILED   left out: did not run: a TestSkipped: not run: no Wine", "FAILED   hollow: did not run", "NOT RUN  narrow: b TestNarrow: not run: 32-bit", "by hand  hands: step 2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if got := strings.Join(r.failed(), ", "); got != "amd64 a TestBad, amd64 b TestDied, amd64 c" {
		t.Errorf("failed: %s", got)
	}
	if got := strings.Join(failedOf(r), " "); got != "a b c" {
		t.Errorf("packages that failed: %s", got)
	}
	if failed := judge(&out, claims, r, ""); failed != 5 {
		t.Errorf("%d claims failed on a machine that can run 32-bit programs, want 5", failed)
	}
}

// What fails is tried once more, and a third time where Wine itself failed; what passes
// then is named all the same.
func TestFailuresAreTriedAgain(t *testing.T) {
	ours, wine := &result{action: "fail", output: "got 1, want 2\n"}, &result{action: "fail", output: "runtime: GetQueuedCompletionStatusEx failed (errno= 998 )\n"}
	died := results{"386 a TestA": {action: "fail"}, "386 a ": {action: "fail", output: "unexpected signal\nruntime.asmstdcall(0x1)\n"}}
	for _, tt := range []struct {
		name string
		r    results
		runs int // in all
	}{
		{"nothing failed", results{"386 a TestA": {action: "pass"}}, 1},
		{"ours", results{"386 a TestA": ours}, 2},
		{"Wine's", results{"386 a TestA": wine}, 3},
		{"Wine's, told by the package", died, 3},
		{"both", results{"386 a TestA": wine, "386 a TestB": ours}, 2},
	} {
		runs := 1
		for tt.r.worthAnother(runs) {
			runs++
		}
		if runs != tt.runs {
			t.Errorf("%s: run %d times, want %d", tt.name, runs, tt.runs)
		}
	}
	var out strings.Builder
	results{"386 a TestA": wine, "386 a TestB": ours}.confess(&out)
	for _, want := range []string{"386 a TestA (Wine's mark)", "386 a TestB (no mark of Wine's)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestMeasuresArePrinted(t *testing.T) {
	var out strings.Builder
	results{
		"processes c TestW/x64/9_first_open": {action: "pass", output: "=== RUN   TestW\n    x_test.go:3: load 1.5 ms\n        first open 20 ms\n--- PASS: TestW\n"},
		"processes c TestW/x64/1_unload":     {action: "pass", output: "    x_test.go:3: other\n"},
	}.measured(&out)
	if want := "\n== measured: processes c TestW/x64/9_first_open\nx_test.go:3: load 1.5 ms\nfirst open 20 ms\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestTablesThatSayNothing(t *testing.T) {
	for name, text := range map[string]string{
		"no table":        "# x\n",
		"empty":           "# x\n" + heading + "\n\n| claim | tests | by hand |\n|---|---|---|\n",
		"no proof":        "# x\n" + heading + "\n\n| a | | |\n",
		"a cell too many": "# x\n" + heading + "\n\n| a | `b TestC` | | |\n",
	} {
		if claims, err := readClaims(text); err == nil {
			t.Errorf("%s: read %v", name, claims)
		}
	}
}

func TestTheTableIsReadable(t *testing.T) {
	text, err := os.ReadFile("../../docs/building.md")
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := readClaims(string(text)); err != nil || len(claims) < 20 {
		t.Errorf("%d claims, %v", len(claims), err)
	}
}

// Only what failed runs again, as far as go test can name it.
func TestNarrow(t *testing.T) {
	bad := func(names ...string) results {
		r := results{"p b TestC": {action: "pass"}}
		for _, n := range names {
			r[n] = &result{action: "fail"}
		}
		return r
	}
	dead := bad("p a TestA")
	dead["p a TestA"].died = true
	for want, r := range map[string]results{
		"^(TestA|TestB)$":         bad("p a ", "p a TestA", "p b ", "p b TestB", "p b TestB/x"),
		"^(TestA)$/^(a\\.b|x86)$": bad("p a TestA", "p a TestA/x86", "p a TestA/x86/deaf", "p a TestA/a.b"),
		"":                        bad("p a ", "p b TestB"),
	} {
		if got := r.narrow(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := dead.narrow(); got != "" {
		t.Errorf("a program died: %s", got)
	}
}
