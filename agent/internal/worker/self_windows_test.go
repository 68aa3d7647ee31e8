package worker

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
)

// takesLink makes this test program a process that takes up what it is told is its link,
// passesLink one that starts such a process.
const (
	takesLink  = "ISCDESK_TEST_LINK"
	passesLink = "ISCDESK_TEST_LINK_BETWEEN"
)

func TestMain(m *testing.M) {
	between, err := strconv.Atoi(os.Getenv(passesLink))
	if err == nil {
		out, err := take(takesLink, windows.Handle(between))
		fmt.Println(out, err)
		os.Exit(0)
	}
	number, err := strconv.Atoi(os.Getenv(takesLink))
	if err == nil {
		_, err = Socket(number)
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// link is a pair in one process, which Socket refuses: it has another parent.
func link(t *testing.T) (service, worker io.ReadWriteCloser) {
	t.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ipc.Inherited(theirs)
	if err != nil {
		t.Fatal(err)
	}
	return ours, conn
}

func told(r workerapi.Rights) bool { return r.Session != 0 && r.Privileges != nil }

// take starts this program as, with the handle inherited and its number told.
func take(as string, h windows.Handle) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
		return "", err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), takesLink+"=", passesLink+"=", as+"="+fmt.Sprint(uintptr(h)))
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(h)}}
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// freshPair makes a link for one use: a handle cannot be taken up twice.
func freshPair(t *testing.T) (*ipc.Conn, windows.Handle) {
	t.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return ours, theirs
}

func TestSocketTakesItsParentsPipeOnly(t *testing.T) {
	_, child := freshPair(t)
	if got, err := take(takesLink, child); err != nil || got != "<nil>" {
		t.Errorf("its parent's: %s, %v", got, err)
	}
	_, grandchild := freshPair(t)
	if got, err := take(passesLink, grandchild); err != nil || !strings.Contains(got, "which started this one") {
		t.Errorf("its parent's parent's: %s, %v", got, err)
	}
	ours, theirs := freshPair(t)
	if _, err := Socket(int(theirs)); err == nil {
		t.Error("a pipe of this process itself is taken for its parent's")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out, in windows.Handle
	if err := windows.CreatePipe(&out, &in, nil, 0); err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(out)
	defer windows.CloseHandle(in)
	var server windows.Handle
	if err := ours.With(func(h windows.Handle) error { server = h; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]windows.Handle{"a file": windows.Handle(file.Fd()), "an unnamed pipe": in, "the service's own end": server, "nothing": 0x7F00, "this process": windows.CurrentProcess()} {
		if _, err := Socket(int(h)); err == nil {
			t.Errorf("%s is taken for the service", name)
		}
	}
}
