//go:build linux

// Program bench measures ISCDesk against named peers in the same run and prints
// ratios (make bench). It starts cloud and agent on loopback; as root the
// application runs as an unprivileged user made for the run. Nothing here judges:
// docs/benchmarks.md keeps the numbers with the machine and the budgets.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "save-and-open" {
		err = saveAndOpen(os.Args[2:])
	} else {
		err = bench()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is one run of the benchmarks.
type run struct {
	*desk.Stage
	root string // of the checkout
	self string // this program, where engineers may run it
}

func bench() error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "iscbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	// Nothing is held against openapi.yaml here: the comparison would be measured.
	s, err := desk.SetUp(ctx, filepath.Join(root, "build/bin"), dir, fmt.Sprint("iscbench", os.Getpid()), nil)
	if err != nil {
		return err
	}
	defer s.Close()
	r := &run{Stage: s, root: root}
	if r.self, err = s.CopyProgram(os.Args[0], "bench"); err != nil {
		return err
	}
	fmt.Printf("%-58s %14s %14s %8s  %s\n", "what", "ours", "peer", "ratio", "budget")
	parts := []struct {
		name string
		run  func(context.Context) error
	}{{"service", r.service}, {"library", r.library}, {"calls", r.calls}, {"files", r.files}, {"merchant", r.merchant}}
	for _, p := range parts {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], p.name) {
			continue // go run ./e2e/bench files: that part alone
		}
		if err := p.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// row prints one measurement; peer and ratio are left out when there is none.
func row(what, ours, peer string, ratio float64, budget string) {
	r := ""
	if ratio > 0 {
		r = fmt.Sprintf("%.2f", ratio)
	}
	fmt.Printf("%-58s %14s %14s %8s  %s\n", what, ours, peer, r, budget)
}
