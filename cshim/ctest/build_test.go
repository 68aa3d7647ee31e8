//go:build linux

package ctest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// root is the module's folder, seen from here.
const root = "../.."

// deadline ends a host that hangs: hanging is what many of them look for.
const deadline = 90 * time.Second

// exiting bounds a host that exits in the middle of work (row 8).
const exiting = 5 * time.Second

var folder string // of everything this run builds; made by TestMain

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ctest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	folder = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// variant is one way to build the library.
type variant struct {
	name string
	env  []string
}

var (
	plain   = variant{name: "plain"}
	hooked  = variant{name: "hooked", env: []string{"TAGS=iscdesk_testhooks"}}
	checked = variant{name: "cgocheck2", env: []string{"GOEXPERIMENT=cgocheck2"}}
	asan    = variant{name: "asan", env: []string{"GOEXTRA=-asan", "CCEXTRA=-fsanitize=address"}}
)

var builds struct {
	sync.Mutex // guards done; held while a library is built
	done       map[string]error
}

// library builds the variant once a run and returns its folder.
func library(t testing.TB, v variant) string {
	t.Helper()
	need.Command(t, "gcc")
	builds.Lock()
	defer builds.Unlock()
	out := filepath.Join(folder, v.name)
	err, done := builds.done[v.name]
	if !done {
		cmd := exec.Command("sh", filepath.Join(root, "cshim/build.sh"), out)
		cmd.Env = append(os.Environ(), v.env...)
		var text []byte
		if text, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("build library %s: %w\n%s", v.name, err, text)
		}
		if builds.done == nil {
			builds.done = map[string]error{}
		}
		builds.done[v.name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// strict is what every host must compile under.
var strict = []string{"-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"}

// compile builds hosts/source against a library's folder and returns the program.
func compile(t *testing.T, lib, source string, flags ...string) string {
	t.Helper()
	cc := "gcc"
	if strings.HasSuffix(source, ".cpp") {
		cc = "g++"
	}
	need.Command(t, cc)
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(source, filepath.Ext(source)))
	args := append([]string{}, strict...)
	args = append(args, "-I"+filepath.Join(lib, "include"), "-o", out, filepath.Join("hosts", source))
	args = append(args, flags...)
	text, err := exec.Command(cc, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, text)
	}
	if len(text) > 0 {
		t.Errorf("compile %s is not silent:\n%s", source, text)
	}
	return out
}

// linked are the flags of a program that links the library of lib.
func linked(lib string) []string {
	dir := filepath.Join(lib, "lib")
	return []string{"-L" + dir, "-Wl,-rpath," + dir, "-liscdesk", "-lm"}
}

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
	// A host that fails may leave a child behind that holds its pipes: the whole
	// group ends with the host.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.cmd.WaitDelay = time.Second
	t.Cleanup(func() {
		if h.cmd.Process != nil {
			_ = syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	h.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.cmd.Dir, "LANG=C.UTF-8"}
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

// noAgent leaves a test out where the places without an endpoint have an agent.
func noAgent(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/iscdesk/agent.sock"); err == nil {
		need.Missing(t, "needs a machine without an agent of its own: a host without an endpoint would find that one")
	}
}

// within ends the host after this time already; the returned function lifts it.
func (h *host) within(d time.Duration) (lift func() bool) { return time.AfterFunc(d, h.cancel).Stop }

// run waits for the host and wants the exit status.
func (h *host) run(t *testing.T, want int) string {
	t.Helper()
	defer h.cancel()
	err := h.cmd.Run()
	if got := h.cmd.ProcessState.ExitCode(); got != want {
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
