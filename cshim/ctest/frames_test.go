//go:build linux

package ctest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
)

// frames is the call graph of the C layer as the compiler writes it down: the stack
// that each function takes, and whom it calls.
type frames struct {
	bytes map[string]int
	calls map[string][]string
}

// parse reads one file's graph; what was read before stays.
func (f frames) parse(t *testing.T, text string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(([\w,]+)\)`).FindAllStringSubmatch(text, -1) {
		if m[3] != "static" && m[3] != "dynamic,bounded" {
			t.Errorf("%s takes stack without a bound that the compiler knows: %s", m[1], m[3])
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		f.bytes[m[1]] = n
	}
	for _, m := range regexp.MustCompile(`(?m)^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"`).FindAllStringSubmatch(text, -1) {
		f.calls[m[1]] = append(f.calls[m[1]], m[2])
	}
}

// deepest is the most that from and whatever it calls take of a stack, and by which way.
func (f frames) deepest(t *testing.T, from string, above []string) (int, string) {
	t.Helper()
	if slices.Contains(above, from) {
		t.Fatalf("%s calls itself: %v", from, above)
	}
	most, way := 0, ""
	for _, to := range f.calls[from] {
		if n, w := f.deepest(t, to, append(above, from)); n > most {
			most, way = n, w
		}
	}
	return most + f.bytes[from], strings.TrimSpace(filepath.Base(from) + " " + way)
}

// Row 30: the C layer takes less than 4 KiB of the calling thread's stack, on the
// deepest way into Go and what Go calls of C on the way back.
func TestFramesAreSmall(t *testing.T) {
	smallFrames(t, 4096, "gcc", "_windows.c", []string{"-fPIC", "-D_GNU_SOURCE"})
}

// The same on Windows: in 64 bit each frame has room for four registers of whom it calls.
func TestWindowsFramesAreSmall(t *testing.T) {
	for i, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			smallFrames(t, 4608, bitnesses[i].gcc, "_linux.c", nil, "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=1", "CC="+bitnesses[i].gcc)
		})
	}
}

// smallFrames compiles the C layer, but for the other system's files, and adds up: less
// than most bytes.
func smallFrames(t *testing.T, most int, cc, others string, flags []string, env ...string) {
	t.Helper()
	need.Command(t, cc)
	dir := t.TempDir()
	cshim, err := filepath.Abs(filepath.Join(root, "cshim"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(folder, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run(cshim, "go", "tool", "cgo", "-objdir", dir, "--", "-I.", "-Iinclude", "export.go", "export_call.go")
	sources, err := filepath.Glob(filepath.Join(cshim, "shim*.c"))
	if err != nil || len(sources) < 8 {
		t.Fatalf("sources %v: %v", sources, err)
	}
	sources = slices.DeleteFunc(sources, func(s string) bool { return strings.HasSuffix(s, others) })
	f := frames{bytes: map[string]int{}, calls: map[string][]string{}}
	for _, s := range sources { // as export.go and build.sh say it
		run(dir, cc, append([]string{"-O2", "-std=gnu11", "-DISCDESK_BUILD", "-DSHIM_VERSION=1", "-I" + cshim, "-I" + filepath.Join(cshim, "include"), "-I.",
			"-fcallgraph-info=su", "-c", "-o", strings.TrimSuffix(filepath.Base(s), ".c") + ".o", s}, flags...)...)
		f.parse(t, read(t, filepath.Join(dir, strings.TrimSuffix(filepath.Base(s), ".c")+".ci")))
	}
	in, back, inWay, backWay := 0, 0, "", ""
	for name := range maps.Keys(f.bytes) {
		if n, way := f.deepest(t, name, nil); strings.HasPrefix(name, "iscdesk_") && n > in {
			in, inWay = n, way
		} else if strings.HasPrefix(name, "shim_go_") && n > back {
			back, backWay = n, way
		}
	}
	t.Logf("%d bytes by %s; %d by %s", in, inWay, back, backWay)
	if in == 0 || back == 0 || in+back >= most {
		t.Errorf("the C layer takes %d and, called back by Go, %d bytes of the caller's stack, want less than %d together", in, back, most)
	}
}
