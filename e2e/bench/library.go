//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// host compiles a C program of cshim/ctest/hosts against the built library.
func (r *run) host(ctx context.Context, name string) (string, error) {
	out := filepath.Join(r.Dir, name)
	lib := filepath.Join(r.root, "build/lib")
	cmd := exec.CommandContext(ctx, "gcc", "-O2", "-D_GNU_SOURCE", "-I", filepath.Join(r.root, "build/include"),
		"-o", out, filepath.Join(r.root, "cshim/ctest/hosts", name+".c"), "-L", r.Dir, "-l:libiscdesk.so.1", "-Wl,-rpath,"+r.Dir, "-lpthread", "-ldl", "-lm")
	if _, err := r.CopyProgram(filepath.Join(lib, "libiscdesk.so.1"), "libiscdesk.so.1"); err != nil {
		return "", err
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", name, err, text)
	}
	return out, nil
}

// library measures what the C library is and does to a process.
func (r *run) library(ctx context.Context) error {
	info, err := os.Stat(filepath.Join(r.root, "build/lib/libiscdesk.so.1"))
	if err != nil {
		return err
	}
	row("library: size of libiscdesk.so.1", fmt.Sprintf("%.2f MB", float64(info.Size())/1e6), "", 0, "3 MB")
	host, err := r.host(ctx, "bench_load")
	if err != nil {
		return err
	}
	cmd := r.Command(0, host, filepath.Join(r.Dir, "libiscdesk.so.1"), r.Agent.Socket)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("bench_load: %w", err)
	}
	var load, first, threads, called, handlers, kib int64
	if _, err := fmt.Sscan(strings.TrimSpace(string(out)), &load, &first, &threads, &called, &handlers, &kib); err != nil {
		return fmt.Errorf("bench_load: %q: %w", out, err)
	}
	row("library: load + first call", fmt.Sprintf("%.1f ms", float64(load+first)/1e6), "", 0, "20 ms")
	row("library: threads of Go's runtime; of ours before a callback", fmt.Sprintf("%d; 0", threads), "", 0, "0 of ours")
	row("library: threads of ours with a callback", fmt.Sprint(called-threads), "", 0, "1")
	row("library: signal handlers replaced", fmt.Sprint(handlers), "", 0, "")
	row("library: resident memory added", fmt.Sprintf("%.1f MB", float64(kib)/1024), "", 0, "")
	return nil
}
