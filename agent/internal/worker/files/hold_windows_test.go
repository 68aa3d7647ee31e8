package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// openAs opens a file as another program does that shares what share says.
func openAs(t *testing.T, path string, access, share uint32) (letGo func()) {
	t.Helper()
	h, err := openPath(path, access, share, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := windows.CloseHandle(h); err != nil {
			t.Error(err)
		}
	}
}

func TestFoldersAreHeld(t *testing.T) {
	base := t.TempDir()
	write(t, filepath.Join(base, "a", "b", "file"), nil)
	for _, c := range []struct {
		path string
		want api.Code
	}{
		{`C:\`, api.OK}, {base, api.OK}, {filepath.Join(base, "a", "b"), api.OK}, {strings.ToUpper(filepath.Join(base, "A", "B")), api.OK},
		{filepath.Join(base, "none"), api.PathNotFound}, {filepath.Join(base, "a", "none", "x"), api.PathNotFound},
		{filepath.Join(base, "a", "b", "file"), api.PathNotRegular},
	} {
		f, err := openFolder(c.path)
		if got := api.CodeOf(local("open", c.path, err)); got != c.want && (err == nil || got != api.PathNotFound) { // Wine knows no other error
			t.Errorf("%s: %v, want code %d", c.path, err, c.want)
		}
		if err == nil {
			f.Close()
		}
	}
	f, err := makeFolder(filepath.Join(base, "new", "folder"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "/", `\`, "a/b", `a\b`, `..\x`, "file:stream", "C:x", "file::$DATA"} {
		if _, err := statAt(f, name); err == nil {
			t.Errorf("%q was looked at", name)
		}
		if _, err := openAt(f, name); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
	if err := os.Rename(f.Name(), f.Name()+"2"); err == nil {
		t.Error("a held folder got another name")
	}
	if err := os.Remove(f.Name()); err == nil {
		t.Error("a held folder was removed")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(base, "new", "folder"), filepath.Join(base, "new", "folder2")); err != nil {
		t.Error(err)
	}
}

// What Inspect decided for one file never sends the bytes of another, whatever was put
// in the folder's place meanwhile; and while a save reads, nothing can be.
func TestSwappedFolders(t *testing.T) {
	for _, c := range []struct {
		name     string
		assembly bool
		want     api.Code
	}{{"part.dxf", false, api.FileChanging}, {"gear", true, api.FileChanging}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			shared, private := w.path("share", "proj"), w.path("private")
			for dir, b := range map[string]string{shared: "shared", private: "SECRET"} {
				write(t, filepath.Join(dir, "part.dxf"), []byte(b))
				write(t, filepath.Join(dir, "gear", "gear.stp"), []byte(b))
			}
			path := filepath.Join(shared, c.name)
			first := w.store(w.create(path, c.assembly))
			s := w.save(path, c.assembly)
			if err := errors.Join(os.Rename(shared, shared+".2"), os.Rename(private, shared)); err != nil {
				t.Fatal(err)
			}
			_, err := w.room.Store(context.Background(), s)
			code(t, err, c.want)
			if n := len(w.drive.Objects[first.Object].Versions); n != 1 {
				t.Errorf("%d versions", n)
			}
			// Held: the swap itself is refused.
			at := holding(t, path)
			if err := os.Rename(shared, private); err == nil {
				t.Error("a folder that a save reads got another name")
			}
			at.close()
		})
	}
}

// Every spelling of a path is one path: one turn, one object.
func TestSpellings(t *testing.T) {
	w := newWorld(t)
	path := w.path("Work", "Part Überlänge.dxf")
	write(t, path, []byte("one"))
	object := w.store(w.create(path, false)).Object
	upper := w.path("WORK", "PART ÜBERLÄNGE.DXF")
	for _, spelled := range []string{
		path, upper, strings.ToLower(path), filepath.ToSlash(path), `\\?\` + path, w.path("Work", ".", "x", "..", "Part Überlänge.dxf"),
		strings.Replace(path, `\`, `\\`, 3)[:2] + strings.ReplaceAll(path[2:], `\`, `\\`), path + ".", path + " ", strings.Replace(path, `\Work\`, `/Work/`, 1),
	} {
		in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: spelled})
		if err != nil || in.Object != object {
			t.Errorf("%q: object %q, %v", spelled, in.Object, err)
		}
	}
	release, err := w.room.claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.room.claim(upper); api.CodeOf(err) != api.PathInUse {
		t.Errorf("two turns at one path: %v", err)
	}
	release()
	for _, c := range []struct {
		path string
		want api.Code
	}{
		{`C:part.dxf`, api.InvalidArgument}, {`\part.dxf`, api.InvalidArgument}, {`part.dxf`, api.InvalidArgument},
		{path + ":stream", api.NameInvalid}, {path + "::$DATA", api.NameInvalid}, {`\\.\` + path, api.NameInvalid}, {`\\.\PhysicalDrive0`, api.NameInvalid},
		{`\\?\GLOBALROOT\Device\Null`, api.NameInvalid}, {`\\?\` + path + ".", api.NameInvalid}, {`\\?\` + filepath.ToSlash(path), api.NameInvalid},
		{`\??\` + path, api.NameInvalid}, {w.path("NUL"), api.NameInvalid}, {`\\srv\pipe\x`, api.NameInvalid}, {`\\?\UNC\srv\PIPE\x`, api.NameInvalid}, {`C:\`, api.PathNotRegular}, {w.path("a\xff.dxf"), api.NameInvalid},
		{w.path("a\xed\xa0\x80.dxf"), api.NameInvalid}, // an unpaired surrogate
		{w.path("a?.dxf"), api.NameInvalid}, {w.path("a*.dxf"), api.NameInvalid}, {w.path("a<.dxf"), api.NameInvalid}, {w.path(`a".dxf`), api.NameInvalid},
	} {
		_, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: c.path})
		if got := api.CodeOf(err); got != c.want {
			t.Errorf("%q: code %d (%v), want %d", c.path, got, err, c.want)
		}
	}
}

// A short name, and a drive that subst made, are spellings too.
func TestSpellingsOfTheSystem(t *testing.T) {
	w := newWorld(t)
	path := w.path("A long folder's name", "A long part's name.dxf")
	write(t, path, []byte("one"))
	object := w.store(w.create(path, false)).Object
	same := func(spelled string) {
		t.Helper()
		in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: spelled})
		if err != nil || in.Object != object {
			t.Errorf("%q: object %q, %v", spelled, in.Object, err)
		}
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]uint16, 1024)
	if n, err := windows.GetShortPathName(name, &buf[0], uint32(len(buf))); err != nil || windows.UTF16ToString(buf[:n]) == path {
		t.Logf("this drive keeps no short names (%v)", err)
	} else {
		same(windows.UTF16ToString(buf[:n]))
	}
	t.Run("subst", func(t *testing.T) { onADrive(t, path, same) })
}

// onADrive looks at a path by a drive of its folder's.
func onADrive(t *testing.T, path string, same func(spelled string)) {
	drive, _ := windows.UTF16PtrFromString("Q:")
	folder, err := windows.UTF16PtrFromString(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.DefineDosDevice(0, drive, folder); err != nil {
		t.Skipf("not run: no drive can be made here: %v", err)
	}
	defer windows.DefineDosDevice(windows.DDD_REMOVE_DEFINITION, drive, folder)
	onDrive := `Q:\` + filepath.Base(path)
	if _, err := os.Stat(onDrive); err != nil {
		t.Skipf("not run: a drive that was made is not there: %v", err) // Wine 8
	}
	same(onDrive)
}

// Whatever an application names, what comes of it is one full path of a drive or a
// server that is its own result.
func FuzzSystemPath(f *testing.F) {
	for _, s := range []string{`C:\a\b.dxf`, `C:/a/../b`, `\\?\C:\a`, `\\?\UNC\srv\s\a`, `\\srv\s\a`, `//srv/s/a`, `\\.\C:\a`, `C:a`, `\a`, `\\?\GLOBALROOT\x`,
		`\??\C:\a`, `C:\a:b`, `C:\NUL`, `C:\a. .\b `, `C:\..\..`, `\\?\C:\a\..\b`, "C:\\a\xff", `\\srv`, `\\?\`, `\\`, `C:\` + strings.Repeat(`a\`, 1000),
		`\\?\Volume{00000000-0000-0000-0000-000000000000}\a`, `\\.\pipe\x`, `\\srv\pipe\x`, `\\?\C:\CON`, `C:\COM¹`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := checkPath(s)
		if err != nil {
			if code := api.CodeOf(err); code != api.InvalidArgument && code != api.NameInvalid {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		volume := filepath.VolumeName(path)
		if !filepath.IsAbs(path) || strings.ContainsRune(path[len(volume):], ':') || strings.HasPrefix(path, `\\.`) || strings.HasPrefix(path, `\\?`) ||
			strings.HasSuffix(strings.ToLower(volume), `\pipe`) {
			t.Fatalf("%q became %q", s, path)
		}
		if again, err := checkPath(path); err != nil || again != path {
			t.Fatalf("%q became %q and that %q, %v", s, path, again, err)
		}
	})
}

// A file that another program keeps to itself: a save waits a moment, then tells; what
// is open is not replaced, nothing is lost, and it works when the program lets go.
func TestHeldFiles(t *testing.T) {
	t.Run("at a save", func(t *testing.T) {
		w := newWorld(t)
		path := w.path("part.dxf")
		write(t, path, []byte("one"))
		letGo := openAs(t, path, windows.GENERIC_READ, 0)
		_, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: path})
		code(t, err, api.PathInUse)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("the file is not named: %v", err)
		}
		_, err = w.room.Store(context.Background(), w.create(path, false))
		code(t, err, api.PathInUse)
		letGo()
		w.store(w.create(path, false))
	})
	t.Run("open for writing, as its application has it", func(t *testing.T) {
		w := newWorld(t)
		path := w.path("part.dxf")
		write(t, path, []byte("one"))
		defer openAs(t, path, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)()
		w.store(w.create(path, false))
	})
	for _, assembly := range []bool{false, true} {
		t.Run(map[bool]string{false: "a file at an open", true: "an assembly at an open"}[assembly], func(t *testing.T) {
			w := newWorld(t)
			work := w.path("work", "part.dxf")
			main := ""
			if assembly {
				work, main = w.path("work", "gear"), "gear.stp"
			}
			write(t, filepath.Join(work, main), []byte("one"))
			object := w.store(w.create(work, assembly)).Object
			path := w.fetch(object, 0, true).MainFile
			write(t, filepath.Join(work, main), []byte("two"))
			w.store(w.save(work, assembly))
			letGo := openAs(t, filepath.Join(path, main), windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)
			_, err := w.tryFetch(object, 0, true)
			code(t, err, api.PathInUse)
			if assembly && string(read(t, filepath.Join(path, main))) == "two" {
				t.Log("Wine renames a folder with an open file in it, and cannot remove it then")
			} else {
				equalFile(t, filepath.Join(path, main), []byte("one"))
			}
			letGo()
			if got := w.fetch(object, 0, true); got.ConflictCopy != "" || got.KeptLocal {
				t.Errorf("%+v", got)
			}
			equalFile(t, filepath.Join(path, main), []byte("two"))
			noTemps(t, filepath.Dir(path))
		})
	}
	t.Run("the new version, by a virus scanner", func(t *testing.T) {
		w := newWorld(t)
		object := w.put("part.stl", []byte("one"))
		path := w.fetch(object, 0, true).MainFile
		w.next(object, random(1, 100_000))
		letGo := func() {}
		w.drive.Fault = func(r cloudhttp.Request, done bool) error {
			part := filepath.Join(filepath.Dir(path), tempName(object, w.drive.Version(object, 0).Manifest, path))
			if !done && strings.Contains(r.Path, "/packs/") && exists(part) {
				letGo()
				letGo = openAs(t, part, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)
			}
			return nil
		}
		_, err := w.tryFetch(object, 0, true)
		code(t, err, api.PathInUse)
		equalFile(t, path, []byte("one")) // was put back
		letGo()
		w.drive.Fault = nil
		if got := w.fetch(object, 0, true); got.ConflictCopy != "" {
			t.Errorf("%+v", got)
		}
		equalFile(t, path, random(1, 100_000))
		noTemps(t, filepath.Dir(path))
	})
	t.Run("unsaved work at an open", func(t *testing.T) {
		w := newWorld(t)
		object := w.put("part.stl", []byte("one"))
		path := w.fetch(object, 0, true).MainFile
		write(t, path, []byte("mine"))
		w.next(object, []byte("two"))
		letGo := openAs(t, path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)
		_, err := w.tryFetch(object, 0, true)
		code(t, err, api.PathInUse)
		equalFile(t, path, []byte("mine"))
		letGo()
		w.restart()
		got := w.fetch(object, 0, true)
		equalFile(t, got.ConflictCopy, []byte("mine"))
		equalFile(t, path, []byte("two"))
	})
}

// A file that a program writes through a handle that stays open is not seen to change
// by its folder's listing, but by itself.
func TestOpenFileIsLookedAt(t *testing.T) {
	w := newWorld(t)
	dir := w.path("gear")
	path := filepath.Join(dir, "gear.stp")
	write(t, path, bytes.Repeat([]byte("a"), 1000))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	_, err = w.room.snapshot(context.Background(), target{at: holding(t, dir), base: "gear", kind: "assembly", name: "gear"}, sinkFunc(func() error {
		n++
		_, err := f.WriteAt([]byte{byte(n)}, 500)
		return err
	}))
	code(t, err, api.FileChanging)
}

// What is told of a held file: its holder where the system knows him, and how the
// Restart Manager lays out what it tells.
func TestHolders(t *testing.T) {
	if n := unsafe.Sizeof(rmProcess{}); n != 668 {
		t.Errorf("RM_PROCESS_INFO of %d bytes", n)
	}
	path := filepath.Join(t.TempDir(), "part.dxf")
	write(t, path, nil)
	if who := holders(path); who != "" {
		t.Errorf("%q has a file that nobody has", who)
	}
	defer openAs(t, path, windows.GENERIC_READ, 0)()
	want := fmt.Sprintf("(process %d)", os.Getpid())
	if who := holders(path); who != "" && !strings.Contains(who, want) {
		t.Errorf("%q has it, want %s", who, want)
	} else {
		t.Logf("held by %q", who) // Wine 8 tells nobody
	}
	for _, none := range []string{"part.dxf", "", filepath.Join(t.TempDir(), "none")} {
		if who := holders(none); who != "" {
			t.Errorf("%q has %q", who, none)
		}
	}
}

// Links, and what only looks like one.
func TestModes(t *testing.T) {
	const dir, reparse = windows.FILE_ATTRIBUTE_DIRECTORY, windows.FILE_ATTRIBUTE_REPARSE_POINT
	for _, c := range []struct {
		name            string
		attributes, tag uint32
		regular, isDir  bool
	}{
		{"a file", 0, 0, true, false}, {"a folder", dir, 0, false, true},
		{"a symbolic link", reparse, windows.IO_REPARSE_TAG_SYMLINK, false, false},
		{"a junction", dir | reparse, windows.IO_REPARSE_TAG_MOUNT_POINT, false, false},
		{"a link of Linux programs", reparse, 0xA000001D, false, false},
		{"a cloud client's file", reparse, 0x9000101A, true, false}, {"its folder", dir | reparse, 0x9000601A, false, true},
		{"deduplicated", reparse, 0x80000013, true, false}, {"compressed", reparse, 0x80000017, true, false},
		{"a socket", reparse, 0x80000023, false, false}, {"a pipe of Linux programs", reparse, 0x80000024, false, false},
		{"an alias of a program", reparse, 0x8000001B, false, false},
	} {
		m := modeOf(c.attributes, c.tag)
		if m.IsRegular() != c.regular || m.IsDir() != c.isDir {
			t.Errorf("%s: %v", c.name, m)
		}
	}
}
