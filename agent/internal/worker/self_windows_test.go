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

// takesLink makes this test program a process that takes up what it is told is its link.
const takesLink = "ISCDESK_TEST_LINK"

func TestMain(m *testing.M) {
	if number := os.Getenv(takesLink); number != "" {
		n, err := strconv.Atoi(number)
		if err == nil {
			_, err = Socket(n)
		}
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

// take starts a process that inherits the handle and is told its number.
func take(t *testing.T, program string, args []string, h windows.Handle) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), takesLink+"="+fmt.Sprint(uintptr(h)))
	if h != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(h)}}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestSocketTakesItsParentsPipeOnly(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer windows.CloseHandle(theirs)
	if got := take(t, program, nil, theirs); got != "<nil>" {
		t.Errorf("its parent's: %s", got)
	}
	if _, err := Socket(int(theirs)); err == nil {
		t.Error("a pipe of this process itself is taken for its parent's")
	}
	// An inherited pipe whose server is not the parent: a process between starts the worker.
	between := take(t, "cmd.exe", []string{"/c", program}, theirs)
	if !strings.Contains(between, "started by the service only") {
		t.Errorf("a pipe of its parent's parent: %s", between)
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
