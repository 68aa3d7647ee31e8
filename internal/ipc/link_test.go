package ipc

import (
	"context"
	"encoding/json"
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

// pair makes two links that talk to each other and ends them with the test.
func pair(t *testing.T, left, right Options) (*Link, *Link) {
	t.Helper()
	a, b := net.Pipe()
	la, lb := NewLink(a, left), NewLink(b, right)
	t.Cleanup(func() {
		_ = la.Close()
		_ = lb.Close()
		<-la.Done()
		<-lb.Done()
	})
	return la, lb
}

func echo(_ context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case "echo":
		return params, nil
	case "big":
		return strings.Repeat("x", 5000), nil
	case "panic":
		panic("planted")
	case "plain":
		return nil, errors.New("plain failure")
	}
	return nil, &api.Error{Code: api.NotSupported, Detail: method}
}

func TestCallsBothWays(t *testing.T) {
	need.NoLeak(t)
	a, b := pair(t, Options{Handle: echo}, Options{Handle: echo})
	for name, l := range map[string]*Link{"left": a, "right": b} {
		var got map[string]int
		if err := l.Call(t.Context(), "echo", map[string]int{"n": 7}, &got); err != nil || got["n"] != 7 {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	need.NoLeak(t)
	a, _ := pair(t, Options{MaxOut: 200}, Options{Handle: echo, MaxOut: 4096})
	tests := []struct {
		name, method string
		params       any
		result       any
		want         api.Code
	}{
		{"unknown method", "nothing", nil, nil, api.NotSupported},
		{"a panic is caught", "panic", nil, nil, api.Internal},
		{"an error without a code", "plain", nil, nil, api.Internal},
		{"answer over the limit", "big", nil, nil, api.TooLarge},
		{"request over the limit", "echo", strings.Repeat("x", 300), nil, api.TooLarge},
		{"answer of another type", "echo", "text", new(int), api.Protocol},
		{"still alive", "echo", 1, new(int), api.OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := a.Call(t.Context(), tt.method, tt.params, tt.result); api.CodeOf(err) != tt.want {
				t.Errorf("got %v, want code %d", err, tt.want)
			}
		})
	}
}

func TestBusyPastTheLimit(t *testing.T) {
	need.NoLeak(t)
	free := make(chan struct{})
	entered := make(chan struct{}, 2)
	a, _ := pair(t, Options{}, Options{MaxInFlight: 2, Handle: func(ctx context.Context, method string, _ json.RawMessage) (any, error) {
		entered <- struct{}{}
		<-free
		return nil, nil
	}})
	results := make(chan error, 2)
	for range 2 {
		go func() { results <- a.Call(context.Background(), "wait", nil, nil) }()
	}
	<-entered
	<-entered
	if err := a.Call(t.Context(), "wait", nil, nil); api.CodeOf(err) != api.Busy {
		t.Errorf("third request: got %v, want Busy", err)
	}
	close(free)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	need.NoLeak(t)
	free := make(chan struct{})
	a, _ := pair(t, Options{}, Options{Handle: func(ctx context.Context, method string, _ json.RawMessage) (any, error) {
		if method == "wait" {
			<-free
		}
		return method, nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.Call(ctx, "wait", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	close(free) // its answer comes late and belongs to nobody
	var got string
	if err := a.Call(t.Context(), "other", nil, &got); err != nil || got != "other" {
		t.Errorf("after a late answer: %q, %v", got, err)
	}
}

// A peer that accepts nothing must cost a caller its own time and no more, and
// must not take the link from the others.
func TestPeerThatDoesNotRead(t *testing.T) {
	need.NoLeak(t)
	a, b := net.Pipe()
	l := NewLink(a, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Call(ctx, "x", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if l.Err() != nil {
		t.Errorf("nothing was sent, yet the link ended: %v", l.Err())
	}
	_ = b.Close()
	<-l.Done()
}

// stuck is a connection whose writes always run into their deadline after some bytes.
type stuck struct {
	net.Conn
	sent int
}

func (s stuck) Write([]byte) (int, error)        { return s.sent, os.ErrDeadlineExceeded }
func (stuck) SetWriteDeadline(t time.Time) error { return nil }

func TestCutFrameEndsTheLink(t *testing.T) {
	need.NoLeak(t)
	a, b := net.Pipe()
	defer b.Close()
	l := NewLink(stuck{a, 3}, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.Call(ctx, "x", nil, nil); err == nil || l.Err() == nil {
		t.Errorf("call %v, link %v", err, l.Err())
	}
	<-l.Done()
}

func TestBadFramesAreNamed(t *testing.T) {
	tests := []struct {
		name, frame string
		want        api.Code
	}{
		{"not JSON", "hello", api.Protocol},
		{"not an object", "[1]", api.Protocol},
		{"no version", `{"id":1,"method":"echo"}`, api.Protocol},
		{"id is a text", `{"jsonrpc":"2.0","id":"1","method":"echo"}`, api.Protocol},
		{"id 0 in a request", `{"jsonrpc":"2.0","id":0,"method":"echo"}`, api.Protocol},
		{"a negative id", `{"jsonrpc":"2.0","id":-1,"method":"echo"}`, api.Protocol},
		{"method is a number", `{"jsonrpc":"2.0","id":1,"method":5}`, api.Protocol},
		{"neither request nor answer", `{"jsonrpc":"2.0"}`, api.Protocol},
		{"empty", "", api.Protocol},
		{"too large", strings.Repeat("x", 101), api.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			need.NoLeak(t)
			a, b := net.Pipe()
			defer a.Close()
			l := NewLink(b, Options{MaxIn: 100, Handle: echo})
			go a.Write(frame([]byte(tt.frame))) //nolint:errcheck // the link may close first
			body, err := ReadFrame(a, api.MaxAnswerFrame)
			if err != nil {
				t.Fatal(err)
			}
			var answer api.Answer
			if err := json.Unmarshal(body, &answer); err != nil || answer.ID != 0 || answer.Error == nil || answer.Error.Code != tt.want {
				t.Errorf("got %s, %v; want code %d for request 0", body, err, tt.want)
			}
			<-l.Done()
			if l.Err() == nil {
				t.Error("the link lives on")
			}
		})
	}
}

// A panic of the code that takes notices ends the link, not the process.
func TestPanicInNotice(t *testing.T) {
	need.NoLeak(t)
	a, b := pair(t, Options{}, Options{Notice: func(string, json.RawMessage) { panic("planted") }})
	if err := a.Notify("x", nil); err != nil {
		t.Fatal(err)
	}
	<-b.Done()
	if b.Err() == nil || !strings.Contains(b.Err().Error(), "planted") {
		t.Errorf("got %v", b.Err())
	}
}

func TestEndIsTold(t *testing.T) {
	need.NoLeak(t)
	a, b := pair(t, Options{}, Options{})
	_ = b.Close()
	<-a.Done()
	if !errors.Is(a.Err(), io.EOF) {
		t.Errorf("got %v, want EOF", a.Err())
	}
	if err := a.Call(t.Context(), "x", nil, nil); err == nil {
		t.Error("a call on an ended link succeeded")
	}
}

// Whatever arrives, a link ends without a panic and with all its goroutines.
func FuzzLink(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"echo","params":{}}`,
		`{"jsonrpc":"2.0","method":"event","params":{"id":1}}`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":0,"error":{"code":-24,"message":""}}`,
		`{"jsonrpc":"2.0","id":-9223372036854775808,"error":null}`,
		`[]`, `nul`, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, b := net.Pipe()
		go io.Copy(io.Discard, a) //nolint:errcheck // ends with a
		l := NewLink(b, Options{Handle: echo, Notice: func(string, json.RawMessage) {}})
		_ = WriteFrame(a, first, api.MaxAnswerFrame)
		_ = WriteFrame(a, second, api.MaxAnswerFrame)
		_ = a.Close()
		<-l.Done()
	})
}
