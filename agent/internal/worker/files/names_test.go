package files

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// forbidden are names that one system or the other cannot store.
var forbidden = []string{
	"CON", "con.dxf", "NUL", "nul.tar.gz", "COM1.txt", "COM¹", "LPT9", "AUX .dxf", "CONIN$", "CONOUT$", "PRN",
	"part.", "part ", "part..", " .", "a:b", "part.dxf:stream", "a<b", "a>b", `a"b`, "a|b", "a?b", "a*b", "a\x01b", "a\x1fb", "a\x7fb",
	`a\b`, "a\u202eb", "..", ".", strings.Repeat("x", 256), strings.Repeat("长", 86), ".iscdesk-0123456789abcdef.part", ".ISCDesk-x",
}

// badBytes are no text in any system; JSON cannot carry them.
var badBytes = []string{"a\xffb", "a\xed\xa0\x80b", "a\xc0\xafb"} // the middle one: half of a pair, as Windows stores it

// asManifest is a manifest of an assembly whose last files bear names that Encode
// would refuse.
func asManifest(t *testing.T, names ...string) []byte {
	t.Helper()
	m := chunk.Manifest{Kind: chunk.KindAssembly, Files: []chunk.File{{Path: "gear.dxf", Mode: 0o644, ModTime: time.Unix(1, 0)}}}
	for i := range names {
		m.Files = append(m.Files, chunk.File{Path: "zz/" + string(rune('a'+i)), Mode: 0o644, ModTime: time.Unix(1, 0)})
	}
	b, _, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		quoted, err := json.Marshal("zz/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if old := []byte(`"zz/` + string(rune('a'+i)) + `"`); bytes.Count(b, old) == 1 {
			b = bytes.Replace(b, old, quoted, 1)
		} else {
			t.Fatalf("the manifest is %s", b)
		}
	}
	return b
}

// A version with a file that cannot be stored everywhere is refused by name before
// anything is written, on every system alike.
func TestForbiddenNamesAreNotOpened(t *testing.T) {
	cases := [][]string{{"A", "a"}, {"A/x", "a/y"}, {"é", "é"}, {"a", "a/b"}, {"ſ", "s"}}
	for _, n := range forbidden {
		cases = append(cases, []string{n})
	}
	for _, names := range cases {
		w := newWorld(t)
		m := asManifest(t, names...)
		w.room.cfg.Cloud = lying{w.drive, m}
		_, err := w.room.Fetch(context.Background(), workerapi.Fetch{Operation: 1, Token: "t", Space: "sp", SpaceName: "Parts", Object: "o",
			Name: "gear", Kind: chunk.KindAssembly, Version: cloudapi.Version{Number: 1, Manifest: chunk.Sum(m).String()}, Account: "lin"})
		if api.CodeOf(err) != api.NameInvalid {
			t.Errorf("%q: %v", names, err)
			continue
		}
		if last := names[len(names)-1]; !strings.Contains(err.Error(), strings.Trim(last, "\x01\x1f\x7f")[:1]) {
			t.Errorf("%q is not named: %v", last, err)
		}
		if left := list(t, w.path(workspace, "Parts")); len(left) != 0 {
			t.Errorf("%q: %q was written", names, left)
		}
	}
}

// A name that this system can store and another cannot is refused at the save: by
// name, before a byte is sent, and with the files left as they are.
func TestForbiddenNamesAreNotSaved(t *testing.T) {
	made := 0
	for _, name := range append(append([]string{}, forbidden...), badBytes...) {
		w := newWorld(t)
		dir := w.path("gear")
		write(t, filepath.Join(dir, "gear.dxf"), []byte("main"))
		if !makeOdd(dir, name) {
			continue
		}
		made++
		_, err := w.room.Inspect(context.Background(), workerapi.Inspect{Path: dir, Assembly: true})
		if api.CodeOf(err) != api.NameInvalid || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), name[:1]) {
			t.Errorf("%q: %v", name, err)
		}
		_, err = w.room.Store(context.Background(), w.create(dir, true))
		if api.CodeOf(err) != api.NameInvalid {
			t.Errorf("%q: %v", name, err)
		}
		if w.drive.Put != 0 || len(w.drive.Objects) != 0 {
			t.Errorf("%q: %d bytes were sent", name, w.drive.Put)
		}
		equalFile(t, filepath.Join(dir, "gear.dxf"), []byte("main"))
		if len(list(t, dir)) != 2 {
			t.Errorf("%q: %q is left", name, list(t, dir))
		}
	}
	if made < 2 {
		t.Fatalf("%d such names can be made here", made)
	}
	t.Logf("%d of %d names can be made here", made, len(forbidden)+len(badBytes))
}

// makeOdd makes a file of exactly that name, if this system can.
func makeOdd(dir, name string) bool {
	if name == "." || name == ".." || strings.ContainsAny(name, `/`) {
		return false
	}
	path := verbatim(dir) + string(filepath.Separator) + name
	if os.WriteFile(path, []byte("odd"), 0o600) != nil {
		return false
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil && e.Name() == name {
			return true
		}
	}
	_ = os.Remove(path) // it became something else
	return false
}
