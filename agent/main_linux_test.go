package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

func start(t *testing.T, env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append([]string{asProgram + "=1", "PATH=/usr/bin:/bin", "HOME=/nonexistent"}, env...)
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
		{"a configuration that is not there", []string{"run", "--config", filepath.Join(dir, "none")}, "no such file", 1},
		{"a cloud without TLS", []string{"run", "--cloud", "http://x"}, "is not an https address", 1},
		{"a relative socket", []string{"run", "--socket", "x"}, "is not an absolute path", 1},
		{"an unknown option", []string{"run", "--insecure"}, "unknown flag", 2},
		{"no command", nil, "expected one of", 2},
		{"asked for help", []string{"--help"}, "Run the agent in the foreground", 0},
		{"asked how it is run", []string{"run", "--help"}, "~/.config/iscdesk/agent.toml", 0},
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

// notified starts the agent and waits for the word that systemd waits for.
func notified(t *testing.T, cred *syscall.Credential) (cmd *exec.Cmd, out *bytes.Buffer, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "iscdesk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = notify.Close() })
	if err := os.Chmod(filepath.Join(dir, "notify"), 0o666); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "run", "agent.sock")
	cmd, out = start(t, []string{"NOTIFY_SOCKET=" + filepath.Join(dir, "notify"), "XDG_CONFIG_HOME=" + dir, "XDG_STATE_HOME=" + dir},
		"run", "--socket", socket, "--state", filepath.Join(dir, "state"))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	_ = notify.SetReadDeadline(time.Now().Add(20 * time.Second))
	word := make([]byte, 100)
	n, err := notify.Read(word)
	if err != nil || string(word[:n]) != "READY=1" {
		t.Fatalf("systemd was told %q (%v)\n%s", word[:n], err, out)
	}
	return cmd, out, socket
}

func TestRunIsReadyAndEndsOnATerm(t *testing.T) {
	cmd, out, socket := notified(t, nil)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatalf("ready, and nobody can connect: %v", err)
	}
	_ = conn.Close()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("end: %v\n%s", err, out)
	}
}

func TestOrdinaryUserRunsAnAgentOfTheirOwn(t *testing.T) {
	need.Root(t)
	cmd, out, socket := notified(t, &syscall.Credential{Uid: 64401, Gid: 64401})
	for path, want := range map[string]os.FileMode{socket: os.ModeSocket | 0o600, filepath.Dir(socket): os.ModeDir | 0o700} {
		if st, err := os.Stat(path); err != nil || st.Mode() != want {
			t.Errorf("%s: %v (%v), want %v", path, st.Mode(), err, want)
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("end: %v\n%s", err, out)
	}
}
