//go:build linux

// Command winproof is make test-windows once everything is built: it runs the packages'
// tests as Windows programs, then the tests that drive Windows programs from here, and
// prints a line for each claim of docs/building.md. It fails when a test failed, or when
// a claim has no test that ran.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/internal/winetest"
)

func main() {
	only := flag.String("stage", "", "run one stage only: amd64, 386 or processes; claims are not judged")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := prove(ctx, os.Stdout, *only); err != nil {
		fmt.Fprintln(os.Stderr, "winproof:", err)
		os.Exit(1)
	}
}

func prove(ctx context.Context, out io.Writer, only string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	text, err := os.ReadFile("docs/building.md")
	if err != nil {
		return fmt.Errorf("read the table of claims (run this in the project's folder): %w", err)
	}
	claims, err := readClaims(string(text))
	if err != nil {
		return err
	}
	w, err := winetest.Open(root)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close(false) }()
	stages, err := plan(ctx, w)
	if err != nil {
		return err
	}
	all, shaky := results{}, results{} // shaky: failed, then passed
	for _, s := range stages {
		if only != "" && s.name != only {
			continue
		}
		if s.skipped != "" {
			fmt.Fprintf(out, "\n== %s: not run: %s\n", s.name, s.skipped)
			continue
		}
		begin := time.Now()
		fmt.Fprintf(out, "\n== %s: %s, %d packages\n", s.name, s.what, len(s.packages))
		r, err := s.run(ctx, root, out)
		if err != nil {
			return err
		}
		r.report(out)
		for runs := 1; r.worthAnother(runs); runs++ {
			first := r.failures()
			s.packages, s.only = failedOf(r), r.narrow()
			fmt.Fprintf(out, "\n%s: once more, %s %s\n", s.name, strings.Join(s.packages, ", "), s.only)
			again, err := s.run(ctx, root, out)
			if err != nil {
				return err
			}
			again.report(out)
			r.add(again)
			for name, t := range first {
				if r[name].action == "pass" {
					shaky[name] = t
				}
			}
		}
		fmt.Fprintf(out, "%s took %.0f s\n", s.name, time.Since(begin).Seconds())
		all.add(r)
	}
	fmt.Fprintln(out, "\n== not run as Windows programs, and why")
	for _, path := range sorted(excluded) {
		fmt.Fprintf(out, "%-40s %s\n", path, excluded[path])
	}
	all.measured(out)
	shaky.confess(out)
	if only == "" {
		fmt.Fprintln(out, "\n== claims (docs/building.md)")
		failed := judge(out, claims, all, w.No32())
		if failed > 0 {
			return fmt.Errorf("%d of %d claims are not proved", failed, len(claims))
		}
	}
	if bad := all.failed(); len(bad) > 0 {
		return fmt.Errorf("%d tests failed: %s", len(bad), strings.Join(bad, ", "))
	}
	return nil
}
