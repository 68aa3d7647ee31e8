//go:build linux

package winetest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// host builds testdata/host for a bitness.
func host(t *testing.T, w *Wine, arch string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "host"+arch+".exe")
	cmd := exec.Command("go", "build", "-overlay", w.Overlay(), "-o", out, "./testdata/host")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func TestWindowsProgramsRun(t *testing.T) {
	w := New(t)
	for _, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			if arch == "386" {
				w.Need32(t)
			}
			program := host(t, w, arch)
			cmd := w.Command(context.Background(), program, "7", "a b", "零件", w.Path(w.Home))
			cmd.Stdin = strings.NewReader("input")
			out, err := cmd.Output()
			if err == nil || cmd.ProcessState.ExitCode() != 7 {
				t.Fatalf("ended with %v, want exit code 7: %s", err, out)
			}
			var got struct {
				Arch, Home, Wd, In string
				Args               []string
				Removed            bool
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got.Arch != arch || got.In != "input" || !got.Removed || w.Linux(got.Home) != w.Home || w.Linux(got.Wd) != filepath.Dir(program) {
				t.Errorf("told %+v", got)
			}
			if want := []string{"a b", "零件", w.Path(w.Home)}; !slices.Equal(got.Args, want) {
				t.Errorf("arguments %q, want %q", got.Args, want)
			}
		})
	}
}

func TestWindowsProgramsAreKilled(t *testing.T) {
	w := New(t)
	for _, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			if arch == "386" {
				w.Need32(t)
			}
			program := host(t, w, arch)
			name := filepath.Base(program)
			cmd := w.Command(context.Background(), program, "sleep")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 6)); err != nil {
				t.Fatal(err)
			}
			if n := w.Kill(name, "other"); n != 0 {
				t.Errorf("killed %d that were not named", n)
			}
			if n := w.Kill(name, "sleep"); n != 1 {
				t.Errorf("killed %d, want 1 of %v", n, w.Processes(""))
			}
			_ = cmd.Wait()
			for end := time.Now().Add(10 * time.Second); len(w.Processes(name)) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%v still live", w.Processes(name))
				}
			}
		})
	}
}

func TestPathsBothWays(t *testing.T) {
	w := &Wine{Prefix: "/p/x"}
	for linux, windows := range map[string]string{
		"/p/x/drive_c":           `C:\`,
		"/p/x/drive_c/users/ä b": `C:\users\ä b`,
		"/p/x/drive_cc/a":        `Z:\p\x\drive_cc\a`,
		"/":                      `Z:\`,
		"/tmp/a.dxf":             `Z:\tmp\a.dxf`,
	} {
		if got := w.Path(linux); got != windows {
			t.Errorf("Path(%q) = %q, want %q", linux, got, windows)
		}
		if got := w.Linux(windows); got != linux {
			t.Errorf("Linux(%q) = %q, want %q", windows, got, linux)
		}
	}
	for _, same := range []string{"", "C:", "relative", `\\.\pipe\x`, `D:\x`} {
		if got := w.Linux(same); got != same {
			t.Errorf("Linux(%q) = %q", same, got)
		}
	}
}
