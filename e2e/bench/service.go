//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// service measures the agent alone: ready, idle memory, idle processor time.
func (r *run) service(ctx context.Context) error {
	var ready []time.Duration
	for range 7 {
		if err := r.Agent.Stop(); err != nil {
			return err
		}
		if err := r.Agent.Start(ctx); err != nil {
			return err
		}
		ready = append(ready, r.Agent.Ready)
	}
	slices.Sort(ready)
	row("agent: start to first answer, median of 7", ms(ready[3]), "", 0, "250 ms")

	before, err := processorTime(r.Agent.PID())
	if err != nil {
		return err
	}
	const idle = 30 * time.Second
	time.Sleep(idle)
	after, err := processorTime(r.Agent.PID())
	if err != nil {
		return err
	}
	row("agent: processor time in 30 s idle", ms(after-before), "", 0, "10 ms")
	kib, err := statusKiB(r.Agent.PID(), "VmRSS:")
	if err != nil {
		return err
	}
	row("agent: resident memory after 30 s idle", fmt.Sprintf("%.1f MB", float64(kib)/1024), "", 0, "25 MB")
	return nil
}

// processorTime is user and system time of a process; the kernel counts in 10 ms.
func processorTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may hold blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("read processor time: %d fields", len(f))
	}
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read processor time: %q %q", f[11], f[12])
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

func statusKiB(pid int, key string) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("no %s in the status of %d", key, pid)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
