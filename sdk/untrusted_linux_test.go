package sdk_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Another user who lies in wait at the endpoint gets not one byte.
func TestNothingIsSentToAStranger(t *testing.T) {
	need.Root(t)
	dir, err := os.MkdirTemp("", "isc")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a")
	ready := make(chan error)
	got := make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its foreign identity
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			err = errno
		}
		if err == nil {
			err = unix.Listen(fd, 1)
		}
		ready <- err
		conn, _, err := unix.Accept(fd)
		n := -1
		if err == nil {
			n, _ = unix.Read(conn, make([]byte, 100))
			_ = unix.Close(conn)
		}
		_ = unix.Close(fd)
		got <- n
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	_, err = sdk.Init(t.Context(), sdk.Options{Endpoint: path})
	wantCode(t, err, api.AgentUntrusted)
	if n := <-got; n != 0 {
		t.Errorf("the stranger read %d bytes", n)
	}
}
