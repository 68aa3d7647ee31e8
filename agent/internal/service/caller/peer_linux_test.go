package caller

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
)

// dialProgram makes this test program a caller: it connects and waits.
const dialProgram = "ISCDESK_TEST_DIAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(dialProgram); path != "" {
		conn, err := net.Dial("unix", path)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		_, _ = conn.Read(make([]byte, 1))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// accept starts the program as a user and accepts its connection.
func accept(t *testing.T, cred *syscall.Credential) (*Peer, *exec.Cmd, *net.UnixConn) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "iscdesk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for p, mode := range map[string]os.FileMode{dir: 0o755, path: 0o666} {
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{dialProgram + "=" + path}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	conn, err := ln.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	peer, err := Accepted(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	return peer, cmd, conn
}

func TestPeerHasAllItsGroups(t *testing.T) {
	need.Root(t)
	for _, n := range []int{0, 1, 63, 64, 65, 1000} {
		var groups []uint32
		want := []int{}
		for i := range n {
			groups, want = append(groups, uint32(70000+i)), append(want, 70000+i)
		}
		peer, cmd, _ := accept(t, &syscall.Credential{Uid: 64301, Gid: 64302, Groups: groups})
		slices.Sort(peer.Groups)
		if peer.UID != "64301" || peer.GID != 64302 || peer.PID != cmd.Process.Pid || !slices.Equal(peer.Groups, want) || peer.Root() {
			t.Errorf("%d groups: peer %s:%d pid %d has %d", n, peer.UID, peer.GID, peer.PID, len(peer.Groups))
		}
	}
}

func TestExecutableOfAnotherUsersProcess(t *testing.T) {
	need.Root(t)
	peer, cmd, _ := accept(t, &syscall.Credential{Uid: 64301, Gid: 64301})
	f, err := peer.Executable()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Stat("/proc/self/exe")
	if err != nil || !os.SameFile(got, own) {
		t.Errorf("not the program that runs: %v, %v", got.Name(), err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if f, err := peer.Executable(); err == nil {
		_ = f.Close()
		t.Error("a process that has ended still has a program")
	}
}

// A number that means another process by now must not lend its program.
func TestExecutableNoticesAnotherProcess(t *testing.T) {
	need.Root(t)
	peer, cmd, _ := accept(t, &syscall.Credential{Uid: 64301, Gid: 64301})
	_, other, _ := accept(t, &syscall.Credential{Uid: 64303, Gid: 64303})
	refused := func(name string, pid int) {
		t.Helper()
		planted := *peer
		planted.PID = pid
		if f, err := planted.Executable(); err == nil {
			_ = f.Close()
			t.Errorf("the program of a process %s was taken", name)
		}
	}
	refused("of another user", other.Process.Pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	refused("that was given the number of one that ended", os.Getpid())
}
