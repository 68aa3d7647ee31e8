//go:build linux || windows

package ctest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// root is the module's folder, seen from here.
const root = "../.."

// deadline ends a host that hangs: hanging is what many of them look for.
const deadline = 90 * time.Second

// exiting bounds a host that exits in the middle of work (row 8).
const exiting = 5 * time.Second

// host is a program that runs; its output is in out when it has ended.
type host struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	cancel   context.CancelFunc
}

// command prepares a host with the deadline and without the caller's display,
// so that no test ever opens somebody's browser.
func command(t testing.TB, program string, args ...string) *host {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	h := &host{cmd: exec.CommandContext(ctx, program, args...), cancel: cancel}
	h.cmd.Stdout, h.cmd.Stderr = &h.out, &h.err
	h.cmd.Dir = t.TempDir()
	h.cmd.WaitDelay = time.Second
	surround(t, h.cmd)
	return h
}

// converse starts the host for a talk line by line: what it prints is in lines, and
// in is read by it. The caller waits for it.
func (h *host) converse(t *testing.T) (in io.Writer, lines *bufio.Scanner) {
	t.Helper()
	h.cmd.Stdout = nil
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err = h.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return in, bufio.NewScanner(out)
}

// within ends the host after this time already; the returned function lifts it.
func (h *host) within(d time.Duration) (lift func() bool) { return time.AfterFunc(d, h.cancel).Stop }

// run waits for the host and wants the exit status.
func (h *host) run(t *testing.T, want int) string {
	t.Helper()
	defer h.cancel()
	err := h.cmd.Run()
	if got := int(int32(h.cmd.ProcessState.ExitCode())); got != want {
		t.Fatalf("%s: exit status %d, want %d (%v)\n%s%s", filepath.Base(h.cmd.Path), got, want, err, tail(h.out.String()), tail(h.err.String()))
	}
	return h.out.String()
}

// tail keeps the end of a long output.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
