package ctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// windows is one bitness of the DLL and the compilers of its hosts.
type windows struct {
	arch, dll, gcc, gxx string
}

var bitnesses = []windows{
	{"x64", "iscdesk64", "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++"},
	{"x86", "iscdesk", "i686-w64-mingw32-gcc", "i686-w64-mingw32-g++"},
}

// build makes the DLL with the words of env into out.
func (b windows) build(t *testing.T, out string, env ...string) {
	t.Helper()
	need.Command(t, b.gcc)
	cmd := exec.Command("sh", filepath.Join(root, "cshim/build-windows.sh"), out)
	cmd.Env = append(append(os.Environ(), "ARCHS="+b.arch), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", b.dll, err, text)
	}
}

// host compiles hosts/source into folder, linked with the DLL of lib unless it loads it.
func (b windows) host(t *testing.T, lib, folder, source string, loads bool, flags ...string) {
	t.Helper()
	cc := b.gcc
	if strings.HasSuffix(source, ".cpp") {
		cc = b.gxx
	}
	need.Command(t, cc)
	out := strings.TrimSuffix(source, filepath.Ext(source)) + ".exe"
	args := slices.Concat(strict, []string{"-I" + filepath.Join(lib, "include"), "-o", filepath.Join(folder, out), filepath.Join("hosts", source)}, flags)
	if !loads {
		args = append(args, filepath.Join(lib, b.arch, "lib"+b.dll+".dll.a"))
	}
	args = append(args, "-static", "-lpsapi") // a host needs nothing but the system and our DLL
	if text, err := exec.Command(cc, args...).CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("compile %s: %v\n%s", source, err, text)
	}
}

// furnish fills a folder with the DLL, the hosts of some rows, and those that are no row.
func (b windows) furnish(t *testing.T, lib, folder string, some ...row) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, b.dll+".dll"), read(t, filepath.Join(lib, b.arch, b.dll+".dll")), 0o755)
	var done []string
	for _, r := range some {
		if r.linux == "" && !slices.Contains(done, r.source) {
			done = append(done, r.source)
			b.host(t, lib, folder, r.source, r.loads, slices.DeleteFunc(slices.Clone(r.flags), func(f string) bool { return strings.HasPrefix(f, "-Wl,") })...)
		}
	}
	for _, source := range []string{"agent.c", "hostile.c", "procs.c", "oldwin.c", "browser_windows.c"} {
		b.host(t, lib, folder, source, false)
	}
	for name, flag := range map[string]string{"plugin": "-UIN_DLLMAIN", "plugin_dllmain": "-DIN_DLLMAIN"} {
		b.host(t, lib, folder, "plugin.cpp", false, "-shared", flag)
		if err := os.Rename(filepath.Join(folder, "plugin.exe"), filepath.Join(folder, name+".dll")); err != nil {
			t.Fatal(err)
		}
	}
}

// tests builds this package's tests for Windows and returns the program.
func tests(t *testing.T, w *winetest.Wine) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ctest.exe")
	cmd := exec.Command("go", "test", "-c", "-overlay", w.Overlay(), "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// The hosts that Linux runs, and those of Windows, against the DLL: as Windows
// programs, both bitnesses, driven by this package's tests built for Windows.
func TestWindowsHosts(t *testing.T) {
	w := winetest.New(t)
	program := tests(t, w)
	for _, b := range bitnesses {
		t.Run(b.arch, func(t *testing.T) {
			if b.arch == "x86" {
				w.Need32(t)
			}
			dir := t.TempDir()
			b.build(t, filepath.Join(dir, "lib"))
			b.furnish(t, filepath.Join(dir, "lib"), filepath.Join(dir, "plain"), rows()...)
			b.build(t, filepath.Join(dir, "hooks"), "TAGS=iscdesk_testhooks")
			hooked := filepath.Join(dir, "hooked")
			if err := os.Mkdir(hooked, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(hooked, b.dll+".dll"), read(t, filepath.Join(dir, "hooks", b.arch, b.dll+".dll")), 0o755)
			for _, source := range []string{"panic.c", "runtime.c", "fatal.c"} {
				b.host(t, filepath.Join(dir, "hooks"), hooked, source, false)
			}
			out, code := w.Run(t, 10*time.Minute, program, "-test.v", "-programs", w.Path(dir))
			retell(t, out)
			if code != 0 {
				t.Errorf("exit code %d\n%s", code, tail(out))
			}
		})
	}
}

// retell makes a subtest of each test that another test program told of, with its words.
func retell(t *testing.T, out string) {
	t.Helper()
	words, of := map[string]string{}, ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, begins := strings.CutPrefix(line, "=== RUN   "); begins {
			of = name
		} else if m := ended.FindStringSubmatch(line); m == nil {
			words[of] += line + "\n"
		} else {
			t.Run(strings.TrimPrefix(m[2], "TestHosts/"), func(t *testing.T) {
				switch said := strings.TrimSpace(words[m[2]]); m[1] {
				case "FAIL":
					t.Error(said)
				case "SKIP":
					_, why, _ := strings.Cut(said, ": ")
					t.Skip(why)
				default:
					t.Log(said)
				}
			})
		}
	}
}

var ended = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+) \(`)

// Row 17: in a system without ProcessPrng a program that carries the DLL starts, and
// gets a code.
func TestWindowsTooOld(t *testing.T) {
	for _, b := range bitnesses {
		t.Run(b.arch, func(t *testing.T) {
			w := winetest.New(t)
			folder := "system32"
			if b.arch == "x86" {
				w.Need32(t)
				folder = "syswow64"
			}
			if err := os.Remove(filepath.Join(w.Prefix, "drive_c/windows", folder, "bcryptprimitives.dll")); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			b.build(t, dir)
			b.host(t, dir, filepath.Join(dir, b.arch), "oldwin.c", false)
			out, code := w.Run(t, time.Minute, filepath.Join(dir, b.arch, "oldwin.exe"), `\\.\pipe\none`)
			if t.Log(strings.TrimSpace(out)); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// What leaves the DLLs is the list, what they need is of the system, and the loader
// may put them anywhere and runs no data. Two builds are the same bytes.
func TestWindowsLibraries(t *testing.T) {
	want := names(`(?m)^\s+(iscdesk_\w+);`, read(t, filepath.Join(root, "cshim/iscdesk.map")))
	for _, b := range bitnesses {
		t.Run(b.arch, func(t *testing.T) {
			dir := t.TempDir()
			b.build(t, dir, "VERSION=1.2.3-rc4")
			dll := filepath.Join(dir, b.arch, b.dll+".dll")
			objdump := need.Command(t, strings.TrimSuffix(b.gcc, "gcc")+"objdump")
			text, err := exec.Command(objdump, "-p", dll).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := names(`(?m)^\t\[ *\d+\] (\w+)\r?$`, string(text)); !slices.Equal(got, want) {
				t.Errorf("exports\n%v\nwant\n%v", got, want)
			}
			for _, library := range names(`DLL Name: (\S+)`, string(text)) {
				if !slices.Contains([]string{"KERNEL32.dll", "msvcrt.dll", "ntdll.dll"}, library) {
					t.Errorf("needs %s", library)
				}
			}
			flags := []string{"DYNAMIC_BASE", "NX_COMPAT"}
			if b.arch == "x64" {
				flags = append(flags, "HIGH_ENTROPY_VA")
			}
			for _, flag := range flags {
				if !strings.Contains(string(text), flag) {
					t.Errorf("is not %s", flag)
				}
			}
			def := read(t, filepath.Join(dir, b.arch, b.dll+".def"))
			if got := names(`(?m)^    (\w+)$`, def); !slices.Equal(got, want) || !strings.HasPrefix(def, "LIBRARY "+b.dll+".dll\n") {
				t.Errorf("the .def is\n%s", def)
			}
			bytes := read(t, dll)
			if wide := "1\x00.\x002\x00.\x003\x00-\x00r\x00c\x004\x00"; strings.Count(bytes, wide) != 2 {
				t.Error("the version is not in its resource twice")
			}
			if t.Logf("%d bytes", len(bytes)); len(bytes) > 3_000_000 {
				t.Errorf("%d bytes, the budget is 3 MB", len(bytes))
			}
			if strings.Contains(bytes, "iscdesk_test_") {
				t.Error("has test hooks")
			}
			again := t.TempDir()
			b.build(t, again, "VERSION=1.2.3-rc4")
			for _, name := range []string{b.dll + ".dll", "lib" + b.dll + ".dll.a", b.dll + ".def"} {
				if read(t, filepath.Join(again, b.arch, name)) != read(t, filepath.Join(dir, b.arch, name)) {
					t.Errorf("%s differs from build to build", name)
				}
			}
		})
	}
}

// Row 19 on Windows: the headers with the real windows.h, and the same layouts.
func TestWindowsHeaders(t *testing.T) {
	c := "#include \"iscdesk.h\"\n#include \"iscdesk_load.h\"\nint load(iscdesk_functions *f);\nint load(iscdesk_functions *f) { return iscdesk_load(f, \"C:\\\\iscdesk.dll\"); }\n"
	cpp := "#include \"iscdesk.hpp\"\n#include \"iscdesk_load.h\"\nint main() { iscdesk_functions f; Sdk::SdkInvoker invoker; return iscdesk_load(&f, 0) + invoker->ShutOut(); }\n"
	for _, b := range bitnesses {
		for _, std := range []string{"c89", "c99", "c11", "c++98", "c++11", "c++17"} {
			t.Run(b.arch+" "+std, func(t *testing.T) {
				cc, name, text, more := b.gcc, "t.c", c, []string{"-Wpadded", "-Wstrict-prototypes"}
				if strings.HasPrefix(std, "c++") {
					cc, name, text, more = b.gxx, "t.cpp", cpp, nil
				}
				need.Command(t, cc)
				file := filepath.Join(t.TempDir(), name)
				write(t, file, text, 0o600)
				args := append([]string{"-std=" + std, "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-fsyntax-only", "-I" + include, file}, more...)
				if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		t.Run(b.arch+" layout", func(t *testing.T) {
			w := winetest.New(t)
			if b.arch == "x86" {
				w.Need32(t)
			}
			program := filepath.Join(t.TempDir(), "layout.exe")
			if out, err := exec.Command(need.Command(t, b.gcc), "-I"+include, "-o", program, "hosts/layout.c").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got, _ := w.Run(t, time.Minute, program)
			if got = strings.ReplaceAll(got, "\r\n", "\n"); got != read(t, "testdata/layout.txt") {
				t.Errorf("the layout is\n%s", got)
			}
		})
	}
}
