package ctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// The examples, and iscdesk.hpp with the samples of the public guide, as a customer
// compiles them for Windows, by both of MinGW's thread models; each example starts, and says in its way that no agent is there. What minicad does
// with one, the scenarios show (e2e).
func TestWindowsExamples(t *testing.T) {
	w := winetest.New(t)
	for _, b := range bitnesses {
		dir := t.TempDir()
		b.build(t, dir)
		sodium := filepath.Join(w.Build, "wine/sodium")
		folder := filepath.Join(dir, b.arch)
		library := filepath.Join(folder, "lib"+b.dll+".dll.a")
		for _, threads := range []string{"-win32", "-posix"} {
			t.Run(b.arch+threads, func(t *testing.T) {
				for source, std := range map[string]string{"classstyle.cpp": "c++98", "strings.cpp": "c++98", "modern_calls.cpp": "c++11", "modern_wide.cpp": "c++17"} {
					args := slices.Concat(strict, []string{"-std=" + std, "-pedantic", "-fsyntax-only", "-I" + include, filepath.Join("hosts", source)})
					if out, err := exec.Command(need.Command(t, b.gxx+threads), args...).CombinedOutput(); err != nil || len(out) > 0 {
						t.Errorf("%s: %v\n%s", source, err, out)
					}
				}
				for _, tt := range []struct {
					name  string
					flags []string
					args  []string
					says  string
				}{
					{"hello", nil, []string{`\\.\pipe\iscdesk-nobody`}, "The ISCDesk agent does not answer on this computer."},
					{"minicad", []string{"-DSODIUM_STATIC=1", "-I" + sodium + "/include", filepath.Join(sodium, b.arch, "libsodium.a"), "-lm", "-static"},
						[]string{"--endpoint", `\\.\pipe\iscdesk-nobody`, "info"}, "code -20"},
				} {
					if tt.name == "minicad" {
						if _, err := os.Stat(filepath.Join(sodium, "done")); err != nil {
							need.Missing(t, "needs libsodium of Windows (.ci/libsodium-windows)")
						}
					}
					program := filepath.Join(folder, tt.name+threads+".exe")
					args := append([]string{"-Wall", "-Werror", "-O2", "-I" + filepath.Join(dir, "include"), "-o", program,
						filepath.Join(root, "cshim/examples", tt.name+".c"), library}, tt.flags...)
					if out, err := exec.Command(need.Command(t, b.gcc+threads), args...).CombinedOutput(); err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
					if b.arch == "x86" {
						w.Need32(t)
					}
					if out, code := w.Run(t, time.Minute, program, tt.args...); code != 1 || !strings.Contains(out, tt.says) {
						t.Errorf("%s: exit code %d\n%s", tt.name, code, out)
					}
				}
			})
		}
	}
}
