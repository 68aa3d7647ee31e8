//go:build linux

package ctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// A customer's project finds the library by CMake, wherever the folder was moved
// to, and its program runs. (pkg-config is what the examples' tests use.)
func TestCMakePackage(t *testing.T) {
	cmake := need.Command(t, "cmake")
	need.Command(t, "make")
	dir := t.TempDir()
	prefix, source, out := filepath.Join(dir, "moved here"), filepath.Join(dir, "source"), filepath.Join(dir, "out")
	if err := os.CopyFS(prefix, os.DirFS(library(t, plain))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(source, "hello.c"), read(t, filepath.Join(root, "cshim/examples/hello.c")), 0o600)
	write(t, filepath.Join(source, "CMakeLists.txt"), strings.Join([]string{
		"cmake_minimum_required(VERSION 3.13)",
		"project(hello C)",
		"find_package(iscdesk CONFIG REQUIRED)",
		"find_package(iscdesk CONFIG REQUIRED) # twice: a subproject may ask too",
		`message(STATUS "version ${iscdesk_VERSION}")`,
		"add_executable(hello hello.c)",
		"target_link_libraries(hello PRIVATE iscdesk::iscdesk)",
	}, "\n"), 0o600)
	var said string
	for _, args := range [][]string{{"-S", source, "-B", out, "-G", "Unix Makefiles", "-DCMAKE_PREFIX_PATH=" + prefix}, {"--build", out}} {
		text, err := exec.Command(cmake, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("cmake %v: %v\n%s", args, err, tail(string(text)))
		}
		said += string(text)
	}
	if version := strings.TrimSpace(read(t, filepath.Join(root, "VERSION"))); !strings.Contains(said, "version "+version+"\n") {
		t.Errorf("the package does not say version %s:\n%s", version, tail(said))
	}
	agent := sdktest.NewAgent(t)
	if text := command(t, filepath.Join(out, "hello"), agent.Endpoint()).run(t, 0); !strings.Contains(text, sdktest.LicenseContent) {
		t.Errorf("hello says %q", text)
	}
}
