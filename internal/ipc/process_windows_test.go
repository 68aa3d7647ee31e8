package ipc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// rolePlayed makes this test program another process: a role, and its argument.
const rolePlayed = "ISCDESK_TEST_ROLE"

func TestMain(m *testing.M) {
	role, arg, _ := strings.Cut(os.Getenv(rolePlayed), " ")
	switch role {
	case "":
		os.Exit(m.Run())
	case "serve": // a pipe with a descriptor of its own; tells what came
		path, sddl, _ := strings.Cut(arg, " ")
		exit(serveAs(path, sddl))
	case "echo": // the other end of a Pair
		exit(echoInherited(arg))
	case "knock": // connects and dies
		_, err := Dial(arg, 10*time.Second)
		exit(err)
	}
	exit(fmt.Errorf("role %q", role))
}

func exit(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveAs(path, sddl string) error {
	name, err := pipeName(path)
	if err != nil {
		return err
	}
	var sd *windows.SECURITY_DESCRIPTOR
	if sddl != "" {
		if sd, err = windows.SecurityDescriptorFromString(sddl); err != nil {
			return err
		}
	}
	h, err := serve(name, false, windows.PIPE_UNLIMITED_INSTANCES, sd)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	l := &Listener{waiting: h}
	if l.closing, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return err
	}
	if l.connected, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return err
	}
	if err := l.await(); err != nil {
		return err
	}
	fmt.Println("met")
	c, err := newConn(h, path)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	fmt.Printf("got %q %v\n", got, err)
	return nil
}

func echoInherited(number string) error {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return err
	}
	if _, err := Inherited(windows.Handle(windows.Stdout)); err == nil {
		return errors.New("standard output was taken for a pair")
	}
	c, err := Inherited(windows.Handle(n))
	if err != nil {
		return err
	}
	l := NewLink(c, Options{Handle: echo})
	<-l.Done()
	if err := l.Err(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// play starts this program in a role; line gives its next line of output, and end
// waits for it.
func play(t *testing.T, role string, inherits ...windows.Handle) (line func() string, end func() error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), rolePlayed+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	for _, h := range inherits {
		cmd.SysProcAttr.AdditionalInheritedHandles = append(cmd.SysProcAttr.AdditionalInheritedHandles, syscall.Handle(h))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewReader(out)
	return func() string {
		s, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%q, %v", s, err)
		}
		return strings.TrimSpace(s)
	}, cmd.Wait
}

// needOwner ends a test that plays another owner: Windows lets only a few name one.
func needOwner(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), windows.ERROR_INVALID_OWNER.Error()) {
		need.Missing(t, "needs the right to name another user as the owner of a pipe")
	}
	t.Fatal(err)
}

// A program that made the pipe first would decide who may connect: the agent does not
// start beside it, and says who it is.
func TestSquattedPipe(t *testing.T) {
	path := pipePath()
	line, _ := play(t, "serve "+path)
	if got := line(); got != "ready" {
		t.Fatal(got)
	}
	_, err := ListenPipe(path, true)
	if api.CodeOf(err) != api.Forbidden || !strings.Contains(err.Error(), "serves a pipe of that name already") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(err.Error(), "process ") {
		t.Errorf("not told by whom: %v", err)
	}
}

// Whoever serves a pipe in an agent's place is refused before the first byte.
func TestImpostors(t *testing.T) {
	own, err := ownSID()
	if err != nil {
		t.Fatal(err)
	}
	const dacl = "D:(A;;FA;;;WD)"
	tests := []struct{ name, sddl, says string }{
		{"another user's pipe", "O:S-1-5-21-1-2-3-1001" + dacl, "process"},
		{"the administrators' pipe", "O:BA" + dacl, "process"},
		{"the system's pipe, served by this user", "O:SY" + dacl, "runs as " + own},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := pipePath()
			line, end := play(t, "serve "+path+" "+tt.sddl)
			if got := line(); got != "ready" {
				needOwner(t, errors.New(got))
			}
			c, err := Dial(path, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			s, err := ServerIdentity(c)
			if api.CodeOf(err) != api.AgentUntrusted || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %+v, %v", s, err)
			}
			if got := line(); got != "met" { // one that comes and goes before it is met is no client
				t.Errorf("the impostor %s", got)
			}
			_ = c.Close()
			if got := line(); got != `got "" <nil>` {
				t.Errorf("the impostor %s", got)
			}
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPairWithAProcess(t *testing.T) {
	need.NoLeak(t)
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	_, end := play(t, fmt.Sprint("echo ", uint64(theirs)), theirs)
	_ = windows.CloseHandle(theirs)
	link := NewLink(ours, Options{})
	big := strings.Repeat("x", 900<<10)
	for _, sent := range []string{"a", big, ""} {
		var got string
		if err := link.Call(t.Context(), "echo", sent, &got); err != nil || got != sent {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	}
	_ = link.Close()
	<-link.Done()
	if err := end(); err != nil {
		t.Error(err)
	}
}

// The end of the other process is the end of the link.
func TestPairOutlivesItsProcess(t *testing.T) {
	need.NoLeak(t)
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	link := NewLink(ours, Options{})
	_ = windows.CloseHandle(theirs)
	<-link.Done()
	if err := link.Err(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestInheritedTakesAPairOnly(t *testing.T) {
	c, peer := connected(t)
	defer c.Close()
	defer peer.Close()
	server, ok := peer.(*Conn)
	if !ok {
		t.Fatalf("%T", peer)
	}
	for name, end := range map[string]*Conn{"a server's end": server, "the end of an endpoint that all share": c} {
		_ = end.With(func(h windows.Handle) error {
			if _, err := Inherited(h); err == nil {
				t.Errorf("%s was taken", name)
			}
			return nil
		})
	}
	if _, err := Inherited(windows.Handle(0xfff0)); err == nil {
		t.Error("no handle at all was taken")
	}
}

// Clients that connect and die at once, before or after they are accepted, cost the next
// one nothing.
func TestClientsThatDieAtTheDoor(t *testing.T) {
	need.NoLeak(t)
	l := listenAt(t, pipePath())
	_, end := play(t, "knock "+l.path)
	if err := end(); err != nil { // gone before anybody accepts
		t.Fatal(err)
	}
	go func() { // ends with the listener: greets whoever is there
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	for range 2 {
		_, end := play(t, "knock "+l.path)
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Dial(l.path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_ = l.Close()
}
