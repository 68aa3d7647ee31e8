package ctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/winetest"
)

// As TestHostsSeePlantedFaults, for what guards the library on Windows: each of these
// takes one guard out and wants the row that watches it to fail, by the host's own word
// or by its end.
func TestWindowsHostsSeePlantedFaults(t *testing.T) {
	w := winetest.New(t)
	program := tests(t, w)
	for _, tt := range []struct {
		name, file, from, to, row string
		b                         windows
	}{
		{"the DLL is not pinned", "shim_start_windows.c", "if (!pin())", "if (0 && !pin())", "1 unload", bitnesses[0]},
		{"Go waits for the loader's lock", "shim_start_windows.c", "if (!threads_begin())", "if (0 && !threads_begin())", "7 first call in DllMain", bitnesses[0]},
		{"Go is entered at the end of the process", "shim_start_windows.c", "return RtlDllShutdownInProgress() ?", "return 0 ?", "8 exit with a plug-in's static destructor", bitnesses[0]},
		{"Go keeps its exception filter", "shim_start_windows.c", "        (void)SetUnhandledExceptionFilter(filter);\n        state = STARTED;", "        state = STARTED;", "28 own exception filter", bitnesses[1]},
		{"a full address space is not looked at", "shim_start_windows.c", "may = state != NOT_STARTED || has_room(0);", "may = 1;", "18 no address space", bitnesses[1]},
		{"Go lays hold of half a gigabyte", "shim_start_windows.c", "            if (fencing)\n", "            if (fencing < 0)\n", "18 address space", bitnesses[1]},
		{"the host does not get its floating-point state back", "shim_windows.c", `    __asm__ volatile("ldmxcsr %0" : : "m"(g->sse));`, "", "29 floating point on Windows", bitnesses[0]},
		{"shut_out waits for its own callback", "shim_events.c", "return c->calling && shim_thread_is_this(c->thread);", "return c->calling < 0;", "5 and 6 shutdown", bitnesses[0]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.b.arch == "x86" {
				w.Need32(t)
			}
			dir := t.TempDir()
			lib, folder := filepath.Join(dir, "lib"), filepath.Join(dir, "plain")
			tt.b.build(t, lib, "GOEXTRA=-overlay="+plant(t, tt.file, tt.from, tt.to))
			i := slices.IndexFunc(rows(), func(r row) bool { return r.row == tt.row })
			tt.b.furnish(t, lib, folder, rows()[i])
			out, code := w.Run(t, 3*time.Minute, program, "-programs", w.Path(dir), "-test.run", "TestHosts$/^"+regexp.QuoteMeta(strings.ReplaceAll(tt.row, " ", "_"))+"$")
			if code == 0 || !strings.Contains(out, "--- FAIL: TestHosts/") || strings.Contains(out, "fork/exec") {
				t.Errorf("%s did not notice: exit code %d\n%s", rows()[i].source, code, out)
			}
		})
	}
	t.Run("an old Windows is not looked for", func(t *testing.T) {
		if err := os.Remove(filepath.Join(w.Prefix, "drive_c/windows/system32/bcryptprimitives.dll")); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		bitnesses[0].build(t, dir, "GOEXTRA=-overlay="+plant(t, "shim_start_windows.c", "if (!system_serves())", "if (0 && !system_serves())"))
		bitnesses[0].host(t, dir, filepath.Join(dir, "x64"), "oldwin.c", false)
		if out, code := w.Run(t, time.Minute, filepath.Join(dir, "x64/oldwin.exe"), `\\.\pipe\none`); code == 0 {
			t.Errorf("oldwin.c did not notice:\n%s", out)
		}
	})
}
