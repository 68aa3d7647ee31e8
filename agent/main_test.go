package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/installer/linux"
)

// asProgram makes this test program the agent itself.
const asProgram = "ISCDESK_TEST_AGENT"

func TestMain(m *testing.M) {
	// A worker and a service have an environment of their own: they are known by the argument.
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && (os.Args[1] == "worker" || os.Args[1] == "run") {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start is this program as the agent, with an environment of its own.
func start(t *testing.T, env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(own(t), args...)
	cmd.Env = append([]string{asProgram + "=1", "PATH=/usr/bin:/bin", "HOME=/nonexistent", "SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func TestCommandLineThatStartsNothing(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "agent.toml")
	if err := os.WriteFile(bad, []byte("# x\nskip_verify = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
		code int
	}{
		{"a worker by hand", []string{"worker"}, "workers are started by the service only", 1},
		{"an unknown setting", []string{"run", "--config", bad}, `line 2: unknown setting "skip_verify"`, 1},
		{"a configuration that is not there", []string{"run", "--config", filepath.Join(dir, "none")}, "open configuration", 1},
		{"a cloud without TLS", []string{"run", "--cloud", "http://x"}, "is not an https address", 1},
		{"a relative socket", []string{"run", "--socket", "x"}, "is not an absolute path", 1},
		{"an unknown option", []string{"run", "--insecure"}, "unknown flag", 2},
		{"no command", nil, "expected one of", 2},
		{"asked for help", []string{"--help"}, "Run the agent in the foreground", 0},
		{"asked how it is run", []string{"run", "--help"}, "agent.toml", 0},
		{"asked for its version", []string{"--version"}, "devel", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd, out := start(t, nil, tt.args...)
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("got %v (%d), %s; want %d, %q", err, code, out, tt.code, tt.want)
			}
		})
	}
}

// The service library takes its options as a map of any values, where a wrong
// type silently means the default.
func TestServiceOptionsHaveTheTypesThatAreRead(t *testing.T) {
	c := serviceConfig(func() {})
	for name, ok := range map[string]bool{
		"SystemdScript":          c.Option["SystemdScript"] == any(linux.UnitTemplate()),
		"OnFailure":              c.Option["OnFailure"] == any("restart"),
		"OnFailureDelayDuration": c.Option["OnFailureDelayDuration"] == any("1s"),
		"OnFailureResetPeriod":   c.Option["OnFailureResetPeriod"] == any(60),
	} {
		if !ok {
			t.Errorf("option %s is %v", name, c.Option[name])
		}
	}
	if _, ok := c.Option["RunWait"].(func()); !ok {
		t.Error("option RunWait is no func()")
	}
	if c.Name != "iscdesk-agent" || len(c.Arguments) != 1 || c.Arguments[0] != "run" {
		t.Errorf("service %+v", c)
	}
}
