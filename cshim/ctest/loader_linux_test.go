package ctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// The run-time loader in a real registry: 64-bit and 32-bit programs, with a DLL of the
// library's name in the current folder, which is the program's as well.
func TestWindowsLoaderFindsTheLibraryByTheRegistry(t *testing.T) {
	w := winetest.New(t)
	const key = `SOFTWARE\ISCDesk`
	dir := t.TempDir()
	decoy := filepath.Join(dir, "decoy.c")
	write(t, decoy, "__declspec(dllexport) int iscdesk_abi(void) { return 1; }\n", 0o600)
	installed := map[string]string{}
	for _, b := range bitnesses {
		b.build(t, filepath.Join(dir, "lib"))
		installed[b.arch] = w.Path(filepath.Join(dir, "lib", b.arch, b.dll+".dll"))
		careless := filepath.Join(dir, b.arch)
		if err := os.Mkdir(careless, 0o755); err != nil {
			t.Fatal(err)
		}
		b.host(t, filepath.Join(dir, "lib"), careless, "loader_registry.c", true)
		if out, err := exec.Command(need.Command(t, b.gcc), "-shared", "-o", filepath.Join(careless, b.dll+".dll"), decoy).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	write(t, filepath.Join(dir, "text.dll"), "no library\n", 0o600)
	_, _ = w.Run(t, time.Minute, filepath.Join(dir, "x64/loader_registry.exe")) // the system starts, and holds the pipes of the first program
	for i, b := range bitnesses {
		other := bitnesses[1-i]
		value := map[string]string{"x64": "Library64", "x86": "Library32"}[b.arch]
		for _, tt := range []struct {
			name string
			args []string // hive, key, value, type, text; or "plain"
			want string   // the program's line
		}{
			{"nothing", nil, "5 "},
			{"the full path", []string{"HKLM", key, value, "1", installed[b.arch]}, "0 " + installed[b.arch]},
			{"a bare name asked of Windows is the decoy", []string{"plain"}, "0 " + w.Path(filepath.Join(dir, b.arch, b.dll+".dll"))},
			{"a bare name", []string{"HKLM", key, value, "1", b.dll + ".dll"}, "7 "},
			{"below the current folder", []string{"HKLM", key, value, "1", `.\` + b.dll + ".dll"}, "7 "},
			{"a file that is not there", []string{"HKLM", key, value, "1", `C:\nowhere\` + b.dll + ".dll"}, "1 "},
			{"the other bitness's library", []string{"HKLM", key, value, "1", installed[other.arch]}, "10 "},
			{"no library", []string{"HKLM", key, value, "1", w.Path(filepath.Join(dir, "text.dll"))}, "10 "},
			{"a share", []string{"HKLM", key, value, "1", `\\server\share\` + b.dll + ".dll"}, "8 "},
			{"too long", []string{"HKLM", key, value, "1", `C:\` + strings.Repeat("a", 257)}, "9 "},
			{"far too long", []string{"HKLM", key, value, "1", `C:\` + strings.Repeat("a", 2000)}, "9 "},
			{"with variables", []string{"HKLM", key, value, "2", installed[b.arch]}, "6 "},
			{"a number", []string{"HKLM", key, value, "4", "7777"}, "6 "},
			{"the other bitness's entry alone", []string{"HKLM", key, strings.Replace("Library64Library32", value, "", 1), "1", installed[other.arch]}, "5 "},
			{"the user's own part", []string{"HKCU", key, value, "1", installed[b.arch]}, "5 "},
			{"the 32-bit view", []string{"HKLM", `SOFTWARE\Wow6432Node\ISCDesk`, value, "1", installed[b.arch]}, "5 "},
		} {
			t.Run(b.arch+" "+tt.name, func(t *testing.T) {
				if b.arch == "x86" {
					w.Need32(t)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				program := filepath.Join(dir, b.arch, "loader_registry.exe") // and it starts in that folder
				cmd := w.Command(ctx, program, tt.args...)
				var says strings.Builder
				cmd.Stderr = &says
				out, err := cmd.Output()
				if got := strings.TrimRight(string(out), "\r\n"); err != nil || !strings.EqualFold(got, tt.want) {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
				if fails := !strings.HasPrefix(tt.want, "0 "); fails != (strings.TrimSpace(says.String()) != "") {
					t.Errorf("it says %q", says.String())
				}
			})
		}
	}
}
