package localapi

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// endpoint is a fresh place to listen at.
func endpoint(testing.TB) string { return `\\.\pipe\iscdesk-test-` + rand.Text() }

// dialAs connects as this process's user: os.Geteuid's -1.
func dialAs(t testing.TB, path string, uid int, _ ...int) rawConn {
	t.Helper()
	if uid != os.Geteuid() {
		t.Fatalf("connect as %d: there is one user here", uid)
	}
	conn, err := ipc.Dial(path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// closeWrite ends the connection: a pipe is not closed by halves.
func closeWrite(conn rawConn) bool {
	_ = conn.Close()
	return false
}

// elsewhere is a program that is not this one.
func elsewhere(t testing.TB) string {
	t.Helper()
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "cmd.exe")
}

// root begins an absolute path.
const root = `C:\`
