package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// counting is a connection that counts how often a caller waited on it itself.
type counting struct {
	*Conn
	waits *atomic.Int64
}

func (c counting) ReadSoon(p []byte) (int, error) {
	c.waits.Add(1)
	return c.Conn.ReadSoon(p)
}

// near makes two linked ends: a client whose callers can read their own answers,
// and the raw other end.
func near(t *testing.T, o Options) (client *Link, waits *atomic.Int64, peer io.ReadWriteCloser) {
	t.Helper()
	c, raw := connected(t)
	waits = new(atomic.Int64)
	client = NewLink(counting{c, waits}, o)
	t.Cleanup(func() {
		_ = client.Close()
		<-client.Done()
		_ = raw.Close()
	})
	return client, waits, raw
}

// serving runs the other end as a link.
func serving(t *testing.T, peer io.ReadWriteCloser, o Options) *Link {
	t.Helper()
	server := NewLink(peer, o)
	t.Cleanup(func() {
		_ = server.Close()
		<-server.Done()
	})
	return server
}

func TestCallersReadTheirOwnAnswers(t *testing.T) {
	need.NoLeak(t)
	client, waits, peer := near(t, Options{})
	serving(t, peer, Options{Handle: echo})
	for i := range 200 {
		var got int
		if err := client.Call(t.Context(), "echo", i, &got); err != nil || got != i {
			t.Fatalf("call %d: got %d, %v", i, got, err)
		}
	}
	if waits.Load() == 0 {
		t.Error("no caller read its answer itself")
	}
}

// Many threads, one connection: each gets its own answer whoever reads it.
func TestCallersReadForEachOther(t *testing.T) {
	need.NoLeak(t)
	client, waits, peer := near(t, Options{})
	serving(t, peer, Options{Handle: echo})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 100 {
				want := fmt.Sprint(w, "-", i, strings.Repeat("x", (i%7)*1000))
				var got string
				if err := client.Call(t.Context(), "echo", want, &got); err != nil || got != want {
					t.Errorf("got %.20q, %v; want %.20q", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
	if waits.Load() == 0 {
		t.Error("no caller read its answer itself")
	}
}

// What takes longer than a caller reads for reaches it all the same, events that
// come meanwhile are handed on in order, and a caller that is called off leaves.
func TestLongAnswersAreLeftToTheReader(t *testing.T) {
	need.NoLeak(t)
	var mu sync.Mutex // guards seen
	var seen []string
	client, waits, peer := near(t, Options{Notice: func(method string, _ json.RawMessage) {
		mu.Lock()
		seen = append(seen, method)
		mu.Unlock()
	}})
	var server *Link
	ready := make(chan struct{})
	server = serving(t, peer, Options{Handle: func(ctx context.Context, method string, params json.RawMessage) (any, error) {
		<-ready
		switch method {
		case "slow":
			for i := range 5 {
				time.Sleep(soon / 2)
				_ = server.Notify(fmt.Sprint("n", i), nil)
			}
			time.Sleep(2 * soon)
		case "never":
			<-ctx.Done()
		}
		return params, nil
	}})
	close(ready)
	for _, method := range []string{"quick", "slow", "quick"} {
		var got string
		if err := client.Call(t.Context(), method, method, &got); err != nil || got != method {
			t.Errorf("%s: got %q, %v", method, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(3*soon, cancel)
	if err := client.Call(ctx, "never", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(seen, " "); got != "n0 n1 n2 n3 n4" || waits.Load() == 0 {
		t.Errorf("got notices %q, %d waits of callers", got, waits.Load())
	}
}

// A caller's time is its own: it ends also while the caller reads what is for others.
func TestTimeIsKeptWhileReadingForOthers(t *testing.T) {
	need.NoLeak(t)
	var noise *Link
	noisy := make(chan struct{})
	client, waits, peer := near(t, Options{Notice: func(string, json.RawMessage) {}})
	noise = serving(t, peer, Options{Handle: func(ctx context.Context, method string, params json.RawMessage) (any, error) {
		if method == "never" {
			<-noisy
			for ctx.Err() == nil { // never silent for as long as a caller waits for bytes
				_ = noise.Notify("x", nil)
				time.Sleep(soon / 10)
			}
		}
		return params, nil
	}})
	close(noisy)
	for range 5 {
		for before := waits.Load(); waits.Load() == before; { // now a caller reads itself
			if err := client.Call(t.Context(), "quick", 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
		ended := make(chan error, 1)
		go func() { ended <- client.Call(ctx, "never", nil, nil) }() // ends with the link at the latest
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the call goes on long after its time")
		}
		cancel()
	}
}

// A frame that comes in two halves, with the caller gone between them, is put
// together by the link's reader.
func TestAFrameOutlivesItsReader(t *testing.T) {
	need.NoLeak(t)
	client, _, peer := near(t, Options{})
	answers := make(chan error, 1)
	go func() { // ends with the second request
		for id := 1; id <= 2; id++ {
			if _, err := ReadFrame(peer, api.MaxRequestFrame); err != nil {
				answers <- err
				return
			}
			f := frame(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":%q}`, id, strings.Repeat("y", 9000)))
			cut := len(f)
			if id == 2 {
				cut = 5000
			}
			if _, err := peer.Write(f[:cut]); err != nil {
				answers <- err
				return
			}
			time.Sleep(3 * soon)
			_, _ = peer.Write(f[cut:])
		}
		answers <- nil
	}()
	for range 2 {
		var got string
		if err := client.Call(t.Context(), "x", nil, &got); err != nil || len(got) != 9000 {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	}
	if err := <-answers; err != nil {
		t.Error(err)
	}
}

// The end of the connection, a frame that is none and a peer's last word are
// told to the caller that reads, as they are to one that waits.
func TestTheEndWhileACallerReads(t *testing.T) {
	tests := []struct {
		name, sends string
		want        api.Code
	}{
		{"closed", "", api.OK},
		{"too large", "\xff\xff\xff\xff", api.OK},
		{"not JSON", "\x00\x00\x00\x03{{{", api.OK},
		{"last word", "", api.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			need.NoLeak(t)
			client, waits, peer := near(t, Options{})
			go func() { // ends with the peer
				defer peer.Close()
				for {
					if _, err := ReadFrame(peer, api.MaxRequestFrame); err != nil {
						return
					}
					if waits.Load() > 0 {
						break // a caller is reading now
					}
					_ = WriteFrame(peer, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":1}`, idOf(client)), 100)
				}
				if tt.want != api.OK {
					_ = WriteFrame(peer, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":0,"error":{"code":%d,"message":"no"}}`, tt.want), 100)
				}
				_, _ = io.WriteString(peer, tt.sends)
			}()
			var err error
			for range 10_000 {
				if err = client.Call(t.Context(), "x", nil, nil); err != nil {
					break
				}
			}
			if err == nil || api.CodeOf(err) != tt.want && tt.want != api.OK {
				t.Errorf("got %v", err)
			}
			<-client.Done()
		})
	}
}

// idOf is the number of the call that is under way.
func idOf(l *Link) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}
