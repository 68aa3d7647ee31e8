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
	if _, err := r.CopyProgram(filepath.Join(r.root, "build/lib/libiscdesk.so.1"), "libiscdesk.so.1"); err != nil {
		return "", err
	}
	return compile(ctx, r.root, r.Dir, name)
}

// compile leaves the host in dir, where the library lies.
func compile(ctx context.Context, root, dir, name string) (string, error) {
	out := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "gcc", "-O2", "-D_GNU_SOURCE", "-I", filepath.Join(root, "build/include"),
		"-o", out, filepath.Join(root, "cshim/ctest/hosts", name+".c"), "-L", dir, "-l:libiscdesk.so.1", "-Wl,-rpath,"+dir, "-lpthread", "-ldl", "-lm")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", name, err, text)
	}
	return out, nil
}

// loaded is what bench_load prints: times in ns, threads by whose they are before and
// with a callback, memory in KiB.
type loaded struct {
	load, first               int64
	before, own               int64
	withCallback, ownCallback int64
	handlers, kib             int64
}

func parseLoaded(out []byte) (l loaded, err error) {
	if _, err = fmt.Sscan(strings.TrimSpace(string(out)), &l.load, &l.first, &l.before, &l.own, &l.withCallback, &l.ownCallback, &l.handlers, &l.kib); err != nil {
		err = fmt.Errorf("bench_load: %q: %w", out, err)
	}
	return l, err
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
	l, err := parseLoaded(out)
	if err != nil {
		return err
	}
	row("library: load + first call", fmt.Sprintf("%.1f ms", float64(l.load+l.first)/1e6), "", 0, "20 ms")
	row("library: threads of Go's runtime; of ours before a callback", fmt.Sprintf("%d; %d", l.before-l.own, l.own), "", 0, "0 of ours")
	row("library: threads of ours with a callback", fmt.Sprint(l.ownCallback), "", 0, "1")
	row("library: signal handlers replaced", fmt.Sprint(l.handlers), "", 0, "")
	row("library: resident memory added", fmt.Sprintf("%.1f MB", float64(l.kib)/1024), "", 0, "")
	return nil
}
