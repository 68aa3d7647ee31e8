package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// desk puts a PATH with one opener that writes down how it was called.
func desk(t *testing.T, name string) (record string) {
	t.Helper()
	setsid := need.Command(t, "setsid")
	dir := t.TempDir()
	record = filepath.Join(dir, "record")
	script := "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" > " + record + ".part\ncut -d' ' -f1,6 /proc/$$/stat >> " + record + ".part\nmv " + record + ".part " + record + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(setsid, filepath.Join(dir, "setsid")); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"cut", "mv"} {
		if err := os.Symlink(need.Command(t, tool), filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":9")
	return record
}

func TestOpenIsDetachedAndUntouchedByAShell(t *testing.T) {
	record := desk(t, "xdg-open")
	const address = "http://127.0.0.1:1/?a=$(touch${IFS}x)&b=;c#'\"`"
	if err := Open(address); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for range 5000 {
		var err error
		if got, err = os.ReadFile(record); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	if len(lines) != 3 || lines[0] != "1" || lines[1] != address {
		t.Fatalf("opener saw %q", lines)
	}
	if id := strings.Fields(lines[2]); len(id) != 2 || id[0] != id[1] {
		t.Errorf("process and session are %q: not a session of its own", lines[2])
	}
}

func TestNoScreenAndNoOpener(t *testing.T) {
	desk(t, "something-else")
	if err := Open("http://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), "no program") {
		t.Errorf("got %v", err)
	}
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := Open("http://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), "no screen") {
		t.Errorf("got %v", err)
	}
}
