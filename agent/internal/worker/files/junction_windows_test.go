package files

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// junction makes a folder that leads to another, which takes no right. Wine 8 makes none.
func junction(t *testing.T, at, to string) {
	t.Helper()
	out, err := exec.Command("cmd", "/c", "mklink", "/J", at, to).CombinedOutput()
	if st, serr := os.Lstat(at); err != nil || serr != nil || st.Mode().IsDir() {
		t.Skipf("not run: no junctions can be made here (%v: %s)", err, out)
	}
}

// A junction is followed where the application's path has one, and refused where it
// was put in a folder's place since, in an assembly, and in the workspace.
func TestJunctions(t *testing.T) {
	t.Run("of the user's own", func(t *testing.T) {
		w := newWorld(t)
		write(t, w.path("real", "part.dxf"), []byte("one"))
		junction(t, w.path("mine"), w.path("real"))
		object := w.store(w.create(w.path("mine", "part.dxf"), false)).Object
		if s := w.save(w.path("real", "part.dxf"), false); s.Object != object {
			t.Errorf("two objects of one file")
		}
	})
	t.Run("as a folder that is held", func(t *testing.T) {
		base := t.TempDir()
		write(t, filepath.Join(base, "real", "sub", "x"), nil)
		junction(t, filepath.Join(base, "link"), filepath.Join(base, "real"))
		for _, p := range []string{"link", `link\sub`} {
			if f, err := openFolder(filepath.Join(base, p)); !errors.Is(err, errLinked) {
				t.Errorf("%s: %v, %v", p, f, err)
			}
		}
	})
	t.Run("in an assembly", func(t *testing.T) {
		w := newWorld(t)
		write(t, w.path("secret", "x"), []byte("SECRET"))
		write(t, w.path("gear", "gear.dxf"), []byte("main"))
		junction(t, w.path("gear", "parts"), w.path("secret"))
		_, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: w.path("gear"), Assembly: true})
		code(t, err, api.PathNotRegular)
	})
	t.Run("between the look and the save", func(t *testing.T) {
		w := newWorld(t)
		write(t, w.path("share", "part.dxf"), []byte("shared"))
		write(t, w.path("secret", "part.dxf"), []byte("SECRET"))
		path := w.path("share", "part.dxf")
		w.store(w.create(path, false))
		s := w.save(path, false)
		if err := os.Rename(w.path("share"), w.path("away")); err != nil {
			t.Fatal(err)
		}
		junction(t, w.path("share"), w.path("secret"))
		_, err := w.room.Store(context.Background(), s)
		code(t, err, api.FileChanging)
	})
	t.Run("in the workspace", func(t *testing.T) {
		w := newWorld(t)
		object := w.put("part.stl", []byte("one"))
		if err := os.MkdirAll(w.path(workspace, "Parts"), 0o700); err != nil {
			t.Fatal(err)
		}
		outside := t.TempDir()
		junction(t, w.path(workspace, "Parts", "Pumps"), outside)
		_, err := w.tryFetch(object, 0, false)
		code(t, err, api.PathNotRegular)
		if left := list(t, outside); len(left) != 0 {
			t.Errorf("%q was written behind the junction", left)
		}
	})
}
