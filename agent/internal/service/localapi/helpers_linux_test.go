package localapi

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
)

// Two users made of numbers only, and root.
const (
	alice = 64201
	bob   = 64202
)

// shortDir is a folder that other users can enter, with a path that fits a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "iscdesk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// user is the name of a number of the kernel.
func user(uid int) caller.UID { return caller.UID(strconv.Itoa(uid)) }

// dialAs connects as another user: credentials belong to a thread, and the kernel
// notes those of the thread that connects. The thread is thrown away.
func dialAs(t testing.TB, path string, uid int, groups ...int) rawConn {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	got := make(chan result)
	var connect func()
	connect = func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // the first thread cannot be thrown away: keep it busy and take another
			done := make(chan struct{})
			go func() { defer close(done); connect() }()
			<-done
			runtime.UnlockOSThread()
			return
		}
		fd, err := func() (int, error) {
			list := make([]uint32, len(groups)+1)
			for i, g := range groups {
				list[i] = uint32(g)
			}
			if uid != os.Geteuid() {
				if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&list[0])), 0); errno != 0 {
					return -1, errno
				}
				if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
					return -1, errno
				}
				if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
					return -1, errno
				}
			}
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return -1, err
			}
			return fd, unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}()
		got <- result{fd, err}
	}
	go connect()
	r := <-got
	if r.err != nil {
		t.Fatalf("connect as %d: %v", uid, r.err)
	}
	f := os.NewFile(uintptr(r.fd), "client")
	conn, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// endpoint is a fresh place to listen at.
func endpoint(t testing.TB) string {
	t.Helper()
	return filepath.Join(shortDir(t), "run", "agent.sock")
}

// closeWrite ends what the client sends; it can still read.
func closeWrite(conn rawConn) bool {
	_ = conn.(*net.UnixConn).CloseWrite()
	return true
}

// elsewhere is a program that is not this one.
func elsewhere(testing.TB) string { return "/bin/true" }

// root begins an absolute path.
const root = "/"
