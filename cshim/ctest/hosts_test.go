//go:build linux

package ctest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// Every program that needs no more than an endpoint. row is the pitfall's
// number in docs/abi.md.
func TestHosts(t *testing.T) {
	lib := library(t, plain)
	file := filepath.Join(lib, "lib", "libiscdesk.so.1")
	for _, tt := range []struct {
		row, source string
		flags       []string // beside those of a linked program
		loads       bool     // the program loads the library itself, by its path
		exit        int
		args        []string
	}{
		{row: "1 unload", source: "unload.c", loads: true, args: []string{file}},
		{row: "4 throw", source: "throw.cpp", flags: []string{"-std=c++98"}},
		{row: "5 and 6 shutdown", source: "shutdown.c"},
		{row: "8 exit in a callback", source: "exit_busy.cpp", args: []string{"callback"}, exit: 42},
		{row: "8 exit in a call", source: "exit_busy.cpp", args: []string{"calls"}, exit: 42},
		{row: "8 exit with a static destructor", source: "exit_busy.cpp", args: []string{"static"}, exit: 42},
		{row: "10 signals", source: "signals.c", flags: []string{"-Wno-pedantic"}, loads: true, args: []string{file}},
		{row: "11 interrupted waits", source: "eintr.c"},
		{row: "12 fork", source: "fork.c"},
		{row: "21 and 22 every call", source: "calls.c", args: []string{"FOLDER"}},
		{row: "23 stale handles", source: "stale.c"},
		{row: "23 bad arguments", source: "args.c", flags: []string{"-include", "stddef.h"}},
		{row: "25 idle", source: "idle.c"},
		{row: "26 environment", source: "env.c", args: []string{"FOLDER"}},
		{row: "27 closed descriptors", source: "closed_std.c", args: []string{"FOLDER/second"}},
		{row: "29 floating point", source: "fpu.c", flags: []string{"-D_GNU_SOURCE"}},
		{row: "30 small stacks", source: "smallstack.c", flags: []string{"-D_GNU_SOURCE", "-Wl,-z,now"}},
		{row: "message loop", source: "loop.c"},
		{row: "events nobody reads", source: "deaf.c"},
		{row: "class style", source: "classstyle.cpp", flags: []string{"-std=c++98", "-pedantic"}},
		{row: "modern client", source: "modern.cpp", flags: []string{"-std=c++11", "-pedantic"}},
		{row: "modern client, every call", source: "modern_calls.cpp", flags: []string{"-std=c++11", "-pedantic"}, args: []string{"FOLDER"}},
		{row: "run-time loader", source: "loader.c", flags: []string{"-std=c89", "-pedantic"}, loads: true, args: []string{file}},
		{row: "run-time loader on Windows", source: "loader_windows.c", flags: []string{"-std=c89", "-pedantic", "-D_WIN32", "-D__cdecl=", "-Itestdata/windows"}, loads: true},
		{row: "run-time loader without a library", source: "loader.c", loads: true, args: []string{""}},
		{row: "run-time loader with another library", source: "loader.c", loads: true, args: []string{"libm.so.6"}},
	} {
		t.Run(tt.row, func(t *testing.T) {
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
				args = append(args, strings.ReplaceAll(a, "FOLDER", agent.Folder()))
			}
			h := command(t, program, args...)
			if tt.source == "exit_busy.cpp" {
				defer h.within(exiting)()
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

// The hooks that plant faults are in no library that ships.
func TestShippedLibraryHasNoTestHooks(t *testing.T) {
	for _, name := range exported(t, library(t, plain)) {
		if strings.Contains(name, "test") {
			t.Errorf("%s is exported", name)
		}
	}
}

// Row 22: the borders between Go's and C's memory, checked by the runtime.
func TestPointersAcrossTheBorder(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the Go runtime anew")
	}
	lib := library(t, checked)
	agent := sdktest.NewAgent(t)
	command(t, compile(t, lib, "calls.c", linked(lib)...), agent.Endpoint(), agent.Folder()).run(t, 0)
}

// Rows 21 and 35: every call under the address sanitizer, Go's half as well.
func TestAddressSanitizer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the Go runtime anew")
	}
	lib := library(t, asan)
	for _, source := range []string{"calls.c", "stale.c"} {
		agent := sdktest.NewAgent(t)
		args := []string{agent.Endpoint()}
		if source == "calls.c" {
			args = append(args, agent.Folder())
		}
		h := command(t, compile(t, lib, source, append(linked(lib), "-fsanitize=address")...), args...)
		h.cmd.Env = append(h.cmd.Env, "ASAN_OPTIONS=detect_leaks=0") // the runtime's own memory lives for ever
		h.run(t, 0)
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
