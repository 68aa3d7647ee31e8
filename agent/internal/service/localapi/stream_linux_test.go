package localapi

import (
	"context"
	"fmt"
	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func owner(c *client, a *agent) events.Owner {
	return events.Owner{UID: caller.Own(), Product: a.rooms.last.Product}
}

func TestSubscribeAndComeBack(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{Product: "cad"})
	o := owner(c, a)
	a.events.Emit(o, "BEFORE", "X", nil)
	if r := c.subscribe(t, "", 0); r.Next != 1 || r.Epoch != c.hello.Epoch {
		t.Errorf("subscribed at %+v", r)
	}
	a.events.Emit(o, "AFTER", "X", nil)
	if one, two := c.event(t), c.event(t); one.Type != "BEFORE" || two.Type != "AFTER" || two.ID != 2 {
		t.Errorf("got %+v, %+v", one, two)
	}
	c.subscribe(t, c.hello.Epoch, 1) // a second subscription moves the first
	if again := c.event(t); again.ID != 2 {
		t.Errorf("got %+v", again)
	}
	_ = c.Close()
	<-c.Done()
	a.events.Emit(o, "AWAY", "X", nil)
	back := greet(t, a, os.Geteuid(), api.Hello{Product: "cad", Session: c.hello.Session})
	if !back.hello.Resumed || back.hello.Epoch != c.hello.Epoch || back.hello.Session != c.hello.Session {
		t.Errorf("hello again %+v", back.hello)
	}
	back.subscribe(t, c.hello.Epoch, 2)
	if missed := back.event(t); missed.Type != "AWAY" || missed.ID != 3 {
		t.Errorf("missed %+v", missed)
	}
	back.subscribe(t, "0000", 2)
	select {
	case g := <-back.gaps:
		if g.Epoch != c.hello.Epoch || g.Next != 1 {
			t.Errorf("gap %+v", g)
		}
	case <-time.After(5 * time.Second):
		t.Error("another epoch gave no gap")
	}
}

func TestSlowReaderOverrunsItsOwnRingOnly(t *testing.T) {
	a := start(t, func(_ *Config, s *Server) { s.writeTime = 5 * time.Second })
	slow := dialAs(t, a.path, os.Geteuid())
	for _, body := range []string{helloFrame, `{"jsonrpc":"2.0","id":2,"method":"events.subscribe"}`} {
		if _, err := slow.Write(frame(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := answer(slow); err != nil || got.Error != nil {
			t.Fatal(err, got.Error)
		}
	}
	quick := greet(t, a, os.Geteuid(), api.Hello{})
	quick.subscribe(t, "", 0)
	big := map[string]string{"pad": string(make([]byte, 200))}
	const n = 3 * api.RingEvents
	for i := range n {
		a.events.Emit(events.Owner{UID: caller.Own()}, fmt.Sprint(i), "X", big)
		if e := quick.event(t); e.ID != int64(i+1) { // the quick one gets each, while the slow one reads nothing
			t.Fatalf("event %d came as %d", i+1, e.ID)
		}
	}
	_ = slow.Close()
}

func TestUsersDoNotHearEachOther(t *testing.T) {
	need.Root(t)
	a := start(t, nil)
	hers, his := greet(t, a, alice, api.Hello{Product: "cad"}), greet(t, a, bob, api.Hello{Product: "cad"})
	hers.subscribe(t, "", 0)
	his.subscribe(t, "", 0)
	var started api.Started
	if err := hers.Call(t.Context(), api.MethodSave, api.Save{Path: "/x"}, &started); err != nil {
		t.Fatal(err)
	}
	if e := hers.event(t); e.Operation != started.Operation {
		t.Errorf("her event %+v", e)
	}
	var st api.OperationState
	if err := his.Call(t.Context(), api.MethodOperation, api.OperationRef{Operation: started.Operation}, &st); err != nil || st.State != api.OpUnknown {
		t.Errorf("he sees %+v, %v", st, err)
	}
	if err := his.Call(t.Context(), api.MethodCancel, api.OperationRef{Operation: started.Operation}, nil); api.CodeOf(err) != api.NotFound {
		t.Errorf("he cancels: %v", err)
	}
	stolen := greet(t, a, bob, api.Hello{Product: "cad", Session: hers.hello.Session})
	if stolen.hello.Resumed || stolen.hello.Epoch == hers.hello.Epoch {
		t.Error("he took her session up with its secret")
	}
	if len(his.events) != 0 {
		t.Error("he got her event")
	}
}

func TestStoppingIsToldToEverybody(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{})
	c.subscribe(t, "", 0)
	greet(t, a, os.Geteuid(), api.Hello{}) // one without a subscription holds nothing up
	a.stop()
	if e := c.event(t); e.Type != api.EventDeskClosed || e.Envelope.Params[api.ParamReason] != "stopping" {
		t.Errorf("last event %+v", e)
	}
	<-c.Done()
}

func TestRequestsEndWithTheirConnection(t *testing.T) {
	a := start(t, nil)
	a.rooms.block = make(chan struct{})
	c := greet(t, a, os.Geteuid(), api.Hello{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = c.Call(ctx, api.MethodStatus, nil, nil)
	_ = c.Close() // the leak check of start sees that the room's call has ended
}

func TestListen(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		ok      bool
	}{
		{"a new folder", func(*testing.T, string) {}, true},
		{"a stale socket", func(t *testing.T, path string) {
			mkdir(t, path, 0o755)
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
				t.Fatal(err)
			}
			_ = syscall.Close(fd)
		}, true},
		{"a served socket", func(t *testing.T, path string) {
			mkdir(t, path, 0o755)
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
		}, false},
		{"a file", func(t *testing.T, path string) {
			mkdir(t, path, 0o755)
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a link", func(t *testing.T, path string) {
			mkdir(t, path, 0o755)
			if err := os.Symlink("/etc/passwd", path); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a folder that others can write", func(t *testing.T, path string) { mkdir(t, path, 0o777) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "run", "agent.sock")
			tt.prepare(t, path)
			before, _ := os.Lstat(path)
			ln, err := Listen(path, true)
			if (err == nil) != tt.ok {
				t.Fatalf("listen: %v", err)
			}
			if err != nil {
				if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
					t.Error("what was there is gone")
				}
				return
			}
			st, err := os.Stat(path)
			if err != nil || st.Mode() != os.ModeSocket|0o666 {
				t.Errorf("mode %v, %v", st.Mode(), err)
			}
			if st, _ := os.Stat(filepath.Dir(path)); st.Mode().Perm() != 0o755 {
				t.Errorf("folder's mode %v", st.Mode())
			}
			_ = ln.Close()
			if _, err := os.Lstat(path); err == nil {
				t.Error("the socket stays after the end")
			}
		})
	}
}

func mkdir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}
