package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// own is this program; another user reaches it by this path only.
func own(*testing.T) string { return "/proc/self/exe" }

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
