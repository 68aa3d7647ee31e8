package ctest

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

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
