package ipctest

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/need"
)

// strangersPipe belongs to a user who is neither the system nor the test's own, and is
// open to all.
const strangersPipe = "O:S-1-5-21-1-2-3-1001D:(A;;FA;;;WD)"

// Stranger serves the pipe at path as a user who is neither the system nor the test's own:
// what lies in wait where an agent should be. accept gives the one connection to it. Windows
// lets only a few name another owner; where that fails the test is not run. It ends with
// the test, or when its connection is closed.
func Stranger(t testing.TB, path string) (accept func() (io.ReadWriteCloser, error)) {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := windows.SecurityDescriptorFromString(strangersPipe)
	if err != nil {
		t.Fatal(err)
	}
	sa := &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
	h, err := windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX, windows.PIPE_REJECT_REMOTE_CLIENTS, 1, 4096, 4096, 0, sa)
	if errors.Is(err, windows.ERROR_INVALID_OWNER) {
		need.Missing(t, "needs the right to name another user as the owner of a pipe")
	}
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(h), path)
	t.Cleanup(func() { _ = f.Close() })
	return func() (io.ReadWriteCloser, error) {
		if err := windows.ConnectNamedPipe(h, nil); err != nil && !errors.Is(err, windows.ERROR_PIPE_CONNECTED) && !errors.Is(err, windows.ERROR_NO_DATA) {
			return nil, err
		}
		return f, nil
	}
}

// Endpoint is a fresh place to listen at.
func Endpoint(testing.TB) string { return `\\.\pipe\iscdesk-test-` + rand.Text() }
