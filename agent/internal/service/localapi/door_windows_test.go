package localapi

import (
	"encoding/json"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// An agent of this user serves every method; a system's agent serves a program that runs
// as administrator all but the file methods.
func TestEveryMethodForEveryCaller(t *testing.T) {
	if !windows.GetCurrentProcessToken().IsElevated() {
		need.Missing(t, "needs to run as administrator, which is what a system's agent refuses")
	}
	own := start(t, nil)
	system := start(t, func(c *Config, _ *Server) { c.UID = "S-1-5-18" })
	person, root := greet(t, own, geteuid(), api.Hello{Product: "cad"}), greet(t, system, geteuid(), api.Hello{})
	if person.hello.System || !root.hello.System || person.hello.User != "sid:"+string(caller.Own()) {
		t.Errorf("hello %+v, %+v", person.hello, root.hello)
	}
	call := func(c *client, name, params string) error {
		var raw json.RawMessage
		if params != "" {
			raw = json.RawMessage(params)
		}
		return c.Call(t.Context(), name, raw, nil)
	}
	for name, m := range methods {
		want := expected[name]
		if name == api.MethodCancel {
			want = api.NotFound
		}
		params := good[name]
		if strings.HasPrefix(params, `{"path":`) {
			params = strings.Replace(params, `"/home/a/x"`, `"C:\\Users\\a\\x"`, 1)
		}
		if got := call(person, name, params); api.CodeOf(got) != want && name != api.MethodCancel {
			t.Errorf("%s: a person gets %v, want %d", name, got, want)
		}
		err := call(root, name, wrongType[name])
		if (m.may == person_) != (api.CodeOf(err) == api.RootCaller) {
			t.Errorf("%s: an administrator's program gets %v", name, err)
		}
		if m.may == person_ && !strings.Contains(detail(err), "Run as administrator") {
			t.Errorf("%s: not told what to do: %s", name, detail(err))
		}
	}
}

func TestAgentOfAUserServesThatUserOnly(t *testing.T) {
	a := start(t, func(c *Config, _ *Server) { c.UID = "S-1-5-21-1-2-3-1001" })
	got, err := answer(dialAs(t, a.path, geteuid()))
	if err != nil || got.Error == nil || got.Error.Code != api.Forbidden {
		t.Errorf("%+v, %v", got.Error, err)
	}
}

func TestConnectionsOfOneUserAreBounded(t *testing.T) {
	a := start(t, nil)
	for range api.MaxConnections {
		greet(t, a, geteuid(), api.Hello{})
	}
	before := openHandles(t)
	for range 50 {
		conn := dialAs(t, a.path, geteuid())
		if got, err := answer(conn); err != nil || got.Error == nil || got.Error.Code != api.Busy {
			t.Fatalf("one too many: %+v, %v", got.Error, err)
		}
		_ = conn.Close()
	}
	if after := openHandles(t); after > before+8 {
		t.Errorf("refused connections leave handles open: %d before, %d after", before, after)
	}
}

func openHandles(t *testing.T) uint32 {
	t.Helper()
	var n uint32
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetProcessHandleCount")
	if ok, _, err := proc.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&n))); ok == 0 {
		t.Fatal(err)
	}
	return n
}

// A pipe that somebody serves already, another agent or a program in its place, is left
// to him, and said so.
func TestListenBesideAnother(t *testing.T) {
	path := endpoint(t)
	first, err := ipc.ListenPipe(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Listen(path, true); api.CodeOf(err) != api.Forbidden {
		t.Errorf("got %v", err)
	}
	if _, err := Listen(`C:\agent.sock`, true); api.CodeOf(err) != api.InvalidArgument {
		t.Errorf("a path that is no pipe: %v", err)
	}
}
