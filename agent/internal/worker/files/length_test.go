package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// A path that programs cannot open is made shorter; what fits nowhere is refused by
// name, and nothing is written.
func TestLongPathsAreShortened(t *testing.T) {
	for _, c := range []struct {
		name     string
		assembly bool
		part     string // of the assembly
		folder   int    // letters of the folder in the cloud
		want     api.Code
		short    bool
	}{
		{"it fits", false, "", 3, api.OK, false},
		{"the folder is long", false, "", 240, api.OK, true},
		{"a part is too deep", true, "sub/" + strings.Repeat("p", 90) + ".dxf", 40, api.OK, true},
		{"a part fits nowhere", true, strings.Repeat("p", 200) + "/" + strings.Repeat("q", 100), 3, api.NameInvalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.room.longest = len(w.path(workspace)) + 118
			w.folder = strings.Repeat("长", c.folder/3)
			path := w.path("work", "gear")
			if c.assembly {
				write(t, filepath.Join(path, "gear.dxf"), []byte("main"))
				write(t, filepath.Join(path, filepath.FromSlash(c.part)), []byte("part"))
			} else {
				write(t, path, []byte("main"))
			}
			if c.folder > 200 {
				w.room.longest = len(w.path(workspace)) + 80
			}
			object := w.store(w.create(path, c.assembly)).Object
			for range 2 { // also where it lies already
				got, err := w.tryFetch(object, 0, false)
				code(t, err, c.want)
				if err != nil {
					if !strings.Contains(err.Error(), c.part[len(c.part)-20:]) {
						t.Errorf("the file is not named: %v", err)
					}
					if exists(w.path(workspace, "Parts", w.folder, "gear")) {
						t.Error("something was written")
					}
					return
				}
				if short := strings.Contains(got.MainFile, string(filepath.Separator)+"~"); short != c.short {
					t.Errorf("lies at %s", got.MainFile)
				}
				last := got.MainFile
				if c.assembly {
					last = filepath.Join(last, filepath.FromSlash(c.part))
				}
				if n := len(utf16.Encode([]rune(last))); n > w.room.longest || !exists(last) {
					t.Errorf("%s has %d letters", last, n)
				}
			}
		})
	}
}

// Paths far over the bound of old programs are saved, looked at and opened again.
func TestLongPathsWork(t *testing.T) {
	w := newWorld(t)
	w.room.longest = 0
	w.folder = strings.Repeat("f", 200)
	path := w.path(strings.Repeat("a", 120), strings.Repeat("b", 120), "gear")
	part := filepath.Join(strings.Repeat("c", 100), strings.Repeat("长", 80), "part.dxf")
	write(t, filepath.Join(path, "gear.dxf"), []byte("main"))
	write(t, filepath.Join(path, part), []byte("part"))
	object := w.store(w.create(path, true)).Object
	got := w.fetch(object, 0, true)
	equalFile(t, filepath.Join(got.MainFile, part), []byte("part"))
	write(t, filepath.Join(got.MainFile, part), []byte("changed"))
	w.store(w.save(got.MainFile, true))
	write(t, filepath.Join(got.MainFile, part), []byte("mine"))
	write(t, filepath.Join(path, part), []byte("theirs"))
	s := w.create(path, true)
	s.Object, s.Base = object, 2
	s.Fence, s.Name = w.drive.Objects[object].Fence, "gear"
	w.store(s)
	again := w.fetch(object, 0, true)
	equalFile(t, filepath.Join(again.ConflictCopy, part), []byte("mine"))
	if err := os.RemoveAll(w.path(workspace)); err != nil {
		t.Fatal(err)
	}
	if n := len(filepath.Join(got.MainFile, part)); n < 400 {
		t.Fatalf("%d letters are no long path", n)
	}
}
