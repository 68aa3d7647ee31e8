package localapi

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/product"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func geteuid() int { return os.Geteuid() }

func asError(err error, into **api.Error) bool { return errors.As(err, into) }

func frame(body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return append(b, body...)
}

const helloFrame = `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"minProtocol":1,"build":"t"}}`

// answer reads one answer; io errors come back as they are.
func answer(conn rawConn) (api.Answer, error) {
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	body, err := ipc.ReadFrame(conn, api.MaxAnswerFrame)
	if err != nil {
		return api.Answer{}, err
	}
	var a api.Answer
	return a, json.Unmarshal(body, &a)
}

func TestBytesThatAreNotTheProtocol(t *testing.T) {
	a := start(t, func(_ *Config, s *Server) { s.helloTime = 300 * time.Millisecond })
	after := string(frame(helloFrame))
	tests := []struct {
		name  string
		bytes string
		codes []api.Code // of the answers before the connection ends
		half  bool       // the client closes its writing side
	}{
		{"nothing", "", nil, false},
		{"half a length", "\x00\x00", nil, false},
		{"half a frame and gone", string(frame(helloFrame)[:20]), nil, true},
		{"half a frame and silent", string(frame(helloFrame)[:20]), nil, false},
		{"an empty frame", string(frame("")), []api.Code{api.Protocol}, false},
		{"an empty frame after hello", after + string(frame("")), []api.Code{api.OK, api.Protocol}, false},
		{"hello with id 0", string(frame(strings.Replace(helloFrame, `"id":1`, `"id":0`, 1))), []api.Code{api.Protocol}, false},
		{"id 0 after hello", after + string(frame(`{"jsonrpc":"2.0","id":0,"method":"ping"}`)), []api.Code{api.OK, api.Protocol}, false},
		{"a negative id after hello", after + string(frame(`{"jsonrpc":"2.0","id":-7,"method":"ping"}`)), []api.Code{api.OK, api.Protocol}, false},
		{"a frame over the limit", "\x00\x02\x00\x01", []api.Code{api.TooLarge}, false},
		{"a length of 4 GiB", "\xff\xff\xff\xff", []api.Code{api.TooLarge}, false},
		{"not JSON", string(frame("hello?")), []api.Code{api.Protocol}, false},
		{"a batch", string(frame("[" + helloFrame + "]")), []api.Code{api.Protocol}, false},
		{"another RPC", string(frame(`{"jsonrpc":"1.0","id":1,"method":"hello"}`)), []api.Code{api.Protocol}, false},
		{"an answer instead of a request", string(frame(`{"jsonrpc":"2.0","id":1,"result":{}}`)), []api.Code{api.Protocol}, false},
		{"a method before hello", string(frame(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)), []api.Code{api.Protocol}, false},
		{"hello of the future", string(frame(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":9,"minProtocol":9}}`)), []api.Code{api.AgentTooOld}, false},
		{"hello of nobody", string(frame(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{}}`)), []api.Code{api.AgentTooOld}, false},
		{"hello of wrong types", string(frame(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":"1"}}`)), []api.Code{api.InvalidArgument}, false},
		{"hello with a foreign session", string(frame(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"minProtocol":1,"session":"x"}}`)), []api.Code{api.InvalidArgument}, false},
		{"hello too long", string(frame(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"minProtocol":1,"build":"` + strings.Repeat("x", 300) + `"}}`)), []api.Code{api.TooLarge}, false},
		{"a browser's GET", "GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\n\r\n", nil, false},
		{"a browser's POST", "POST / HTTP/1.1\r\n\r\n", nil, false},
		{"a browser after hello", after + "POST / HTTP/1.1\r\n\r\n", []api.Code{api.OK}, false},
		{"a cut frame after hello", after + string(frame(helloFrame)[:30]), []api.Code{api.OK}, true},
		{"a large frame after hello", after + "\x7f\xff\xff\xff", []api.Code{api.OK, api.TooLarge}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn := dialAs(t, a.path, os.Geteuid())
			if _, err := conn.Write([]byte(tt.bytes)); err != nil {
				t.Fatal(err)
			}
			if tt.half && !closeWrite(conn) {
				return // it is gone with both its sides
			}
			for i, want := range tt.codes {
				got, err := answer(conn)
				code := api.OK
				if got.Error != nil {
					code = got.Error.Code
				}
				if err != nil || code != want {
					t.Fatalf("answer %d: code %d, %v; want %d", i, code, err, want)
				}
			}
			if got, err := answer(conn); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection did not end: %+v, %v", got, err)
			}
		})
	}
}

func TestOthersAreServedBesideOneWhoDoesNotRead(t *testing.T) {
	a := start(t, func(_ *Config, s *Server) { s.writeTime = 300 * time.Millisecond })
	deaf := dialAs(t, a.path, os.Geteuid())
	if _, err := deaf.Write(frame(helloFrame)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() { // ten thousand requests, no answer read
		n := 0
		for ; n < 10_000; n++ {
			_ = deaf.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := deaf.Write(frame(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"identity.fingerprint"}`, n+2))); err != nil {
				break
			}
		}
		sent <- n
	}()
	c := greet(t, a, os.Geteuid(), api.Hello{})
	for range 200 {
		if err := c.Call(t.Context(), api.MethodPing, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := <-sent; n == 10_000 {
		t.Error("the agent swallowed every request of a client that reads nothing")
	}
	_ = deaf.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, deaf); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the deaf client is still connected")
	}
	if err := c.Call(t.Context(), api.MethodPing, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestTooManyRequestsAtOnce(t *testing.T) {
	block := make(chan struct{})
	a := start(t, nil)
	a.rooms.block = block
	c := greet(t, a, os.Geteuid(), api.Hello{})
	results := make(chan error, api.MaxInFlight+1)
	for range api.MaxInFlight + 1 {
		go func() { results <- c.Call(t.Context(), api.MethodStatus, nil, nil) }()
	}
	if err := <-results; api.CodeOf(err) != api.Busy {
		t.Errorf("one too many: %v", err)
	}
	close(block)
	for range api.MaxInFlight {
		if err := <-results; err != nil {
			t.Errorf("one of the allowed: %v", err)
		}
	}
}

// TestAnAnswerMakesRoom: a client that keeps as many requests in flight as it may,
// each sent when an answer was read, is never told that it has too many.
func TestAnAnswerMakesRoom(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{})
	results := make(chan error, api.MaxInFlight)
	for range api.MaxInFlight {
		go func() {
			var err error
			for n := 0; n < 500 && err == nil; n++ {
				err = c.Call(t.Context(), api.MethodPing, nil, nil)
			}
			results <- err
		}()
	}
	for range api.MaxInFlight {
		if err := <-results; err != nil {
			t.Errorf("one of the allowed: %v", err)
		}
	}
}

func TestRegisteredProductIsItsExecutables(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for id, path := range map[string]string{"mine": exe, "theirs": elsewhere(t)} {
		text := fmt.Sprintf("id = %q\nname = \"x\"\nexecutable = %q\n", id, path)
		if err := os.WriteFile(dir+"/"+id+".toml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := start(t, func(c *Config, _ *Server) {
		c.Product = func(id string, p *caller.Peer) error { return product.Registry{Dir: dir}.Allow(id, p.Executable) }
	})
	greet(t, a, os.Geteuid(), api.Hello{Product: "mine"})
	greet(t, a, os.Geteuid(), api.Hello{Product: "nobodys"})
	for id, want := range map[string]api.Code{"theirs": api.ProductDenied, "../mine": api.InvalidArgument} {
		link := ipc.NewLink(dialAs(t, a.path, os.Geteuid()), ipc.Options{})
		err := link.Call(t.Context(), api.MethodHello, api.Hello{Protocol: 1, MinProtocol: 1, Product: id}, nil)
		if api.CodeOf(err) != want {
			t.Errorf("product %s: %v", id, err)
		}
		<-link.Done()
	}
}

func TestCostlyRequestsAreFew(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{})
	busy := 0
	for range 3 * costlyOnce {
		err := c.Call(t.Context(), api.MethodAuthLogin, api.AuthLogin{Account: "a", Password: "guess"}, nil)
		if api.CodeOf(err) == api.Busy {
			busy++
		}
	}
	if busy == 0 {
		t.Error("passwords can be guessed at any rate")
	}
}

// TestBeginsOfAUserArePaced: a record on disk for each, so one user's must not fill
// everybody's ledger. The clock stands: what is let through is what may come at once.
func TestBeginsOfAUserArePaced(t *testing.T) {
	stands := clocktest.New(time.Now())
	a := start(t, func(c *Config, _ *Server) { c.Clock = stands })
	c := greet(t, a, os.Geteuid(), api.Hello{})
	begun := func(method string, params any) (n int) {
		t.Helper()
		for range beginOnce + 10 {
			switch err := c.Call(t.Context(), method, params, nil); api.CodeOf(err) {
			case api.Busy:
				return n
			default:
				n++
			}
		}
		return n
	}
	request := api.LicenseRequest{Form: api.FormString}
	if n := begun(api.MethodLicenseRequest, request); n != beginOnce {
		t.Errorf("%d at once, want %d", n, beginOnce)
	}
	stands.Advance(time.Second)
	if n := begun(api.MethodLicenseRequest, request); n != beginRate {
		t.Errorf("%d a second later, want %d", n, beginRate)
	}
	if err := c.Call(t.Context(), api.MethodAuthLogin, api.AuthLogin{Account: "a", Password: "p"}, nil); api.CodeOf(err) == api.Busy {
		t.Error("sign-ins are paced with the operations")
	}
	if err := c.Call(t.Context(), api.MethodPing, nil, nil); err != nil {
		t.Errorf("what begins nothing: %v", err)
	}
	for name, m := range methods {
		started := slices.Contains([]string{api.MethodOpen, api.MethodPick, api.MethodSave, api.MethodSaveAs, api.MethodSaveTo, api.MethodLicenseRequest}, name)
		if started != (m.pace == begins) {
			t.Errorf("%s is paced %d", name, m.pace)
		}
	}
}
