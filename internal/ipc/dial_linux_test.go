package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/ipctest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func listen(t *testing.T) (*net.UnixListener, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, path
}

// connected dials a new listener; peer is the listener's end. Each test closes what
// its links do not.
func connected(t *testing.T) (c *Conn, peer net.Conn) {
	t.Helper()
	l, path := listen(t)
	c, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return c, peer
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

func TestConnCarriesALink(t *testing.T) {
	need.NoLeak(t)
	c, peer := connected(t)
	server := NewLink(peer, Options{Handle: echo})
	client := NewLink(c, Options{})
	big := strings.Repeat("x", 900<<10) // more than the socket's buffer
	var got string
	if err := client.Call(t.Context(), "echo", big, &got); err != nil || got != big {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	_ = client.Close()
	<-client.Done()
	<-server.Done()
}

func TestRejectReachesThePeer(t *testing.T) {
	need.NoLeak(t)
	c, peer := connected(t)
	server := NewLink(peer, Options{MaxIn: 100})
	client := NewLink(c, Options{})
	if err := client.Call(t.Context(), "echo", strings.Repeat("x", 200), nil); api.CodeOf(err) != api.TooLarge {
		t.Errorf("got %v", err)
	}
	<-client.Done()
	<-server.Done()
}

// An agent that turns a connection away says why before anything was asked.
func TestRefusalBeforeTheFirstRequest(t *testing.T) {
	for range 20 {
		c, peer := connected(t)
		_ = WriteFrame(peer, []byte(`{"jsonrpc":"2.0","id":0,"error":{"code":-33,"message":"no"}}`), 100)
		_ = peer.Close()
		client := NewLink(c, Options{})
		if err := client.Call(t.Context(), "hello", nil, nil); api.CodeOf(err) != api.Forbidden {
			t.Fatalf("got %v", err)
		}
		<-client.Done()
	}
}

// A peer that sends and never reads is not served without end: few requests are
// worked on, no more is read, and all is gone when it leaves.
func TestTenThousandRequestsWithoutReading(t *testing.T) {
	need.NoLeak(t)
	c, peer := connected(t)
	var running, most atomic.Int64
	server := NewLink(peer, Options{Handle: func(context.Context, string, json.RawMessage) (any, error) {
		for n := running.Add(1); ; {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		defer running.Add(-1)
		return strings.Repeat("x", 4096), nil
	}})
	if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 10000; sent++ {
		body := `{"jsonrpc":"2.0","id":` + strconv.Itoa(sent+1) + `,"method":"x","params":"` + strings.Repeat("p", 100) + `"}`
		if WriteFrame(c, []byte(body), api.MaxRequestFrame) != nil {
			break
		}
	}
	if sent == 10000 || sent == 0 {
		t.Errorf("%d requests were taken", sent)
	}
	if n := most.Load(); n > api.MaxInFlight {
		t.Errorf("%d handlers at once", n)
	}
	_ = c.Close()
	<-server.Done()
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

func TestWriteDeadline(t *testing.T) {
	_, path := listen(t)
	c, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Write(make([]byte, 8<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n >= 8<<20 {
		t.Errorf("wrote %d, %v", n, err)
	}
}

func TestServerIdentity(t *testing.T) {
	_, path := listen(t)
	c, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := ServerIdentity(c)
	if err != nil || s.User != userText(uint32(os.Getuid())) || s.PID != os.Getpid() {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestServerOfAnotherUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ipctest.Stranger(t, path)
	c, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := ServerIdentity(c); api.CodeOf(err) != api.AgentUntrusted {
		t.Errorf("got %v, want AgentUntrusted", err)
	}
}
