package ipc

import (
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// listen opens an endpoint; accept gives its next connection.
func listen(t testing.TB) (path string, accept func() (io.ReadWriteCloser, error)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return path, func() (io.ReadWriteCloser, error) { return l.Accept() }
}

func TestDialRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(dir, "dead")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	tests := []struct {
		name, path string
		want       api.Code
	}{
		{"empty", "", api.InvalidArgument},
		{"relative", "agent.sock", api.InvalidArgument},
		{"abstract", "@iscdesk", api.InvalidArgument},
		{"107 bytes", "/" + strings.Repeat("x", 106), api.AgentAbsent},
		{"108 bytes", "/" + strings.Repeat("x", 107), api.InvalidArgument},
		{"missing", filepath.Join(dir, "none"), api.AgentAbsent},
		{"not a socket", file, api.AgentAbsent},
		{"nobody listens", dead, api.AgentAbsent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Dial(tt.path, time.Second); api.CodeOf(err) != tt.want {
				t.Errorf("got %v, want %d", err, tt.want)
			}
		})
	}
}

// A listener that accepts nothing: its queue fills, and Dial gives up.
func TestDialFullQueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		c, err := Dial(path, 20*time.Millisecond)
		if err != nil {
			if api.CodeOf(err) != api.Timeout {
				t.Errorf("got %v", err)
			}
			return
		}
		defer c.Close()
	}
	t.Error("the queue never filled")
}

func TestNoSignalFromAClosedPeer(t *testing.T) {
	pipes := make(chan os.Signal, 4)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	c, peer := connected(t)
	defer c.Close()
	_ = peer.Close()
	if _, err := c.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("got %v, want EPIPE", err)
	}
	select {
	case <-pipes:
		t.Error("Write raised SIGPIPE")
	case <-time.After(20 * time.Millisecond):
	}
	// The plain way does raise it: else this test would show nothing.
	_, _ = c.file.Write([]byte("x"))
	select {
	case <-pipes:
	case <-time.After(5 * time.Second):
		t.Error("a plain write raised no SIGPIPE")
	}
}

// Signals that come faster than the socket's time-out do not keep a reader for ever.
func TestSignalsDoNotProlongAReading(t *testing.T) {
	c, peer := connected(t)
	defer c.Close()
	defer peer.Close()
	thread := make(chan int)
	ended := make(chan error, 1)
	go func() { // ends with its reading
		runtime.LockOSThread()
		thread <- unix.Gettid()
		_, err := c.ReadSoon(make([]byte, 1))
		ended <- err
	}()
	tid := <-thread
	const most = 400 // of signals, a hundred times what soon is
	for sent := range most {
		_ = unix.Tgkill(unix.Getpid(), tid, unix.SIGURG)
		select {
		case err := <-ended:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v after %d signals", err, sent)
			}
			return
		case <-time.After(soon / 4):
		}
	}
	t.Errorf("still reading after %d signals", most)
}
