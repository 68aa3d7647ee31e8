package ipctest

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/need"
)

// Stranger listens at path as a user who is neither root nor the test's own: what
// lies in wait where an agent should be. accept gives the next connection to it. It needs
// root and ends with the test.
func Stranger(t testing.TB, path string) (accept func() (io.ReadWriteCloser, error)) {
	t.Helper()
	need.Root(t)
	var fd int
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its foreign identity
		var err error
		fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			err = errno
		}
		if err == nil {
			err = unix.Listen(fd, 1) // the moment whose identity the kernel tells
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return func() (io.ReadWriteCloser, error) { return l.Accept() }
}

// Endpoint is a fresh place to listen at, with a path that fits a socket.
func Endpoint(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "isc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "a")
}
