package ctest

import (
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// Programs and libraries are built on Linux (windows_linux_test.go): each variant
// is a folder with the DLL and every host beside it.
var programs = flag.String("programs", "", "folder with a folder for each `variant`; without it the hosts are not run")

type variant struct{ name string }

var (
	plain  = variant{"plain"}
	hooked = variant{"hooked"}
)

// library is the variant's folder.
func library(t testing.TB, v variant) string {
	t.Helper()
	if *programs == "" {
		t.Skip("needs -programs: the hosts are built on Linux")
	}
	return filepath.Join(*programs, v.name)
}

// compile finds what was built.
func compile(t *testing.T, lib, source string, flags ...string) string {
	t.Helper()
	return filepath.Join(lib, strings.TrimSuffix(source, filepath.Ext(source))+".exe")
}

func linked(lib string) []string { return nil }

// surround leaves a host the environment of the test.
func surround(t testing.TB, cmd *exec.Cmd) {}

// noAgent has nothing to look for: hosts look at the machine's own pipes.
func noAgent(t *testing.T) {}

// nobody is an endpoint at which nobody listens.
func nobody(t *testing.T) string { return `\\.\pipe\iscdesk-ctest-nobody` }

// mute is an endpoint that never answers.
func mute(t *testing.T) string {
	t.Helper()
	path := `\\.\pipe\iscdesk-ctest-mute`
	l, err := ipc.ListenPipe(path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return path
}

// file is the library in a variant's folder.
func file(lib string) string {
	names, err := filepath.Glob(filepath.Join(lib, "iscdesk*.dll"))
	if err != nil || len(names) != 1 {
		return "no DLL in " + lib
	}
	return names[0]
}

// only leaves a row out that is for the other system, and says why.
func (r row) only(t *testing.T, lib string) {
	if r.linux != "" {
		t.Skip("Linux alone: " + r.linux)
	}
	if r.x64 != "" && filepath.Base(file(lib)) == "iscdesk.dll" {
		t.Skip("64-bit alone: " + r.x64)
	}
}
