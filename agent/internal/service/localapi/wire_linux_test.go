package localapi

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestConnectionsOfOneUserAreBounded(t *testing.T) {
	need.Root(t)
	a := start(t, nil)
	for range api.MaxConnections {
		greet(t, a, alice, api.Hello{})
	}
	if got, err := answer(dialAs(t, a.path, alice)); err != nil || got.Error == nil || got.Error.Code != api.Busy {
		t.Errorf("one too many: %+v, %v", got.Error, err)
	}
	greet(t, a, bob, api.Hello{})
	before := openFiles(t)
	for range 50 {
		conn := dialAs(t, a.path, alice)
		if _, err := answer(conn); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	if after := openFiles(t); after > before+5 {
		t.Errorf("refused connections leave descriptors open: %d before, %d after", before, after)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestAgentOfAUserServesThatUserOnly(t *testing.T) {
	need.Root(t)
	a := start(t, func(c *Config, _ *Server) { c.UID = user(alice) })
	greet(t, a, alice, api.Hello{})
	for _, uid := range []int{bob, 0} {
		if got, err := answer(dialAs(t, a.path, uid)); err != nil || got.Error == nil || got.Error.Code != api.Forbidden {
			t.Errorf("user %d: %+v, %v", uid, got.Error, err)
		}
	}
}

// FuzzDoor throws bytes at the door, before and after hello: whatever comes, the
// agent answers the next client.
func FuzzDoor(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"method":"files.save","params":{"path":"/x"}}`), true)
	f.Add(frame(`{"jsonrpc":"2.0","id":-9223372036854775808,"method":"events.subscribe","params":{"since":9223372036854775807}}`), true)
	f.Add(append(frame(`{"jsonrpc":"2.0","id":2,"method":"operation.get","params":{"operation":1e99}}`), 0xff, 0xff), true)
	f.Add(frame(`{"jsonrpc":"2.0","id":null,"method":"ping"}`), true)
	f.Add(frame(strings.Repeat("[", 10000)), false)
	a := start(f, func(_ *Config, s *Server) { s.helloTime, s.writeTime = time.Second, time.Second })
	f.Fuzz(func(t *testing.T, raw []byte, hello bool) {
		conn, err := net.Dial("unix", a.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if hello {
			raw = append(frame(helloFrame), raw...)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			_, _ = conn.Write(raw)
			_ = conn.(*net.UnixConn).CloseWrite()
		}()
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection of a client that said all is not ended")
		}
	})
}
