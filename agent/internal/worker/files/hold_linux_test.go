package files

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestFoldersWithoutLinks(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(base, "a", "b", "file"), nil)
	for _, l := range [][2]string{{"a", "link"}, {"/nowhere", "dangling"}, {"file", "a/b/link"}} {
		if err := os.Symlink(l[0], filepath.Join(base, l[1])); err != nil {
			t.Fatal(err)
		}
	}
	linked := func(err error) bool { return errors.Is(err, errLinked) }
	gone := func(err error) bool { return errors.Is(err, fs.ErrNotExist) }
	notRegular := func(err error) bool { return api.CodeOf(local("open", "", err)) == api.PathNotRegular }
	fine := func(err error) bool { return err == nil }
	for _, c := range []struct {
		path string
		want func(error) bool
	}{
		{"/", fine}, {base, fine}, {base + "/a/b", fine},
		{base + "/link", linked}, {base + "/link/b", linked}, {base + "/dangling", linked}, {base + "/dangling/x", linked},
		{base + "/none", gone}, {base + "/a/none/x", gone}, {base + "/a/b/file", notRegular}, {base + "/a/b/file/x", notRegular},
	} {
		for how, open := range map[string]func(string) (*os.File, error){"openat2": openFolder, "element by element": walkFolder} {
			f, err := open(c.path)
			if !c.want(err) {
				t.Errorf("%s by %s: %v", c.path, how, err)
			}
			if err != nil {
				continue
			}
			got, err := f.Stat()
			want, werr := os.Lstat(c.path)
			if err != nil || werr != nil || !os.SameFile(got, want) {
				t.Errorf("%s by %s is another folder (%v, %v)", c.path, how, err, werr)
			}
			f.Close()
		}
	}
	if f, err := makeFolder(base + "/link/new"); !errors.Is(err, errLinked) || exists(base+"/a/new") {
		t.Errorf("made a folder through a link: %v, %v", f, err)
	}
	f, err := makeFolder(base + "/new/folder")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"..", "/", "a/b", "../x", "/etc"} {
		if _, err := statAt(f, name); err == nil {
			t.Errorf("%q was looked at", name)
		}
		if root, err := rootAt(f, name); err == nil {
			t.Errorf("%q was opened as %s", name, root.Name())
		}
	}
}

// deputy is a world with a shared folder, above which someone else may swap two
// names, and the user's private folder with files of the same names.
type deputy struct {
	*world
	shared, private, away string
	swapped               bool
}

var theSecret, theShared = []byte("SECRET"), []byte("shared")

func newDeputy(t *testing.T) *deputy {
	w := newWorld(t)
	d := &deputy{world: w, shared: w.path("share", "proj"), private: w.path("private"), away: w.path("share", "other")}
	for dir, b := range map[string][]byte{d.shared: theShared, d.private: theSecret} {
		write(t, filepath.Join(dir, "part.dxf"), b)
		write(t, filepath.Join(dir, "gear", "gear.stp"), b)
	}
	if err := os.Symlink(d.private, d.away); err != nil {
		t.Fatal(err)
	}
	return d
}

// swap exchanges the shared folder and the link to the private one.
func (d *deputy) swap() {
	d.t.Helper()
	dir, err := os.Open(filepath.Dir(d.shared))
	if err != nil {
		d.t.Fatal(err)
	}
	defer dir.Close()
	if err := exchange(dir, filepath.Base(d.shared), filepath.Base(d.away)); err != nil {
		d.t.Fatal(err)
	}
	d.swapped = !d.swapped
}

// kept checks that no version holds the private file and returns how many there are.
func (d *deputy) kept() (versions int) {
	d.t.Helper()
	for _, o := range d.drive.Objects {
		for _, m := range o.Versions {
			files, err := d.drive.Content(m)
			if err != nil {
				d.t.Fatal(err)
			}
			versions++
			for name, b := range files {
				if bytes.Contains(b, theSecret) {
					d.t.Errorf("version %d holds the private %s", versions, name)
				}
			}
		}
	}
	return versions
}

// What Inspect decided for one file never sends the bytes of another.
func TestSwappedBetweenInspectAndStore(t *testing.T) {
	for _, c := range []struct {
		name, path string
		change     func(d *deputy)
		want       api.Code
	}{
		{"nothing", "part.dxf", func(*deputy) {}, api.OK},
		{"nothing, an assembly", "gear", func(*deputy) {}, api.OK},
		{"a link", "part.dxf", (*deputy).swap, api.FileChanging},
		{"a link, an assembly", "gear", (*deputy).swap, api.FileChanging},
		{"another folder", "part.dxf", func(d *deputy) { d.rename(d.shared, d.away+".2"); d.rename(d.private, d.shared) }, api.FileChanging},
		{"another assembly", "gear", func(d *deputy) {
			d.rename(d.shared+"/gear", d.shared+"/old")
			d.rename(d.private+"/gear", d.shared+"/gear")
		}, api.FileChanging},
		{"the folder is gone", "part.dxf", func(d *deputy) { d.rename(d.shared, d.shared+".2") }, api.FileChanging},
		{"a file in its place", "part.dxf", func(d *deputy) { d.rename(d.shared, d.shared+".2"); write(d.t, d.shared, nil) }, api.FileChanging},
		{"the application writes by rename", "part.dxf", func(d *deputy) {
			write(d.t, d.shared+"/new", theShared)
			d.rename(d.shared+"/new", d.shared+"/part.dxf")
		}, api.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDeputy(t)
			path, assembly := filepath.Join(d.shared, c.path), c.path == "gear"
			d.store(d.create(path, assembly))
			s := d.save(path, assembly)
			if s.At.Path == "" || s.At.Folder == (workerapi.FileID{}) || assembly == (s.At.Tree == workerapi.FileID{}) {
				t.Fatalf("inspected at %+v", s.At)
			}
			c.change(d)
			_, err := d.room.Store(context.Background(), s)
			code(t, err, c.want)
			if got, want := d.kept(), map[bool]int{true: 2, false: 1}[c.want == api.OK]; got != want {
				t.Errorf("%d versions, want %d", got, want)
			}
		})
	}
}

func (d *deputy) rename(from, to string) {
	d.t.Helper()
	if err := os.Rename(from, to); err != nil {
		d.t.Fatal(err)
	}
}

// A link of the user's own in the path is followed, and the path is known by either name.
func TestOwnLinksAreFollowed(t *testing.T) {
	d := newDeputy(t)
	link := d.path("mine")
	if err := os.Symlink(d.shared, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		assembly bool
	}{{"part.dxf", false}, {"gear", true}} {
		object := d.store(d.create(filepath.Join(link, c.name), c.assembly)).Object
		for n, dir := range []string{link, d.shared} {
			s := d.save(filepath.Join(dir, c.name), c.assembly)
			if got := d.store(s); s.Object != object || got.Version != int64(n+2) {
				t.Errorf("%s by %s: object %q, %+v", c.name, dir, s.Object, got)
			}
		}
	}
}
