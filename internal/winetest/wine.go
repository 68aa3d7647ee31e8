//go:build linux

package winetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// Debian's own names: what `wine` starts depends on whether wine32 is installed as well.
const (
	loader = "/usr/lib/wine/wine64"
	server = "/usr/lib/wine/wineserver"
)

// Wine is a Windows system of one test and its subtests. All its processes are one
// user, an administrator, with the profile Home. It may be used by several goroutines.
type Wine struct {
	Prefix string // folder of the system, on Linux
	Home   string // the user's profile folder, on Linux
	Build  string // build/ of the project, on Linux

	base string // build/wine
}

// New copies the base prefix; at the test's end every process in the copy is ended and
// the copy removed (kept when the test failed). Without Wine or the base prefix the test
// is not run, or fails with CI=true.
func New(t testing.TB) *Wine {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{loader, server} {
		if _, err := os.Stat(program); err != nil {
			need.Missing(t, "needs Wine, "+program+" (.ci/setup windows)")
		}
	}
	if _, err := os.Stat(filepath.Join(root, "build/wine/overlay.json")); err != nil {
		need.Missing(t, "needs the Windows system below build/wine (.ci/wine)")
	}
	w, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(t.Failed()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the Windows system is kept in %s", w.Prefix)
		}
	})
	return w
}

// Open is New without a test, for the project's folder root; Close ends it.
func Open(root string) (*Wine, error) {
	w := &Wine{Build: filepath.Join(root, "build"), base: filepath.Join(root, "build/wine")}
	if err := w.copyBase(); err != nil {
		return nil, fmt.Errorf("copy Wine's prefix: %w", err)
	}
	homes, err := filepath.Glob(filepath.Join(w.Prefix, "drive_c/users/*/AppData"))
	if err != nil || len(homes) != 1 {
		return nil, fmt.Errorf("look into Wine's prefix: want one user's profile, have %q, %v", homes, err)
	}
	w.Home = filepath.Dir(homes[0])
	// The server stays until Close, or for a minute behind the last program: several programs that start one at once have been seen
	// to miss each other's.
	cmd := exec.Command(server, "-p60") // goes on behind its end, so no pipes are given to it
	cmd.Env = w.Env()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("start Wine's server: %w", err)
	}
	return w, nil
}

// moduleRoot is the folder above the working folder that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", errors.New("no go.mod above the working folder")
		}
	}
}

// copyBase makes the copy beside the base prefix: Windows' own files, 1.3 GB, are hard
// links, which needs one file system; registry and profiles are copies.
func (w *Wine) copyBase() error {
	var err error
	if w.Prefix, err = os.MkdirTemp(w.base, "run-"); err != nil {
		return err
	}
	const script = `cd "$0" && mkdir "$1/drive_c" && cp -a dosdevices .update-timestamp ./*.reg "$1" &&
		cp -al drive_c/windows drive_c/Program* "$1/drive_c" && cp -a drive_c/users "$1/drive_c" &&
		rm -rf "$1/drive_c/ProgramData" && cp -a drive_c/ProgramData "$1/drive_c"`
	out, err := exec.Command("sh", "-c", script, filepath.Join(w.base, "prefix"), w.Prefix).CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// No32 is the reason why 32-bit programs cannot run here, or empty.
func (w *Wine) No32() string {
	b, err := os.ReadFile(filepath.Join(w.base, "dlls/why-no-32-bit"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Need32 leaves the test out, with the reason, where 32-bit programs cannot run. That is
// no failure with CI=true: the summary of make test-windows says it.
func (w *Wine) Need32(t testing.TB) {
	t.Helper()
	if why := w.No32(); why != "" {
		t.Skipf("not run: 32-bit programs cannot run here: %s", why)
	}
}

// Env is the environment of a Windows program: Settings, and nothing of the caller's.
// Windows' own variables (USERPROFILE, TEMP, …) come from the prefix.
func (w *Wine) Env() []string {
	return append(w.Settings(), "HOME=/nonexistent", "PATH=/usr/bin:/bin")
}

// Settings are the variables that make Wine use this system.
func (w *Wine) Settings() []string {
	return []string{
		"WINEPREFIX=" + w.Prefix, "WINEDLLPATH=" + filepath.Join(w.base, "dlls"), "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=winemenubuilder.exe,mscoree,mshtml=", "WINELOADER=" + loader, "LANG=C.UTF-8",
	}
}

// Overlay is the file for go build -overlay and go test -overlay of programs that run here.
func (w *Wine) Overlay() string { return filepath.Join(w.base, "overlay.json") }

// Command prepares a Windows program; its path is Linux's, its arguments are given as
// they are (Path converts). It starts in its own folder, with Env, in a process group of
// its own, and is killed when the test program dies.
func (w *Wine) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, loader, append([]string{program}, args...)...)
	cmd.Env, cmd.Dir = w.Env(), filepath.Dir(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second // a program left behind may hold the pipes
	return cmd
}

// Run runs a Windows program to its end, at most timeout, and returns what it wrote and
// its exit code. That it ends in time is demanded.
func (w *Wine) Run(t testing.TB, timeout time.Duration, program string, args ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := w.Command(ctx, program, args...)
	output, err := Output(t, cmd)
	if ctx.Err() != nil {
		t.Fatalf("%s %q did not end in %v:\n%s", filepath.Base(program), args, timeout, output)
	}
	if cmd.ProcessState == nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return output, cmd.ProcessState.ExitCode()
}

// Output runs cmd and returns what it and its children wrote until it ended. That goes to
// a file: Wine's own programs, which one of the children may have started, hold a pipe open
// long after it.
func Output(t testing.TB, cmd *exec.Cmd) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "output")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = f, f
	err = errors.Join(cmd.Run(), f.Close())
	text, rerr := os.ReadFile(path)
	return string(text), errors.Join(err, rerr)
}

// Close ends every process of the prefix, waits until they are gone, and removes the
// prefix unless it is kept.
func (w *Wine) Close(keep bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, flag := range []string{"-k", "-w"} {
		cmd := exec.CommandContext(ctx, server, flag)
		cmd.Env = w.Env()
		_ = cmd.Run() // -k fails when nothing runs
	}
	if left := w.Processes(""); len(left) > 0 {
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return fmt.Errorf("stop Wine: %d processes were left after wineserver -k and were killed", len(left))
	}
	if keep {
		return nil
	}
	return os.RemoveAll(w.Prefix)
}
