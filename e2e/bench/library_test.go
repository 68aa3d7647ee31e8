//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// TestThreadsOfALoadedLibrary: the threads that make bench prints are counted, and the library
// has none of its own before a callback, one with it.
func TestThreadsOfALoadedLibrary(t *testing.T) {
	need.Command(t, "gcc")
	dir := t.TempDir()
	lib, err := os.ReadFile("../../build/lib/libiscdesk.so.1")
	if err != nil {
		need.Missing(t, "needs build/lib/libiscdesk.so.1 (make build)")
	}
	if err := os.WriteFile(filepath.Join(dir, "libiscdesk.so.1"), lib, 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := compile(t.Context(), "../..", dir, "bench_load")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), host, filepath.Join(dir, "libiscdesk.so.1"), sdktest.NewAgent(t).Endpoint())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bench_load: %v", err)
	}
	l, err := parseLoaded(out)
	if err != nil {
		t.Fatal(err)
	}
	if l.own != 0 || l.ownCallback != 1 || l.withCallback-l.before < l.ownCallback || l.before < 1 {
		t.Errorf("threads: %+v", l)
	}
}
