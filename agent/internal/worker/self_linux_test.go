package worker

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// link is a socketpair as the service makes it.
func link(t *testing.T) (service, worker io.ReadWriteCloser) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := Socket(fds[1])
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "worker"), theirs
}

func told(r workerapi.Rights) bool { return r.Caps != "" }

func TestSocketTakesAServicesSocketpairOnly(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	conn, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lone, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(lone)
	for name, fd := range map[string]int{"a file": int(null.Fd()), "a TCP connection": int(file.Fd()), "an unconnected socket": lone, "nothing": 900} {
		if _, err := Socket(fd); err == nil {
			t.Errorf("%s is taken for the service", name)
		}
	}
}
