//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/e2e/desk"
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

// TestDemo runs the whole demo as whoever runs the tests and, where that is root, beside it as
// an ordinary user, from a copy of what that user needs of the tree.
func TestDemo(t *testing.T) {
	program := program(t)
	ran := func(t *testing.T, out []byte, err error) {
		if err != nil || !strings.Contains(string(out), "Nothing is left running") {
			t.Fatalf("demo: %v\n%s", err, out)
		}
		t.Logf("%s", out)
	}
	t.Run("as who runs the tests", func(t *testing.T) {
		t.Parallel()
		out, err := runDemo(program, "../..")
		ran(t, out, err)
	})
	if os.Geteuid() != 0 {
		return
	}
	t.Run("as an ordinary user", func(t *testing.T) {
		t.Parallel()
		cmd := asAnyone(t, program)
		out, err := cmd.CombinedOutput()
		ran(t, out, err)
		if !strings.Contains(string(out), "Not root:") {
			t.Errorf("it was not an ordinary user's run:\n%s", out)
		}
		if left, err := filepath.Glob(cmd.Dir + "/tmp/*"); err != nil || len(left) > 0 {
			t.Errorf("the run left %v, %v", left, err)
		}
	})
}

// asAnyone prepares the demo for a made user without any right, whose home and folder for
// temporary files end with the test.
func asAnyone(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "iscdemo-") // not t.TempDir: its parents are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{
		"build/bin": build + "/bin", "build/lib": build + "/lib", "build/include": build + "/include",
		"source/cshim/examples": "../../cshim/examples",
	} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"demo": program, "source/cloud/openapi.yaml": "../../cloud/openapi.yaml"} {
		if err := copyProgram(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	u, err := desk.AddUser(dir, "iscdemo-u"+strconv.Itoa(os.Getpid()), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Remove(); err != nil {
			t.Error(err)
		}
	})
	temp := u.Home + "/tmp"
	if err := errors.Join(os.Mkdir(temp, 0o700), os.Chown(temp, int(u.Credential.Uid), int(u.Credential.Gid))); err != nil {
		t.Fatal(err)
	}
	cmd := u.Command(dir+"/demo", "-build", dir+"/build", "-source", dir+"/source")
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	return cmd
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
