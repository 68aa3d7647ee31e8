//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/need"
)

// swapNames is a hostile user's program: it exchanges two names of a folder, each
// for a moment, until its input ends.
func swapNames(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: swap-names PATH PATH")
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	for n := 0; ; n++ {
		if err := unix.Renameat2(unix.AT_FDCWD, args[0], unix.AT_FDCWD, args[1], unix.RENAME_EXCHANGE); err != nil {
			return err
		}
		select {
		case err := <-ended:
			return err
		case <-time.After([]time.Duration{500 * time.Microsecond, 1200 * time.Microsecond}[n%2]):
		}
	}
}

// A member of a group owns the folder above shared files and swaps it for a link to
// the first user's private folder while that user saves. The worker may read both;
// no version may hold the private files.
func TestSwappedFolder(t *testing.T) {
	need.Root(t)
	s := stage(t, "iscswap", true)
	ctx := context.Background()
	run := func(n int, cmd *exec.Cmd) string {
		t.Helper()
		cmd.Stdin = strings.NewReader(desk.Password)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("user %d: %v: %v\n%s", n+1, cmd.Args, err, out)
		}
		return string(out)
	}
	share := filepath.Join(s.Dir, "share")
	if err := os.Mkdir(share, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(share, int(s.Users[1].Credential.Uid), int(s.Users[1].Credential.Gid)); err != nil {
		t.Fatal(err)
	}
	lay := `mkdir -p "$0/gear"; echo "$1" >"$0/part.dxf"; echo "$1" >"$0/gear/gear.stp"`
	run(1, s.Command(1, "sh", "-c", "umask 0; "+lay, share+"/proj", "shared"))
	run(1, s.Command(1, "ln", "-s", s.Users[0].Home+"/private", share+"/other"))
	run(0, s.Command(0, "sh", "-c", "umask 077; "+lay, s.Users[0].Home+"/private", "SECRET"))
	run(0, s.Tool(0, "login", "--password-stdin", "zhang"))
	paths := []string{share + "/proj/part.dxf", share + "/proj/gear"}
	for _, p := range paths {
		run(0, s.Tool(0, "files", "save-as", "--to", s.Space, p))
	}

	// A folder that may be passed through and not listed is enough for a file in it.
	run(1, s.Command(1, "sh", "-c", `umask 022; mkdir -m 711 "$0"; echo open >"$0/open.dxf"`, share+"/closed"))
	run(0, s.Tool(0, "files", "save-as", "--to", s.Space, share+"/closed/open.dxf"))

	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if program, err = s.CopyProgram(program, "swap-names"); err != nil {
		t.Fatal(err)
	}
	hostile := s.Command(1, program, "swap-names", share+"/proj", share+"/other")
	stop, err := hostile.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hostile.Start(); err != nil {
		t.Fatal(err)
	}
	saved, codes := 0, make(map[string]int)
	for n, end := 0, time.Now().Add(15*time.Second); n < 60 && time.Now().Before(end); n++ {
		out, err := s.Tool(0, "files", "save", paths[n%2]).CombinedOutput()
		if err == nil {
			saved++
			continue
		}
		_, code, _ := strings.Cut(string(out), "code: ")
		codes[strings.TrimSpace(code)]++
	}
	if err := errors.Join(stop.Close(), hostile.Wait()); err != nil {
		t.Fatalf("the hostile program: %v", err)
	}
	t.Logf("%d saved, refused by code: %v", saved, codes)

	owner, err := s.Cloud.Login(ctx, desk.Engineer1)
	if err != nil {
		t.Fatal(err)
	}
	objects := 0
	for _, id := range strings.Fields(run(0, s.Tool(0, "files", "ls", desk.SpaceName))) {
		if !strings.HasPrefix(id, "obj_") {
			continue
		}
		objects++
		versions, err := owner.Versions(ctx, id)
		if err != nil || len(versions) == 0 {
			t.Fatalf("versions of %s: %d, %v", id, len(versions), err)
		}
		for _, v := range versions {
			files, err := owner.Content(ctx, s.Space, id, v)
			if err != nil {
				t.Fatal(err)
			}
			for name, b := range files {
				if bytes.Contains(b, []byte("SECRET")) {
					t.Errorf("version %d of %s holds the private %s", v.Number, id, name)
				}
			}
		}
	}
	if want := len(paths) + 1; objects != want {
		t.Errorf("looked at %d objects, want %d", objects, want)
	}
}
