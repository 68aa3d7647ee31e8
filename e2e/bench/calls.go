//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Sizes of a sign-in status request and its answer on the wire, frames included:
// the peer moves as many bytes.
const (
	requestBytes = 68
	answerBytes  = 120
	clients      = 64
)

// timing is what a calling program prints; the echo's client leaves allocations out.
type timing struct{ calls, total, p50, p99, allocations int64 }

// calls measures round trips through C library and agent against a bare C echo
// over a unix socket with messages of the same size.
func (r *run) calls(ctx context.Context) error {
	ours, err := r.host(ctx, "bench_call")
	if err != nil {
		return err
	}
	echo, err := r.host(ctx, "bench_echo")
	if err != nil {
		return err
	}
	socket := filepath.Join(r.Users[0].Home, "echo.sock")
	server := r.Command(0, echo, "serve", socket)
	if err := server.Start(); err != nil {
		return err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	time.Sleep(100 * time.Millisecond)

	agent := []string{ours, r.Agent.Socket}
	peer := []string{echo, "call", socket}
	sizes := []string{fmt.Sprint(requestBytes), fmt.Sprint(answerBytes)}

	// In turn, so that a machine whose speed drifts is fair to both.
	var mine, theirs []timing
	for range 5 {
		a, err1 := r.together(ctx, 1, append(agent, "20000"))
		b, err2 := r.together(ctx, 1, append(append(peer, "20000"), sizes...))
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		mine, theirs = append(mine, a...), append(theirs, b...)
	}
	a, b := middle(mine), middle(theirs)
	row("call through library and agent, 1 client, p50 (peer: C echo)", us(a.p50), us(b.p50), float64(a.p50)/float64(b.p50), "3 x")
	row("the same, p99", us(a.p99), us(b.p99), float64(a.p99)/float64(b.p99), "")

	a64, err1 := r.together(ctx, clients, append(agent, "2000"))
	b64, err2 := r.together(ctx, clients, append(append(peer, "2000"), sizes...))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	ra, rb := rate(a64), rate(b64)
	row("64 client processes, calls a second (ratio: peer / ours)", fmt.Sprintf("%.0f/s", ra), fmt.Sprintf("%.0f/s", rb), rb/ra, "goal 10 x")
	row("64 client processes, p99", us(worst(a64)), us(worst(b64)), float64(worst(a64))/float64(worst(b64)), "")

	c, err := r.together(ctx, 1, append(agent, "1000000", "license"))
	if err != nil {
		return err
	}
	row("cached licence state from C, p50 / p99", fmt.Sprintf("%d / %d ns", c[0].p50, c[0].p99), "", 0, "1 us p99")
	row("cached licence state from C, allocations in 1,000,000 calls", fmt.Sprint(c[0].allocations), "", 0, "0")
	return nil
}

// together runs n programs at once and returns what each printed.
func (r *run) together(ctx context.Context, n int, args []string) ([]timing, error) {
	type ended struct {
		t   timing
		err error
	}
	results := make(chan ended, n)
	for range n {
		cmd := r.Command(0, args[0], args[1:]...)
		go func() { // ends with its program
			out, err := cmd.Output()
			var t timing
			if err == nil {
				var n int
				if n, err = fmt.Sscan(strings.TrimSpace(string(out)), &t.calls, &t.total, &t.p50, &t.p99, &t.allocations); n >= 4 {
					err = nil
				}
			}
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = fmt.Errorf("%w: %s", err, exit.Stderr)
			}
			results <- ended{t, err}
		}()
	}
	var all []timing
	var failed error
	for range n {
		e := <-results
		all = append(all, e.t)
		failed = errors.Join(failed, e.err)
	}
	if failed != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(args[0]), failed)
	}
	return all, ctx.Err()
}

func middle(t []timing) timing {
	slices.SortFunc(t, func(a, b timing) int { return int(a.p50 - b.p50) })
	return t[len(t)/2]
}

// rate adds up what clients that ran together did in a second.
func rate(t []timing) float64 {
	var calls, longest int64
	for _, x := range t {
		calls += x.calls
		longest = max(longest, x.total)
	}
	return float64(calls) / (float64(longest) / 1e9)
}

func worst(t []timing) int64 {
	var w int64
	for _, x := range t {
		w = max(w, x.p99)
	}
	return w
}

func us(ns int64) string { return fmt.Sprintf("%.1f us", float64(ns)/1000) }
