package localapi

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

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
