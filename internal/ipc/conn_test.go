package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/ipctest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// connected dials a new listener; peer is the listener's end. Each test closes what
// its links do not.
func connected(t testing.TB) (c *Conn, peer io.ReadWriteCloser) {
	t.Helper()
	path, accept := listen(t)
	c, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = accept(); err != nil {
		t.Fatal(err)
	}
	return c, peer
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

func TestWriteDeadline(t *testing.T) {
	c, peer := connected(t)
	defer c.Close()
	defer peer.Close()
	if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Write(make([]byte, 8<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n >= 8<<20 {
		t.Errorf("wrote %d, %v", n, err)
	}
}

func TestServerIdentity(t *testing.T) {
	c, peer := connected(t)
	defer c.Close()
	defer peer.Close()
	own, err := OwnUser()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ServerIdentity(c)
	if err != nil || s.User != own || s.PID != os.Getpid() {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestServerOfAnotherUser(t *testing.T) {
	path := ipctest.Endpoint(t)
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

// Close ends whatever waits on the connection, on both sides.
func TestCloseWakesWhoWaits(t *testing.T) {
	need.NoLeak(t)
	tests := []struct {
		name string
		wait func(c *Conn) error
	}{
		{"Read", func(c *Conn) error {
			_, err := c.Read(make([]byte, 1))
			return err
		}},
		{"ReadSoon", func(c *Conn) error {
			for {
				if _, err := c.ReadSoon(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					return err
				}
			}
		}},
		{"Write", func(c *Conn) error {
			_, err := c.Write(make([]byte, 8<<20))
			return err
		}},
	}
	for _, tt := range tests {
		for _, mine := range []bool{true, false} {
			c, peer := connected(t)
			ended := make(chan error, 1)
			go func() { ended <- tt.wait(c) }() // ends with the connection
			time.Sleep(20 * time.Millisecond)
			if mine {
				_ = c.Close()
			} else {
				_ = peer.Close()
			}
			if err := <-ended; err == nil {
				t.Errorf("%s, closed here %t: no error", tt.name, mine)
			} else if tt.name != "Write" && !mine && !errors.Is(err, io.EOF) {
				t.Errorf("%s, the peer closed: %v", tt.name, err)
			}
			_ = c.Close()
			_ = peer.Close()
			if _, err := c.ReadSoon(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
		}
	}
}

// What was written before the end is read before it, and bytes that come as a reader
// leaves are not lost.
func TestNothingIsLostAtTheEdges(t *testing.T) {
	need.NoLeak(t)
	c, peer := connected(t)
	defer c.Close()
	const total = 40
	go func() { // ends when all is written
		defer peer.Close()
		for i := range total {
			time.Sleep(time.Duration(i%4) * soon / 2)
			_, _ = peer.Write([]byte{byte(i)})
		}
	}()
	got, late := 0, 0
	for {
		p := make([]byte, 1)
		n, err := c.ReadSoon(p)
		if n == 1 && int(p[0]) != got {
			t.Fatalf("byte %d came as number %d", p[0], got)
		}
		got += n
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			late++
		case errors.Is(err, io.EOF):
			if got != total || late == 0 {
				t.Errorf("%d of %d bytes, %d times late", got, total, late)
			}
			return
		default:
			t.Fatal(err)
		}
	}
}

// BenchmarkEcho is one call and its answer over the local connection, 100 bytes.
func BenchmarkEcho(b *testing.B) {
	c, peer := connected(b)
	server, client := NewLink(peer, Options{Handle: echo}), NewLink(c, Options{})
	text := strings.Repeat("x", 100)
	var got string
	for b.Loop() {
		if err := client.Call(b.Context(), "echo", text, &got); err != nil {
			b.Fatal(err)
		}
	}
	_ = client.Close()
	<-client.Done()
	<-server.Done()
}
