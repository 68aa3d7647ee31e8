//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
)

// TestDemo runs the whole demo on what `make build` made.
func TestDemo(t *testing.T) {
	const build = "../../build"
	for _, name := range []string{"bin/iscdesk", "bin/iscdesk-agent", "bin/iscdesk-cloud", "lib/libiscdesk.so.1"} {
		if _, err := os.Stat(filepath.Join(build, name)); err != nil {
			need.Missing(t, "needs build/"+name+" (make build)")
		}
	}
	need.Command(t, "cc")
	need.Command(t, "pkg-config")
	program := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "-build", build, "-source", "../..")
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp") // other users must be able to reach the run's folder
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Nothing is left running") {
		t.Fatalf("demo: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestNothingBuilt says what is missing and leaves no user or process behind.
func TestNothingBuilt(t *testing.T) {
	d, err := newDemo(t.TempDir(), ".")
	if err == nil || !strings.Contains(err.Error(), "prepare programs") {
		t.Errorf("without programs: %v", err)
	}
	if err := d.clean(false); err != nil {
		t.Errorf("clean up: %v", err)
	}
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("the run's folder is left: %v", err)
	}
}

func TestShorten(t *testing.T) {
	d := &demo{engineer: &person{Home: "/home/e"}}
	for path, want := range map[string]string{"/home/e/a b": "~/a b", "/home/eve/a": "/home/eve/a", "": ""} {
		if got := d.shorten(path); got != want {
			t.Errorf("%q is shown as %q, want %q", path, got, want)
		}
	}
}
