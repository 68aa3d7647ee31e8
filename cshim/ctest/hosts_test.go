//go:build linux || windows

package ctest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// row is a program that needs no more than an endpoint.
type row struct {
	row, source string   // the pitfall's number in docs/abi.md
	flags       []string // of gcc, beside those of a linked program
	loads       bool     // the program loads the library itself, by its path
	exit        int
	args        []string
	linux       string // why it is not run on Windows
	x64         string // why it is not run in 32-bit Windows programs
	windows     bool   // it is not run on Linux
}

// accessViolation is the exit code of a Windows program that ends by one, 0xc0000005.
const accessViolation = -0x3ffffffb

// rows are all of them. FILE is the library, FOLDER the fake agent's folder.
func rows() []row {
	return []row{
		{row: "1 unload", source: "unload.c", loads: true, args: []string{"FILE"}},
		{row: "4 throw", source: "throw.cpp", flags: []string{"-std=c++98"}, x64: "MinGW's 32-bit exceptions pass no frame of another DLL; those of iscdesk.hpp are kept and thrown again"},
		{row: "5 and 6 shutdown", source: "shutdown.c"},
		{row: "8 exit in a callback", source: "exit_busy.cpp", args: []string{"callback"}, exit: 42},
		{row: "8 exit in a call", source: "exit_busy.cpp", args: []string{"calls"}, exit: 42},
		{row: "8 exit with a static destructor", source: "exit_busy.cpp", args: []string{"static"}, exit: 42},
		{row: "10 signals", source: "signals.c", flags: []string{"-Wno-pedantic"}, loads: true, args: []string{"FILE"}, linux: "Windows has no signals"},
		{row: "11 interrupted waits", source: "eintr.c", linux: "nothing interrupts a wait of Windows"},
		{row: "12 fork", source: "fork.c", linux: "Windows has no fork"},
		{row: "21 and 22 every call", source: "calls.c", args: []string{"FOLDER"}},
		{row: "23 stale handles", source: "stale.c"},
		{row: "23 bad arguments", source: "args.c", flags: []string{"-include", "stddef.h"}},
		{row: "25 idle", source: "idle.c"},
		{row: "26 environment", source: "env.c", args: []string{"FOLDER"}, linux: "on Windows no variable leads to the agent"},
		{row: "27 closed descriptors", source: "closed_std.c", args: []string{"FOLDER/second"}, linux: "a handle of Windows never becomes a standard one by its number"},
		{row: "29 floating point", source: "fpu.c", flags: []string{"-D_GNU_SOURCE"}, linux: "fpu_windows.c unmasks both units"},
		{row: "29 floating point on Windows", source: "fpu_windows.c", windows: true},
		{row: "30 small stacks", source: "smallstack.c", flags: []string{"-D_GNU_SOURCE", "-Wl,-z,now"}, linux: "smallstack_windows.c reserves its stacks as Windows does"},
		{row: "30 small stacks on Windows", source: "smallstack_windows.c", windows: true},
		{row: "7 first call in DllMain", source: "loaderlock.c", args: []string{"dllmain"}, windows: true},
		{row: "7 first call in a static constructor", source: "loaderlock.c", args: []string{"constructor"}, windows: true},
		{row: "8 exit with a plug-in's static destructor", source: "loaderlock.c", args: []string{"destructor"}, exit: 42, windows: true},
		{row: "9 first open", source: "bench_windows.c", loads: true, args: []string{"FILE"}, windows: true},
		{row: "18 address space", source: "addrspace.c", windows: true},
		{row: "18 no address space", source: "addrspace.c", args: []string{"all"}, windows: true},
		{row: "28 own exception filter", source: "seh.cpp", args: []string{"filter"}, exit: 77, windows: true},
		{row: "28 fault without a filter", source: "seh.cpp", args: []string{"fault"}, exit: accessViolation, windows: true},
		{row: "28 C++ exceptions", source: "seh.cpp", args: []string{"throw"}, windows: true},
		{row: "message loop", source: "loop.c", linux: "a descriptor is no object that Windows waits on"},
		{row: "events nobody reads", source: "deaf.c"},
		{row: "UTF-16", source: "wide.c", args: []string{"FOLDER"}},
		{row: "code page", source: "ansi.c", args: []string{"FOLDER"}, windows: true},
		{row: "message to a window", source: "window.c", windows: true},
		{row: "class style", source: "classstyle.cpp", flags: []string{"-std=c++98", "-pedantic"}},
		{row: "strings of C++", source: "strings.cpp", flags: []string{"-std=c++98", "-pedantic"}, args: []string{"FOLDER"}},
		{row: "modern client with wide strings", source: "modern_wide.cpp", flags: []string{"-std=c++11", "-pedantic"}, args: []string{"FOLDER"}, windows: true},
		{row: "modern client", source: "modern.cpp", flags: []string{"-std=c++11", "-pedantic"}},
		{row: "modern client, every call", source: "modern_calls.cpp", flags: []string{"-std=c++11", "-pedantic"}, args: []string{"FOLDER"}},
		{row: "run-time loader", source: "loader.c", flags: []string{"-std=c89", "-pedantic"}, loads: true, args: []string{"FILE"}},
		{row: "run-time loader on Windows", source: "loader_windows.c", flags: []string{"-std=c89", "-pedantic", "-D_WIN32", "-D__cdecl=", "-Itestdata/windows"}, loads: true, linux: "it plays the system that is there"},
		{row: "run-time loader without a library", source: "loader.c", loads: true, args: []string{""}},
		{row: "run-time loader with another library", source: "loader.c", loads: true, args: []string{"libm.so.6"}, linux: "loaded by a bare name"},
	}
}

func TestHosts(t *testing.T) {
	lib := library(t, plain)
	for _, tt := range rows() {
		t.Run(tt.row, func(t *testing.T) {
			tt.only(t, lib)
			if tt.source == "env.c" || tt.source == "classstyle.cpp" {
				noAgent(t)
			}
			agent := sdktest.NewAgent(t)
			flags := tt.flags
			if !tt.loads {
				flags = append(flags, linked(lib)...)
			}
			program := compile(t, lib, tt.source, flags...)
			args := []string{agent.Endpoint()}
			for _, a := range tt.args {
				args = append(args, strings.NewReplacer("FOLDER", agent.Folder(), "FILE", file(lib)).Replace(a))
			}
			h := command(t, program, args...)
			switch tt.source {
			case "exit_busy.cpp":
				defer h.within(exiting)()
			case "loaderlock.c":
				defer h.within(4 * exiting)()
			}
			if out := h.run(t, tt.exit); out != "" {
				t.Log(strings.TrimSpace(out))
			}
		})
	}
}

// Row 2: panics end as codes.
func TestPanicIsACode(t *testing.T) {
	lib := library(t, hooked)
	agent := sdktest.NewAgent(t)
	command(t, compile(t, lib, "panic.c", linked(lib)...), agent.Endpoint()).run(t, 0)
}

// Row 25: two cores, early collection, a soft end to its memory.
func TestGuestTakesLittle(t *testing.T) {
	lib := library(t, hooked)
	h := command(t, compile(t, lib, "runtime.c", linked(lib)...), "none")
	h.cmd.Env = append(h.cmd.Env, "GOMAXPROCS=7", "GOGC=300", "GOMEMLIMIT=1GiB") // the host's words for its own Go programs
	t.Log(strings.TrimSpace(h.run(t, 0)))
}

// Row 3: a fatal fault leaves its account in crash_file.
func TestFatalFaultIsWrittenDown(t *testing.T) {
	lib := library(t, hooked)
	agent := sdktest.NewAgent(t)
	file := filepath.Join(t.TempDir(), "crash")
	h := command(t, compile(t, lib, "fatal.c", linked(lib)...), agent.Endpoint(), file)
	defer h.cancel()
	if err := h.cmd.Run(); err == nil {
		t.Fatal("the host lived through a fatal fault")
	}
	if text := read(t, file); !strings.Contains(text, "goTestFault") {
		t.Errorf("crash_file holds %q, want the fault", tail(text))
	}
}

// 64 processes at once, each of which must get each of its answers.
func TestSixtyFourProcesses(t *testing.T) {
	lib := library(t, plain)
	agent := sdktest.NewAgent(t)
	program := compile(t, lib, "procs.c", linked(lib)...)
	hosts := make([]*host, 64)
	for i := range hosts {
		hosts[i] = command(t, program, agent.Endpoint())
		defer hosts[i].cancel()
		if err := hosts[i].cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, h := range hosts {
		if err := h.cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, tail(h.err.String()))
		}
	}
	if got, want := len(agent.Calls(api.MethodAuthStatus)), 64*50; got != want {
		t.Errorf("the agent saw %d requests, want %d", got, want)
	}
}
