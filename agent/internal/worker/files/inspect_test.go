package files

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestInspectRefusals(t *testing.T) {
	w := newWorld(t)
	write(t, w.path("part.stl"), []byte("one"))
	write(t, w.path("Pump", "Pump.dxf"), []byte("main"))
	write(t, w.path("Bare", "rotor.dxf"), []byte("part"))
	write(t, w.path("Deep", "sub", "Deep.dxf"), []byte("not at the top"))
	write(t, w.path("Bad", "Bad.dxf"), []byte("main"))
	write(t, w.path("Bad", badName), []byte("a name for one system only"))
	write(t, w.path("huge.stl"), nil) // a hole, which takes no space and would take hours to read
	if err := os.Truncate(w.path("huge.stl"), chunk.MaxTotal+1); err != nil {
		t.Skipf("a file of %d bytes: %v", int64(chunk.MaxTotal+1), err)
	}
	for _, c := range []struct {
		name, path string
		assembly   bool
		want       api.Code
	}{
		{"a file", w.path("part.stl"), false, api.OK},
		{"larger than any version", w.path("huge.stl"), false, api.TooLarge},
		{"an assembly", w.path("Pump"), true, api.OK},
		{"not clean, but good", w.path("Pump") + "/../part.stl", false, api.OK},
		{"absent", w.path("none.stl"), false, api.PathNotFound},
		{"below a file", w.path("part.stl", "x"), false, api.PathNotRegular},
		{"in an absent folder", w.path("none", "x"), false, api.PathNotFound},
		{"a folder as a file", w.path("Pump"), false, api.PathNotRegular},
		{"a file as an assembly", w.path("part.stl"), true, api.PathNotRegular},
		{"a device", aDevice, false, api.PathNotRegular},
		{"no main file", w.path("Bare"), true, api.AssemblyMainMissing},
		{"main file not at the top", w.path("Deep"), true, api.AssemblyMainMissing},
		{"a name for one system only", w.path("Bad"), true, api.NameInvalid},
		{"relative", "part.stl", false, api.InvalidArgument},
		{"empty", "", false, api.InvalidArgument},
		{"a NUL", w.path("a\x00b"), false, api.InvalidArgument},
		{"too long", w.path(strings.Repeat("x", api.MaxPath)), false, api.InvalidArgument},
		{"an element too long", w.path(strings.Repeat("x", 300)), false, api.NameInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: c.path, Assembly: c.assembly})
			code(t, err, c.want)
			if err == nil && in.Object != "" {
				t.Fatalf("%+v", in)
			}
			if err != nil {
				_, err = w.room.Store(context.Background(), w.create(c.path, c.assembly))
				if api.CodeOf(err) == api.OK {
					t.Fatal("refused to look at, and saved")
				}
			}
		})
	}
}

func TestLinksAreNotSaved(t *testing.T) {
	w := newWorld(t)
	write(t, w.path("part.stl"), []byte("one"))
	write(t, w.path("Pump", "Pump.dxf"), []byte("main"))
	write(t, w.path("Linked", "Linked.dxf"), []byte("main"))
	for at, to := range map[string]string{"link.stl": "part.stl", "PumpLink": "Pump", "Linked/inner": "../part.stl"} {
		link(t, to, w.path(at))
	}
	for _, c := range []struct {
		name     string
		assembly bool
	}{{"link.stl", false}, {"PumpLink", true}, {"Linked", true}} {
		_, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: w.path(c.name), Assembly: c.assembly})
		code(t, err, api.PathNotRegular)
		if _, err = w.room.Store(context.Background(), w.create(w.path(c.name), c.assembly)); api.CodeOf(err) == api.OK {
			t.Error("refused to look at, and saved")
		}
	}
}

// A file that is written to while it is read is refused, whatever its size and
// times say afterwards; one that settles is saved as its last state, never as a mixture.
func TestChangedWhileRead(t *testing.T) {
	old, late := random(1, 3<<20), random(2, 3<<20)
	times := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name  string
		write func(path string, read int) // after the read'th chunk was read
		want  api.Code
	}{
		{"written all the time", func(path string, read int) { write(t, path, edit(late, read)) }, api.FileChanging},
		{"written all the time, times put back", func(path string, read int) {
			write(t, path, edit(late, read))
			if err := os.Chtimes(path, times, times); err != nil {
				t.Error(err)
			}
		}, api.FileChanging},
		{"another file in its place each time", func(path string, read int) {
			write(t, path+".new", edit(late, read))
			replaced(t, path+".new", path)
		}, api.FileChanging},
		{"settles", func(path string, read int) {
			if read == 1 {
				write(t, path, late)
			}
		}, api.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.path("part.stl")
			write(t, path, old)
			read := 0
			got, err := w.room.snapshot(context.Background(), target{at: holding(t, path), base: "part.stl", kind: "file", name: "part.stl"}, sinkFunc(func() error {
				read++
				c.write(path, read)
				return nil
			}))
			code(t, err, c.want)
			if read < tries {
				t.Fatalf("read %d chunks", read)
			}
			if err != nil {
				return
			}
			var want []chunk.Ref
			if err := new(chunk.Cutter).Cut(bytes.NewReader(late), func(plain []byte) error {
				want = append(want, chunk.Ref{ID: chunk.Sum(plain), Size: int64(len(plain))})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.manifest.Files[0].Chunks, want) {
				t.Fatal("what was saved is not the settled file")
			}
		})
	}
}

// edit changes some bytes and the length.
func edit(b []byte, n int) []byte {
	b = append(bytes.Clone(b), random(byte(n), 100+n)...)
	at := rand.IntN(len(b) - 300_000)
	copy(b[at:], random(byte(n+1), 300_000))
	return b
}

// A file that is added to an assembly after its folder was listed is noticed too.
func TestTreeChangedWhileRead(t *testing.T) {
	w := newWorld(t)
	dir := w.path("Pump")
	write(t, filepath.Join(dir, "Pump.dxf"), random(1, 1<<20))
	n := 0
	_, err := w.room.snapshot(context.Background(), target{at: holding(t, dir), base: "Pump", kind: "assembly", name: "Pump"}, sinkFunc(func() error {
		n++
		write(t, filepath.Join(dir, "late-"+strings.Repeat("x", n)), nil)
		return nil
	}))
	code(t, err, api.FileChanging)
	if n < tries {
		t.Fatalf("tried %d times", n)
	}
}

type sinkFunc func() error

func (f sinkFunc) Add(chunk.ID, []byte) error { return f() }

func TestNamesStayInside(t *testing.T) {
	names := []string{"..", ".", "", "a/b", "/etc/passwd", "../../x", "CON", "nul.txt", "part.", "part ", "a:b", "a\\b", "a\x00b", "\xff\xfe", ".iscdesk-0123.part",
		strings.Repeat("长", 200), strings.Repeat("x", 300) + ".stl", "\u202etxt.exe", "ok.stl", "零件.stl"}
	seen := make(map[string]string)
	for _, n := range names {
		safe := safeName(n)
		if err := chunk.CheckName(safe); err != nil {
			t.Errorf("%q became %q: %v", n, safe, err)
		}
		if strings.HasPrefix(safe, hidden) {
			t.Errorf("%q became %q, a name of ours", n, safe)
		}
		if other, ok := seen[safe]; ok {
			t.Errorf("%q and %q are both %q", n, other, safe)
		}
		seen[safe] = n
		if rel := place(n, []string{n, n}, n); !filepath.IsLocal(rel) || strings.Count(filepath.ToSlash(rel), "/") != 3 {
			t.Errorf("%q is placed at %q", n, rel)
		}
	}
	for _, n := range []string{"ok.stl", "零件.stl"} {
		if safeName(n) != n {
			t.Errorf("%q needlessly became %q", n, safeName(n))
		}
	}
}

func TestPrivateFiles(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	got, err := w.room.WriteFile(ctx, workerapi.WriteFile{Dir: "licenses/minicad", Name: "minicad.lic", Data: []byte("licence")})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(privateDir(w.home), "licenses", "minicad", "minicad.lic"); got.Path != want {
		t.Fatalf("written to %s, want %s", got.Path, want)
	}
	equalFile(t, got.Path, []byte("licence"))
	for _, path := range []string{got.Path, filepath.Dir(got.Path), privateDir(w.home)} {
		ownersOnly(t, path)
	}
	for _, c := range []struct {
		f    workerapi.WriteFile
		want api.Code
	}{
		{workerapi.WriteFile{Dir: "licenses/../..", Name: "x"}, api.NameInvalid},
		{workerapi.WriteFile{Dir: "licenses", Name: "../x"}, api.NameInvalid},
		{workerapi.WriteFile{Dir: "/etc", Name: "x"}, api.NameInvalid},
		{workerapi.WriteFile{Dir: "outbox/k", Name: "store.json"}, api.InvalidArgument},
		{workerapi.WriteFile{Dir: "licenses/a/b/c", Name: "x"}, api.NameInvalid},
		{workerapi.WriteFile{Dir: "licenses/p", Name: "x", Data: make([]byte, maxPrivateFile+1)}, api.TooLarge},
	} {
		_, err := w.room.WriteFile(ctx, c.f)
		if api.CodeOf(err) != c.want {
			t.Errorf("%q/%q: %v, want code %d", c.f.Dir, c.f.Name, err, c.want)
		}
	}
}

// An opened private folder is closed again.
func TestPrivateFolderIsClosed(t *testing.T) {
	w := newWorld(t)
	dir := privateDir(w.home)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := w.room.Pending(context.Background()); err != nil {
		t.Fatal(err)
	}
	ownersOnly(t, dir)
}

func TestLedgerIsCompacted(t *testing.T) {
	w := newWorld(t)
	e := entry{Path: w.path("part.stl"), Object: "o", Space: "sp", Kind: "file", Version: 1, Manifest: strings.Repeat("m", 60_000)}
	for range 60 {
		if err := w.room.note(e); err != nil {
			t.Fatal(err)
		}
	}
	st, err := os.Stat(filepath.Join(privateDir(w.home), "ledger.log"))
	if err != nil || st.Size() > 2*slack {
		t.Fatalf("%d bytes for one entry, %v", st.Size(), err)
	}
	if got, ok, err := w.room.lookup(e.Path); err != nil || !ok || got.Manifest != e.Manifest {
		t.Fatalf("the entry is gone: %v", err)
	}
}

func FuzzLedgerRecord(f *testing.F) {
	good, err := json.Marshal(entry{Path: "/home/lin/ISCDesk/Parts/part.stl", Object: "o", Space: "sp", Kind: "file", Version: 3, Manifest: "m",
		Content: "c", Fence: 2, Until: time.Unix(1700000000, 0).UTC(), Files: []fileState{{ID: identity{Dev: 1, Ino: 2, Size: 3, MTime: 4, CTime: 5}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, s := range []string{"", "{}", "null", `{"path":"relative"}`, `{"path":"/a/../b"}`, `{"path":"/a","gone":true}`,
		`{"path":"/a","object":"o","space":"s","kind":"assembly","version":1,"files":[{"p":"../x","id":{}}]}`,
		`{"path":"/a","object":"o","space":"s","kind":"file","version":1,"aside":{"temp":"../x","name":"y"}}`,
		`{"path":"/a","object":"o","space":"s","kind":"file","version":-1}`, `{"path":"/a\u0000b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := parseEntry(b)
		if !ok {
			return
		}
		if !filepath.IsAbs(e.Path) || filepath.Clean(e.Path) != e.Path || strings.ContainsRune(e.Path, 0) {
			t.Fatalf("path %q", e.Path)
		}
		for _, s := range e.Files {
			if s.Path != "" && !filepath.IsLocal(filepath.FromSlash(s.Path)) {
				t.Fatalf("file %q leaves the tree", s.Path)
			}
		}
		if a := e.Aside; a != nil && (!filepath.IsLocal(a.Temp) || !filepath.IsLocal(a.Name)) {
			t.Fatalf("aside %+v leaves the folder", a)
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := parseEntry(again); !ok {
			t.Fatalf("%s is read once and not again", again)
		}
	})
}
