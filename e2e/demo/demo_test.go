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

const build = "../../build"

// program builds the demo for what `make build` made.
func program(t *testing.T) string {
	t.Helper()
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
	return program
}

// runDemo runs it with the project's sources in a folder.
func runDemo(program, source string) ([]byte, error) {
	cmd := exec.Command(program, "-build", build, "-source", source)
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp") // other users must be able to reach the run's folder
	return cmd.CombinedOutput()
}

// TestDemo runs the whole demo.
func TestDemo(t *testing.T) {
	out, err := runDemo(program(t), "../..")
	if err != nil || !strings.Contains(string(out), "Nothing is left running") {
		t.Fatalf("demo: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestDemoEndsOffTheContract gives the demo a description that the cloud does not
// keep in one answer: it says so and fails.
func TestDemoEndsOffTheContract(t *testing.T) {
	program, source := program(t), t.TempDir()
	text, err := os.ReadFile("../../cloud/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const members = "required: [ed25519"
	bent := strings.Replace(string(text), members, members+", moon", 1)
	if bent == string(text) {
		t.Fatal("the fault could not be planted")
	}
	if err := os.Mkdir(filepath.Join(source, "cloud"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "cloud", "openapi.yaml"), []byte(bent), 0o600); err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../../cshim")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(source, "cshim")); err != nil {
		t.Fatal(err)
	}
	out, err := runDemo(program, source)
	if said := string(out); err == nil || !strings.Contains(said, `/v1/issuer/key, status 200`) || !strings.Contains(said, `property "moon" is missing`) {
		t.Errorf("an answer off the contract: %v\n%s", err, out)
	}
	if _, kept, ok := strings.Cut(string(out), "demo: logs are kept in "); ok {
		dir, _, _ := strings.Cut(kept, "\n")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
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
