package ctest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
)

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

// surround gives a host its environment, and an end to what it leaves behind.
func surround(t testing.TB, cmd *exec.Cmd) {
	// A host that fails may leave a child behind that holds its pipes: the whole
	// group ends with the host.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	t.Cleanup(func() {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "LANG=C.UTF-8"}
}

// noAgent leaves a test out where the places without an endpoint have an agent.
func noAgent(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/iscdesk/agent.sock"); err == nil {
		need.Missing(t, "needs a machine without an agent of its own: a host without an endpoint would find that one")
	}
}

// nobody is an endpoint at which nobody listens.
func nobody(t *testing.T) string { return filepath.Join(t.TempDir(), "none.sock") }

// mute is an endpoint that never answers.
func mute(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mute.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return path
}

// file is the library in a folder that it was built into.
func file(lib string) string { return filepath.Join(lib, "lib/libiscdesk.so.1") }

// only leaves a row out that is for the other system, and says why.
func (r row) only(t *testing.T, lib string) {
	if r.windows {
		t.Skip("a row of Windows")
	}
}
