package caller

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// dialProgram makes this test program a caller: it connects and waits.
const dialProgram = "ISCDESK_TEST_DIAL"

func TestMain(m *testing.M) {
	if arg := os.Getenv(dialProgram); arg != "" {
		if err := call(arg); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func call(arg string) error {
	conn, err := ipc.Dial(arg, 10*time.Second)
	if err != nil {
		return err
	}
	_, _ = conn.Read(make([]byte, 1))
	return nil
}

func listen(t *testing.T) (*ipc.Listener, string) {
	t.Helper()
	path := `\\.\pipe\iscdesk-test-` + rand.Text()
	l, err := ipc.ListenPipe(path, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, path
}

// start runs the program as a caller of the pipe.
func start(t *testing.T, arg string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), dialProgram+"="+arg)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func accept(t *testing.T, l *ipc.Listener) *ipc.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestPeerIsTheOtherProcess(t *testing.T) {
	l, path := listen(t)
	cmd := start(t, path)
	peer, err := Accepted(accept(t, l))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	self, err := identityOf(windows.GetCurrentProcessToken())
	if err != nil {
		t.Fatal(err)
	}
	if peer.UID != Own() || peer.PID != cmd.Process.Pid || peer.Logon != self.logon || peer.Elevated != self.elevated || !peer.SameRights() {
		t.Errorf("peer %+v, this process %+v", peer.Actor, self)
	}
	f, err := peer.Executable()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Stat(cmd.Path)
	if err != nil || !os.SameFile(got, own) {
		t.Errorf("not the program that runs: %v, %v", f.Name(), err)
	}
	other, err := os.Stat(`C:\windows\system32\kernel32.dll`)
	if err == nil && os.SameFile(got, other) {
		t.Error("every file is the program that runs")
	}
}

// A worker is started with the token; it is good until the connection ends, and what was
// copied from it before, longer.
func TestTokenStartsAProcess(t *testing.T) {
	l, path := listen(t)
	start(t, path)
	peer, err := Accepted(accept(t, l))
	if err != nil {
		t.Fatal(err)
	}
	token, err := peer.Token.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	defer token.Close()
	if who, err := identityOf(token); err != nil || who.uid != peer.UID || who.logon != peer.Logon {
		t.Errorf("the token is of %+v, %v", who, err)
	}
	held := peer.Token
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Duplicate(); err == nil {
		t.Error("a token of a connection that has ended")
	}
	var nobodys *Token
	if _, err := nobodys.Duplicate(); err == nil {
		t.Error("a token of nobody")
	}
	if err := held.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := peer.Executable(); err == nil {
		t.Error("a peer that was given back has a program")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), dialProgram+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Token: syscall.Token(token)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	child, err := Accepted(accept(t, l))
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if child.UID != peer.UID || child.PID != cmd.Process.Pid {
		t.Errorf("the child is %+v", child.Actor)
	}
}

// A caller that is gone before anybody looked is nobody.
func TestPeerThatHasEnded(t *testing.T) {
	l, path := listen(t)
	cmd := start(t, path)
	conn := accept(t, l)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if peer, err := Accepted(conn); err == nil {
		t.Errorf("got %+v", peer.Actor)
	}
}

func TestPeerWhoseConnectionIsClosed(t *testing.T) {
	l, path := listen(t)
	start(t, path)
	conn := accept(t, l)
	_ = conn.Close()
	if _, err := Accepted(conn); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// Two identities must be one: whom the kernel says the pipe was opened as, and whom the
// process runs as.
func TestClaimOfAnotherIdentity(t *testing.T) {
	const alice, bob, system = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-5-18"
	tests := []struct {
		name         string
		opened, runs identity
		ok           bool
	}{
		{"one", identity{alice, 7, false}, identity{alice, 7, false}, true},
		{"an administrator's program", identity{alice, 8, true}, identity{alice, 8, true}, true},
		{"opened as another user", identity{bob, 7, false}, identity{alice, 7, false}, false},
		{"opened as the system", identity{system, 0x3e7, true}, identity{alice, 7, false}, false},
		{"a service in a user's name", identity{alice, 7, false}, identity{system, 0x3e7, true}, false},
		{"a number that is another user's process by now", identity{alice, 7, false}, identity{bob, 9, false}, false},
		{"another logon of the same user", identity{alice, 7, false}, identity{alice, 8, false}, false},
		{"the upper half of the logon", identity{alice, 1 << 32, false}, identity{alice, 2 << 32, false}, false},
		{"more rights than its process", identity{alice, 7, true}, identity{alice, 7, false}, false},
		{"fewer rights than its process", identity{alice, 7, false}, identity{alice, 7, true}, false},
		{"nobody", identity{}, identity{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.opened.sameAs(tt.runs)
			if (err == nil) != tt.ok || !tt.ok && api.CodeOf(err) != api.Forbidden {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Who is refused file operations by a system's agent.
func TestRootOfWindows(t *testing.T) {
	tests := []struct {
		uid      UID
		elevated bool
		root     bool
	}{
		{"S-1-5-21-1-2-3-1001", false, false},
		{"S-1-5-21-1-2-3-1001", true, true},
		{"S-1-5-18", true, true},
		{"S-1-5-18", false, true},
		{"S-1-5-19", false, true},
		{"S-1-5-20", false, true},
		{"S-1-5-181", false, false},
	}
	for _, tt := range tests {
		a := Actor{UID: tt.uid, Rights: Rights{Elevated: tt.elevated}}
		if a.SameRights() != (tt.elevated == windows.GetCurrentProcessToken().IsElevated()) {
			t.Errorf("%+v: same rights %t", tt, a.SameRights())
		}
		if a.Root() != tt.root || tt.uid.System() != (tt.uid == "S-1-5-18") {
			t.Errorf("%+v: root %t", tt, a.Root())
		}
	}
}
