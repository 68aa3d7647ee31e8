//go:build linux

package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a program of ours that runs in the background.
type Process struct {
	Name string
	Log  string // file that takes stdout and stderr
	cmd  *exec.Cmd
	end  syscall.Signal // asks it to
	done chan struct{}  // closed when the program has been waited for
	err  error          // of Wait; read after done
}

// start runs a program; its output goes to dir/NAME.log, added at the end.
func start(on system, dir, name, program string, args, env []string) (*Process, error) {
	log := filepath.Join(dir, name+".log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := on.command(program, args, env)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, dir
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, Log: log, cmd: cmd, end: on.stopSignal(), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// PID of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop asks the program to end and waits at most ten seconds before it kills.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(p.end)
	select {
	case <-p.done:
		return p.err
	case <-time.After(10 * time.Second):
		p.Kill()
		return fmt.Errorf("stop %s: did not end in 10 s, see %s", p.Name, p.Log)
	}
}

// Kill ends the program with SIGKILL, its children in the same group too.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// until asks ready every 10 ms; it ends early when the program does.
func (p *Process) until(ctx context.Context, what string, ready func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%s: ended before %s: %w\n%s", p.Name, what, errors.Join(p.err, errEnded), tail(p.Log))
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for %s: %w\n%s", p.Name, what, ctx.Err(), tail(p.Log))
		case <-tick.C:
		}
	}
	return nil
}

var errEnded = errors.New("program ended")

// children are the pids whose parent is pid, of any of its threads.
func children(pid int) []int {
	var all []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(word); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// tail is the end of a log, for error messages.
func tail(path string) string {
	b, _ := os.ReadFile(path)
	if len(b) > 2000 {
		b = b[len(b)-2000:]
	}
	return string(b)
}
