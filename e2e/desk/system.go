//go:build linux

package desk

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/internal/winetest"
	"github.com/iscdesk/iscdesk/sdk"
)

// system is what programs of ours run on: this one, or Windows by Wine. Whoever starts
// them names files as Linux does.
type system interface {
	program(bin, name string) string
	// command prepares a program; arguments that are Linux paths arrive as the system's.
	command(program string, args, env []string) *exec.Cmd
	endpoint(run string) string // of an agent that may keep a socket in run
	answers(ctx context.Context, bin, endpoint string) bool
	workers(agent *Process) []int // pids
	linux(text string) string     // with the system's paths and line ends as Linux has them
	path(linux string) string     // as the system names it
	stopSignal() syscall.Signal   // asks a program to end
	kill(cmd *exec.Cmd)           // at once
}

// linux is this system.
type linux struct{}

func (linux) program(bin, name string) string { return filepath.Join(bin, name) }

func (linux) command(program string, args, env []string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	// A group of its own: killing it takes workers with it, and a terminal's ^C
	// reaches only the program that runs us.
	cmd.Env, cmd.SysProcAttr = env, &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (linux) endpoint(run string) string { return filepath.Join(run, "agent.sock") }

func (linux) answers(ctx context.Context, _, endpoint string) bool {
	c, err := sdk.Init(ctx, sdk.Options{Endpoint: endpoint, Timeout: time.Second})
	if err != nil {
		return false
	}
	return errors.Join(c.Ping(ctx), c.ShutOut()) == nil
}

func (linux) workers(agent *Process) []int { return children(agent.PID()) }

func (linux) linux(text string) string { return text }

func (linux) path(linux string) string { return linux }

func (linux) kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func (linux) stopSignal() syscall.Signal { return syscall.SIGTERM }

// windows is a Windows system; all its programs are run by its one user.
type windows struct{ *winetest.Wine }

func (windows) program(bin, name string) string { return filepath.Join(bin, name+".exe") }

func (w windows) command(program string, args, _ []string) *exec.Cmd {
	given := make([]string, len(args))
	for i, a := range args {
		given[i] = w.path(a)
	}
	return w.Command(context.Background(), program, given...)
}

func (w windows) endpoint(string) string {
	return fmt.Sprintf(`\\.\pipe\iscdesk-%s`, filepath.Base(w.Prefix))
}

// answers asks by the command line: a pipe of Windows cannot be reached from here.
func (w windows) answers(ctx context.Context, bin, endpoint string) bool {
	return w.Command(ctx, w.program(bin, "iscdesk"), "--endpoint", endpoint, "status").Run() == nil
}

func (w windows) workers(*Process) []int { return w.Processes("iscdesk-agent.exe", "worker") }

// A full path of drive C: or Z:, its backslashes doubled in JSON.
var path = regexp.MustCompile(`[CZ]:(?:\\{1,2}[^\\"<>|:*?\r\n]*)+`)

func (w windows) linux(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return path.ReplaceAllStringFunc(text, func(p string) string { return w.Linux(strings.ReplaceAll(p, `\\`, `\`)) })
}

func (w windows) path(linux string) string {
	if filepath.IsAbs(linux) {
		return w.Path(linux)
	}
	return linux
}

// kill finds a 32-bit program by its name: what was started is a program of Wine's that
// started it and waits.
func (w windows) kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	w.Kill(filepath.Base(cmd.Args[1]))
}

// Wine makes a Ctrl-C of it.
func (windows) stopSignal() syscall.Signal { return syscall.SIGINT }
