//go:build linux

package ctest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// A host that cannot fail shows nothing. Each of these takes one guard out of
// the library and wants the host that watches it to fail.
func TestHostsSeePlantedFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library once a fault")
	}
	for _, tt := range []struct {
		name, file, from, to, host string
		flags                      []string
		asan                       bool
	}{
		{"the guest takes all cores", "export.go", "	runtime.GOMAXPROCS(2)\n", "	_ = runtime.GOMAXPROCS\n", "runtime.c", nil, false},
		{"the guest collects late", "export.go", "debug.SetGCPercent(50)", "debug.SetGCPercent(100)", "runtime.c", nil, false},
		{"the guest's memory has no end", "export.go", "	debug.SetMemoryLimit(64 << 20)\n", "", "runtime.c", nil, false},
		{"Go's threads take signals", "shim_linux.c", "pthread_sigmask(SIG_SETMASK, &all, &shim_mask_of_loader);", "pthread_sigmask(SIG_BLOCK, NULL, &shim_mask_of_loader); (void)all;", "signals.c", nil, false},
		{"a forked child enters Go", "shim_linux.c", "return getpid() != home ?", "return home == 0 ?", "fork.c", nil, false},
		{"shut_out waits for its own callback", "shim_events.c", "return c->calling && shim_thread_is_this(c->thread);", "return c->calling < 0;", "shutdown.c", nil, false},
		{"the host does not get its floating-point state back", "shim_linux.c", "fesetenv(&g->fpu);", "", "fpu.c", []string{"-D_GNU_SOURCE"}, false},
		{"descriptors below 3 are taken", "shim_linux.c", "taken |= 1 << fd;", "close(fd);", "closed_std.c", nil, false},
		{"texts are not checked", "shim_error.c", "            return ISCDESK_E_INVALID_ARGUMENT;", "            n = 1;", "args.c", []string{"-include", "stddef.h"}, false},
		{"the browser is a child of the host", "shim_browser_linux.c", "CLONE_VM | CLONE_VFORK, l); /* no", "CLONE_VM | CLONE_VFORK | SIGCHLD, l); /* no", "browser.c", []string{"-D_GNU_SOURCE"}, false},
		{"the end of the process waits", "shim_linux.c", "static pid_t home;", "static pid_t home;\nstatic void __attribute__((destructor)) late(void) { sleep(25); }", "exit_busy.cpp", nil, false},
		{"freed memory is read", "shim_rows.c", "    free(e->json);", "    free(e->json);\n    *(volatile char *)e->json = 0;", "stale.c", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			overlay := plant(t, tt.file, tt.from, tt.to)
			flags := append([]string{}, tt.flags...)
			env := []string{"GOEXTRA=-overlay=" + overlay}
			if tt.asan {
				env = []string{"GOEXTRA=-asan -overlay=" + overlay, "CCEXTRA=-fsanitize=address"}
				flags = append(flags, "-fsanitize=address")
			}
			if tt.host == "runtime.c" {
				env = append(env, "TAGS=iscdesk_testhooks")
			}
			lib := library(t, variant{name: "planted " + tt.name, env: env})

			agent := sdktest.NewAgent(t)
			agent.Page("http://127.0.0.1:8123/p")
			program := compile(t, lib, tt.host, append(linked(lib), flags...)...)
			args := []string{agent.Endpoint()}
			exit := 0
			switch tt.host {
			case "signals.c":
				args = append(args, filepath.Join(lib, "lib/libiscdesk.so.1"))
			case "closed_std.c":
				args = append(args, filepath.Join(dir, "second"))
			case "exit_busy.cpp":
				args, exit = append(args, "static"), 42
			case "browser.c":
				args = append(args, "open")
				write(t, filepath.Join(dir, "xdg-open"), "#!/bin/sh\n", 0o700)
			}
			h := command(t, program, args...)
			defer h.cancel()
			if exit != 0 {
				defer h.within(exiting)()
			}
			h.cmd.Env = append(h.cmd.Env, "DISPLAY=:77", "GOMAXPROCS=7", "PATH="+dir+":"+os.Getenv("PATH"))
			_ = h.cmd.Run()
			if h.cmd.ProcessState.ExitCode() == exit {
				t.Errorf("%s did not notice", tt.host)
			}
		})
	}
}

// plant makes the file for go build -overlay that changes one place of a file of cshim.
func plant(t *testing.T, file, from, to string) string {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(root, "cshim", file))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, source)
	if strings.Count(text, from) != 1 {
		t.Fatalf("%s has %q %d times, want once", file, from, strings.Count(text, from))
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, file), strings.Replace(text, from, to, 1), 0o600)
	overlay := filepath.Join(dir, "overlay.json")
	write(t, overlay, fmt.Sprintf(`{"Replace":{%q:%q}}`, source, filepath.Join(dir, file)), 0o600)
	return overlay
}

// The same for the link: without nodelete the code goes from under Go's threads.
func TestUnloadSeesTheMissingNodelete(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library once more")
	}
	lib := library(t, variant{name: "deletable", env: []string{"NODELETE=-Wl,-z,combreloc"}})
	agent := sdktest.NewAgent(t)
	h := command(t, compile(t, lib, "unload.c"), agent.Endpoint(), filepath.Join(lib, "lib/libiscdesk.so.1"))
	defer h.cancel()
	if err := h.cmd.Run(); err == nil {
		t.Error("unload.c did not notice")
	}
}
