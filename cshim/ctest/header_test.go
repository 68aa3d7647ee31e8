//go:build linux

package ctest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/cshim/gen/codegen"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var include = filepath.Join(root, "cshim/include")

// bits says whether the compiler builds for -m64 or -m32 here.
func bits(t *testing.T, m string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.c")
	write(t, file, "#include <stdint.h>\nint main(void) { return 0; }\n", 0o600)
	if exec.Command("gcc", m, "-o", os.DevNull, file).Run() != nil {
		need.Missing(t, "needs gcc-multilib for "+m)
	}
}

// Row 19: the headers under every language a host may be written in.
func TestHeadersCompileEverywhere(t *testing.T) {
	need.Command(t, "gcc")
	need.Command(t, "g++")
	c := "#include \"iscdesk.h\"\n#include \"iscdesk_load.h\"\nint load(iscdesk_functions *f);\nint load(iscdesk_functions *f) { return iscdesk_load(f, 0); }\n"
	cpp := "#include \"iscdesk.hpp\"\n#include \"iscdesk_load.h\"\nint main() { iscdesk_functions f; Sdk::SdkInvoker invoker; return iscdesk_load(&f, 0) + invoker->ShutOut(); }\n"
	load := "#include \"iscdesk_load.h\"\nint load(iscdesk_functions *f);\nint load(iscdesk_functions *f) { return iscdesk_load(f, \"C:\\\\iscdesk1.dll\"); }\n"
	windows := "-D_WIN32 -D__cdecl= -Itestdata/windows" // the system's header is played: see there
	for _, tt := range []struct{ cc, std, name, text, more string }{
		{"gcc", "c89", "t.c", c, ""}, {"gcc", "c99", "t.c", c, ""}, {"gcc", "c11", "t.c", c, ""},
		{"g++", "c++98", "t.cpp", cpp, ""}, {"g++", "c++11", "t.cpp", cpp, ""}, {"g++", "c++17", "t.cpp", cpp, ""},
		{"gcc", "c89", "t.c", load, windows}, {"gcc", "c11", "t.c", load, windows}, {"g++", "c++98", "t.cpp", load, windows}, {"g++", "c++17", "t.cpp", load, windows},
	} {
		for _, m := range []string{"-m64", "-m32"} {
			t.Run(tt.std+m+tt.more, func(t *testing.T) {
				bits(t, m)
				file := filepath.Join(t.TempDir(), tt.name)
				write(t, file, tt.text, 0o600)
				args := []string{m, "-std=" + tt.std, "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-fsyntax-only", "-I" + include, file}
				args = append(args, strings.Fields(tt.more)...)
				if tt.cc == "gcc" {
					args = append(args, "-Wpadded", "-Wstrict-prototypes")
				}
				if out, err := exec.Command(tt.cc, args...).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// Row 21: layouts are the same on 32 and 64 bit and as written down. Pointers
// come last in iscdesk_options, so their offsets are all that may differ.
func TestLayout(t *testing.T) {
	golden := read(t, "testdata/layout.txt")
	for _, m := range []string{"-m64", "-m32"} {
		t.Run(m, func(t *testing.T) {
			bits(t, m)
			program := filepath.Join(t.TempDir(), "layout")
			out, err := exec.Command("gcc", m, "-I"+include, "-o", program, "hosts/layout.c").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got, err := exec.Command(program).Output()
			if err != nil {
				need.Missing(t, "needs a system that runs "+m+" programs: "+err.Error())
			}
			if string(got) != golden {
				t.Errorf("layout has changed, which breaks programs built before:\n%s\nwant\n%s", got, golden)
			}
		})
	}
}

// Codes and sentences are those of sdk/api.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := codegen.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got := read(t, filepath.Join(root, name)); got != string(want) {
			t.Errorf("%s is stale: run go generate ./cshim", name)
		}
	}
}

// What the header says in numbers is what api says, seen from the header's side.
func TestHeaderEqualsAPI(t *testing.T) {
	header := read(t, filepath.Join(include, "iscdesk.h"))
	codes, err := codegen.Codes(root)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int32]string{}
	for _, c := range codes {
		if other, twice := seen[c.Value]; twice {
			t.Errorf("%s and %s are both %d", c.Name, other, c.Value)
		}
		seen[c.Value] = c.Name
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^#define %s \(?%d\)?( |$)`, c.Name, c.Value)).MatchString(header) {
			t.Errorf("the header lacks %s %d", c.Name, c.Value)
		}
	}
	events := []string{api.EventLicenseVerify, api.EventOpenResult, api.EventSaveResult, api.EventUploadStart, api.EventUploadEnd,
		api.EventUploadProgress, api.EventOpenProgress, api.EventOpenCancelled, api.EventHeartbeat, api.EventDeskClosed,
		api.EventLicenseState, api.EventPage, api.EventSignIn, api.EventGap,
		api.EventLicensePending}
	source := read(t, filepath.Join(root, "sdk/api/events.go"))
	if got := len(regexp.MustCompile(`(?m)^\tEvent\w+ +=`).FindAllString(source, -1)); got != len(events) {
		t.Errorf("api has %d event types, this test knows %d", got, len(events))
	}
	table := read(t, filepath.Join(root, "cshim/shim_rows.c"))
	for i, name := range events {
		if !strings.Contains(header, fmt.Sprintf("#define ISCDESK_%s %d\n", name, i+1)) {
			t.Errorf("the header lacks ISCDESK_%s %d", name, i+1)
		}
		if !strings.Contains(table, fmt.Sprintf("{ISCDESK_%s, %q}", name, name)) {
			t.Errorf("shim_rows.c lacks %s", name)
		}
	}
	rows := read(t, filepath.Join(root, "cshim/rows.go"))
	for _, tt := range []struct{ macro, goName string }{
		{"ISCDESK_LICENSE_UNKNOWN", "api.StateUnknown"},
		{"ISCDESK_LICENSE_NONE", "api.StateNone"}, {"ISCDESK_LICENSE_VALID", "api.StateValid"},
		{"ISCDESK_LICENSE_REFRESH_DUE", "api.StateRefreshDue"}, {"ISCDESK_LICENSE_GRACE", "api.StateGrace"},
		{"ISCDESK_LICENSE_EXPIRED", "api.StateExpired"}, {"ISCDESK_LICENSE_REFUSED", "api.StateRefused"},
		{"ISCDESK_LICENSE_CLOCK_SUSPECT", "api.StateClockSuspect"}, {"ISCDESK_LICENSE_STORE_DAMAGED", "api.StateStoreDamaged"},
		{"ISCDESK_OPERATION_RUNNING", "api.OpRunning"}, {"ISCDESK_OPERATION_QUEUED", "api.OpQueued"},
		{"ISCDESK_OPERATION_DONE", "api.OpDone"}, {"ISCDESK_OPERATION_FAILED", "api.OpFailed"},
	} {
		m := regexp.MustCompile(`#define ` + tt.macro + ` (\d+)`).FindStringSubmatch(header)
		if m == nil || !strings.Contains(rows, tt.goName+": "+m[1]) {
			t.Errorf("%s of the header and %s of rows.go differ: %v", tt.macro, tt.goName, m)
		}
	}
	for _, tt := range []struct {
		macro string
		value int
	}{{"ISCDESK_MAX_PATH", api.MaxPath}, {"ISCDESK_MAX_TEXT", api.MaxText}, {"ISCDESK_MAX_DEV_INFO", api.MaxDevInfo}, {"ISCDESK_MAX_COME_BACK", api.MaxComeBack}} {
		if !strings.Contains(header, fmt.Sprintf("#define %s %d\n", tt.macro, tt.value)) {
			t.Errorf("the header lacks %s %d", tt.macro, tt.value)
		}
	}
}

// Row 34: the exports are the checked-in list, which is what the header
// declares and what the loader loads. Nothing else leaves the library.
func TestExports(t *testing.T) {
	want := names(`(?m)^\s+(iscdesk_\w+);`, read(t, filepath.Join(root, "cshim/iscdesk.map")))
	if got := exported(t, library(t, plain)); !slices.Equal(got, want) {
		t.Errorf("exports\n%v\nwant\n%v", got, want)
	}
	if got := names(`ISCDESK_CALL (iscdesk_\w+)\(`, read(t, filepath.Join(include, "iscdesk.h"))); !slices.Equal(got, want) {
		t.Errorf("the header declares\n%v\nwant\n%v", got, want)
	}
	loader := names(`ISCDESK_LOAD_\((\w+)\)\n`, read(t, filepath.Join(include, "iscdesk_load.h")))
	for i := range loader {
		loader[i] = "iscdesk_" + loader[i]
	}
	if loader = slices.DeleteFunc(loader, func(s string) bool { return s == "iscdesk_member" }); !slices.Equal(loader, want) {
		t.Errorf("the loader loads\n%v\nwant\n%v", loader, want)
	}
}

// Row 23: stale.c calls each function that takes a handle, which all but five do.
func TestStaleHandlesMeetEachFunction(t *testing.T) {
	source := read(t, "hosts/stale.c")
	without := []string{"iscdesk_abi", "iscdesk_version", "iscdesk_error_text", "iscdesk_error_hint", "iscdesk_init_abi"}
	for _, name := range names(`(?m)^\s+(iscdesk_\w+);`, read(t, filepath.Join(root, "cshim/iscdesk.map"))) {
		if !slices.Contains(without, name) && !strings.Contains(source, name+"(") {
			t.Errorf("stale.c does not call %s", name)
		}
	}
}

// Each function says which thread may call it, in the words of the table in docs/abi.md.
func TestThreadsAreTold(t *testing.T) {
	header := read(t, filepath.Join(include, "iscdesk.h"))
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|]+) \\| (`\\w+`(?:, `\\w+`)*) \\|").FindAllStringSubmatch(read(t, filepath.Join(root, "docs/abi.md")), -1) {
		for _, name := range names("`(\\w+)`", row[2]) {
			told["iscdesk_"+name] = row[1]
		}
	}
	last := 0
	for _, m := range regexp.MustCompile(`ISCDESK_CALL (iscdesk_\w+)\(`).FindAllStringSubmatchIndex(header, -1) {
		name, comment := header[m[2]:m[3]], header[last:m[0]]
		if last = m[1]; told[name] == "" || !strings.Contains(comment, "\n * Threads: "+told[name]+". Since ") {
			t.Errorf("%s: docs/abi.md says %q, the header's comment something else", name, told[name])
		}
	}
}

// names are the first groups of every match, sorted.
func names(pattern, text string) []string {
	var list []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return list
}

// exported are the names that a built library defines, sorted.
func exported(t *testing.T, lib string) []string {
	t.Helper()
	out, err := exec.Command(need.Command(t, "nm"), "-D", "--defined-only", filepath.Join(lib, "lib/libiscdesk.so.1")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[1] == "T" {
			name, _, _ := strings.Cut(fields[2], "@")
			list = append(list, name)
		} else if len(fields) == 3 && fields[1] != "A" {
			t.Errorf("the library exports %s of kind %s", fields[2], fields[1])
		}
	}
	slices.Sort(list)
	return list
}

// The link: SONAME, no unloading, no lazy binding, size within the budget, and a
// C library no newer than Debian 12's floor (row 16).
func TestLink(t *testing.T) {
	file := filepath.Join(library(t, plain), "lib/libiscdesk.so.1")
	dynamic, err := exec.Command(need.Command(t, "readelf"), "-dW", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Library soname: [libiscdesk.so.1]", "NODELETE", "BIND_NOW"} {
		if !bytes.Contains(dynamic, []byte(want)) {
			t.Errorf("readelf -d lacks %s", want)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > 3_000_000 { // as docs/benchmarks.md counts megabytes
		t.Errorf("the library has %d bytes, the budget is 3 MB", info.Size())
	}
	symbols, err := exec.Command("readelf", "--dyn-syms", "-W", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`@GLIBC_2\.(\d+)`).FindAllSubmatch(symbols, -1) {
		if v := string(m[1]); len(v) == 2 && v > "34" {
			t.Errorf("needs glibc 2.%s, the floor is 2.34", v)
		}
	}
}

// Row 20: when a Go export and its C call drift apart, the build fails. Shown by
// planting the drift.
func TestDriftBreaksTheBuild(t *testing.T) {
	need.Command(t, "gcc")
	source, err := filepath.Abs(filepath.Join(root, "cshim/export.go"))
	if err != nil {
		t.Fatal(err)
	}
	drifted := strings.Replace(read(t, source), "o *C.iscdesk_options, timeout C.int32_t", "o *C.iscdesk_options, timeout *C.int32_t", 1)
	drifted = strings.Replace(drifted, "time.Duration(timeout)", "time.Duration(*timeout)", 1)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "export.go"), drifted, 0o600)
	write(t, filepath.Join(dir, "overlay.json"), fmt.Sprintf(`{"Replace":{%q:%q}}`, source, filepath.Join(dir, "export.go")), 0o600)
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", os.DevNull, "./cshim")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("a drifted signature compiled")
	}
	if !bytes.Contains(out, []byte("goOpen")) {
		t.Errorf("the build failed for another reason:\n%s", out)
	}
}

// Row 2: a bare go statement would end the host with its first panic. Only
// ipc.Spawn recovers.
func TestNoBareGoroutines(t *testing.T) {
	bare := regexp.MustCompile(`(?m)^\s*go (func|[a-z][\w.]*\()`)
	for _, folder := range []string{"cshim", "sdk", "internal/ipc"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, "spawn.go") {
				continue
			}
			if m := bare.FindString(read(t, f)); m != "" {
				t.Errorf("%s: %q outside ipc.Spawn", f, strings.TrimSpace(m))
			}
		}
	}
}
