package chunk

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func file(path string, chunks ...Ref) File {
	f := File{Path: path, Mode: 0o644, ModTime: time.Date(2026, 2, 3, 4, 5, 6, 700, time.UTC), Chunks: chunks}
	for _, c := range chunks {
		f.Size += c.Size
	}
	return f
}

func ref(s string) Ref { return Ref{ID: Sum([]byte(s)), Size: int64(len(s))} }

func assembly(paths ...string) Manifest {
	m := Manifest{Kind: KindAssembly}
	for _, p := range paths {
		m.Files = append(m.Files, file(p, ref("x")))
	}
	return m
}

// TestManifestForm pins the bytes: a version's name is their checksum.
func TestManifestForm(t *testing.T) {
	m := Manifest{Kind: KindAssembly, Files: []File{file("pump/泵 & co.stl", ref("solid"), ref("part")), file("empty.txt")}}
	m.Files[0].Mode, m.Files[1].ModTime = 0o755, time.Date(2026, 2, 3, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	b, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"kind":"assembly","files":[` +
		`{"path":"empty.txt","size":0,"mode":420,"modTime":"2026-02-03T04:00:00Z","chunks":[]},` +
		`{"path":"pump/泵 & co.stl","size":9,"mode":493,"modTime":"2026-02-03T04:05:06.0000007Z","chunks":[` +
		`"4b3d4a0dd732f791ca897e95488b5d63caf128d8691b6f5bbc54f866b9b97054:5",` +
		`"37a680133bd09342f934afb8dd2c7d9e1b624da5f35e3a38adb103e37c055ed1:4"]}]}`
	if string(b) != want || id != Sum(b) {
		t.Errorf("encoded as %s", b)
	}
	if m.Files[0].Path != "pump/泵 & co.stl" {
		t.Error("the caller's manifest was sorted")
	}
	back, err := DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.Size() != 9 || len(back.Refs()) != 2 || back.Files[1].Mode != 0o755 {
		t.Errorf("decoded as %+v", back)
	}
	again, _, err := back.Encode()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("encoded again as %s", again)
	}
}

func TestManifestRefusals(t *testing.T) {
	single := func(change func(*File)) Manifest {
		f := file("part.stl", ref("solid"))
		change(&f)
		return Manifest{Kind: KindFile, Files: []File{f}}
	}
	deep := strings.Repeat("d/", MaxDepth-1) + "f"
	for _, c := range []struct {
		name string
		m    Manifest
		want error
	}{
		{"good", single(func(*File) {}), nil},
		{"no kind", Manifest{Files: []File{file("a")}}, ErrDamaged},
		{"unknown kind", Manifest{Kind: "link", Files: []File{file("a")}}, ErrDamaged},
		{"no files", Manifest{Kind: KindAssembly}, ErrDamaged},
		{"file without files", Manifest{Kind: KindFile}, ErrDamaged},
		{"file with two", Manifest{Kind: KindFile, Files: []File{file("a"), file("b")}}, ErrDamaged},
		{"file in a folder", Manifest{Kind: KindFile, Files: []File{file("a/b")}}, ErrName},
		{"empty path", assembly(""), ErrName},
		{"absolute", assembly("/a"), ErrName},
		{"drive letter", assembly("C:/a"), ErrName},
		{"drive relative", assembly("C:a"), ErrName},
		{"stream", assembly("a:b"), ErrName},
		{"up", assembly("../a"), ErrName},
		{"up in the middle", assembly("a/../b"), ErrName},
		{"up at the end", assembly("a/.."), ErrName},
		{"here", assembly("./a"), ErrName},
		{"backslash", assembly(`a\b`), ErrName},
		{"backslash up", assembly(`..\a`), ErrName},
		{"double slash", assembly("a//b"), ErrName},
		{"ends in a slash", assembly("a/"), ErrName},
		{"NUL byte", assembly("a\x00b"), ErrName},
		{"newline", assembly("a\nb"), ErrName},
		{"delete character", assembly("a\x7fb"), ErrName},
		{"C1 control", assembly("a\u0085b"), ErrName},
		{"text direction", assembly("a\u202etxt.exe"), ErrName},
		{"not UTF-8", assembly("a\xff"), ErrName},
		{"surrogate half", assembly("a\xed\xa0\x80"), ErrName},
		{"trailing dot", assembly("a."), ErrName},
		{"trailing blank", assembly("a "), ErrName},
		{"folder with trailing dot", assembly("a./b"), ErrName},
		{"device", assembly("nul"), ErrName},
		{"device with extension", assembly("Aux.h"), ErrName},
		{"device as folder", assembly("com1/a"), ErrName},
		{"wildcard", assembly("a*"), ErrName},
		{"name of 255 bytes", assembly(strings.Repeat("a", 255)), nil},
		{"name of 256 bytes", assembly(strings.Repeat("a", 256)), ErrName},
		{"path of 1024 bytes", assembly(strings.Repeat(strings.Repeat("a", 255)+"/", 3) + strings.Repeat("b", 254) + "/c"), nil},
		{"path of 1025 bytes", assembly(strings.Repeat(strings.Repeat("a", 255)+"/", 3) + strings.Repeat("b", 255) + "/c"), ErrName},
		{"64 levels", assembly(deep), nil},
		{"65 levels", assembly("d/" + deep), ErrName},
		{"twice", assembly("a", "a"), ErrName},
		{"twice but for the case", assembly("Part.stl", "part.STL"), ErrName},
		{"twice but for the form", assembly("caf\u00e9", "cafe\u0301"), ErrName},
		{"twice but for the folder's case", assembly("A/x", "a/x"), ErrName},
		{"one folder, two spellings", assembly("A/x", "a/y"), ErrName},
		{"file and folder", assembly("a", "a/b"), ErrName},
		{"file and folder, another case", assembly("A", "a/b"), ErrName},
		{"file and folder, apart", assembly("a/b", "a-c", "a/b/d"), ErrName},
		{"sharp s is not ss", assembly("ss", "ß"), nil},
		{"mode of a link", single(func(f *File) { f.Mode = 0o777 }), ErrDamaged},
		{"setuid", single(func(f *File) { f.Mode = 0o4755 }), ErrDamaged},
		{"year 0", single(func(f *File) { f.ModTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }), ErrDamaged},
		{"year 10000", single(func(f *File) { f.ModTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), ErrDamaged},
		{"negative size", single(func(f *File) { f.Size = -1 }), ErrTooLarge},
		{"size too small", single(func(f *File) { f.Size-- }), ErrDamaged},
		{"size too large", single(func(f *File) { f.Size++ }), ErrDamaged},
		{"size without chunks", single(func(f *File) { f.Chunks = nil }), ErrDamaged},
		{"empty chunk", single(func(f *File) { f.Chunks = append(f.Chunks, Ref{}) }), ErrTooLarge},
		{"negative chunk", single(func(f *File) { f.Chunks = []Ref{{Size: 1}, {Size: -1}, {Size: 5}} }), ErrTooLarge},
		{"chunk over the bound", single(func(f *File) { f.Chunks[0].Size = MaxSize + 1 }), ErrTooLarge},
		{"over a terabyte", single(func(f *File) { f.Size = MaxTotal + 1 }), ErrTooLarge},
	} {
		if _, _, err := c.m.Encode(); !errors.Is(err, c.want) || (err != nil) != (c.want != nil) {
			t.Errorf("%s: encode: %v instead of %v", c.name, err, c.want)
		}
		// What Encode refuses, DecodeManifest refuses too, whoever wrote it.
		files := slices.Clone(c.m.Files)
		slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		for i := range files {
			if files[i].Chunks == nil {
				files[i].Chunks = []Ref{}
			}
		}
		raw, err := Manifest{Kind: c.m.Kind, Files: files}.marshal()
		if err != nil {
			continue // years that JSON cannot say
		}
		if _, err := DecodeManifest(raw); (err != nil) != (c.want != nil) {
			t.Errorf("%s: decode: %v", c.name, err)
		}
	}
}

// TestOneSpelling: the same content in other bytes is not a manifest.
func TestOneSpelling(t *testing.T) {
	b, _, err := assembly("a", "b").Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for name, other := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "object": "{}", "number": "1", "text": `"x"`,
		"blank behind":      s + " ",
		"newline behind":    s + "\n",
		"twice":             s + s,
		"blank before":      " " + s,
		"blank inside":      strings.Replace(s, ":", ": ", 1),
		"cut":               s[:len(s)-1],
		"unknown member":    strings.Replace(s, `{"kind"`, `{"also":1,"kind"`, 1),
		"member behind":     strings.TrimSuffix(s, "}") + `,"also":1}`,
		"member of a file":  strings.Replace(s, `"mode"`, `"also":1,"mode"`, 1),
		"member twice":      strings.Replace(s, `"kind":"assembly"`, `"kind":"file","kind":"assembly"`, 1),
		"another case":      strings.Replace(s, `"path"`, `"Path"`, 1),
		"members exchanged": strings.Replace(s, `"size":1,"mode":420`, `"mode":420,"size":1`, 1),
		"escaped letter":    strings.Replace(s, `"path":"a"`, `"path":"\u0061"`, 1),
		"number with zeros": strings.Replace(s, `"size":1`, `"size":1.0`, 1),
		"exponent":          strings.Replace(s, `"size":1`, `"size":1e0`, 1),
		"upper-case id":     strings.Replace(s, ref("x").ID.String(), strings.ToUpper(ref("x").ID.String()), 1),
		"chunk length +1":   strings.Replace(s, `:1"]`, `:+1"]`, 1),
		"chunk length 01":   strings.Replace(s, `:1"]`, `:01"]`, 1),
		"chunks null":       strings.Replace(s, `"chunks":["`+ref("x").ID.String()+`:1"]`, `"chunks":null`, 1),
		"chunk null":        strings.Replace(s, `["`, `[null,"`, 1),
		"another zone":      strings.Replace(s, `0007Z"`, `0007+00:00"`, 1),
		"files exchanged":   strings.NewReplacer(`"path":"a"`, `"path":"b"`, `"path":"b"`, `"path":"a"`).Replace(s),
		"file null":         strings.Replace(s, `"files":[`, `"files":[null,`, 1),
		"bytes not UTF-8":   strings.Replace(s, `"path":"a"`, "\"path\":\"a\xff\"", 1),
	} {
		if other == s {
			t.Errorf("%s: the test changes nothing", name)
		}
		if _, err := DecodeManifest([]byte(other)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestManifestCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 200,001 files")
	}
	var m Manifest
	raw := []byte(`{"kind":"assembly","files":[`)
	for i := range MaxFiles + 1 {
		path := fmt.Sprintf("%06d", i)
		m.Files = append(m.Files, file(path))
		raw = append(raw, `{"path":"`+path+`","size":0,"mode":420,"modTime":"2026-02-03T04:05:06Z","chunks":[]},`...)
	}
	m.Kind = KindAssembly
	raw = append(raw[:len(raw)-1], "]}"...)
	if _, _, err := m.Encode(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one file too many: %v", err)
	}
	if _, err := DecodeManifest(raw); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one file too many decoded: %v", err)
	}
	m.Files = m.Files[:MaxFiles]
	if _, _, err := m.Encode(); err != nil {
		t.Error(err)
	}
	if _, err := DecodeManifest(make([]byte, MaxManifest+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte too many: %v", err)
	}
	// Cheap elements must not become dear memory: the first that is none ends the reading.
	for name, text := range map[string]string{"files": `{"kind":"assembly","files":[` + strings.Repeat("{},", 300_000) + "{}]}",
		"chunks": `{"kind":"assembly","files":[{"path":"a","size":1,"mode":420,"modTime":"2026-02-03T04:05:06Z","chunks":[` + strings.Repeat("null,", 300_000) + "null]}]}"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeManifest([]byte(text))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > uint64(5*len(text)) {
			t.Errorf("%s: %v, %d bytes allocated for %d", name, err, got, len(text))
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "a b", ".hidden", "a.b.c", "泵体.stp", "Größe", "con1", "comx", "com10", "lpt", "nul2", "console.txt", "auxiliary", "-rf", "~", "a&b;c", "COM", "iscdesk-0123456789abcdef.part", ".iscdesk", ".iscdesks-x"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "...", " ", "a.", "a ", "a/b", `a\b`, "a:b", "a*", "a?", `a"b`, "a<b", "a>b", "a|b", "\t", "a\x1f",
		"CON", "con", "Con.txt", "con .txt", "PRN", "aux", "NUL", "nul.tar.gz", "COM0", "COM1", "com9.log", "LPT1", "lpt9", "COM¹", "lpt³.x", "CONIN$", "conout$", "CLOCK$",
		".iscdesk-0123456789abcdef.part", ".iscdesk-", ".ISCDesk-x", ".i\u017fcdes\u212a-x"} {
		if err := CheckName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFold(t *testing.T) {
	for _, p := range [][2]string{{"a", "A"}, {"Straße", "STRAßE"}, {"é", "E\u0301"}, {"Ω", "ω"}, {"ſ", "S"}, {"泵", "泵"}, {"ǆ", "ǅ"}} {
		if Fold(p[0]) != Fold(p[1]) {
			t.Errorf("%q and %q stay apart", p[0], p[1])
		}
	}
	for _, p := range [][2]string{{"a", "b"}, {"ss", "ß"}, {"e", "é"}, {"", "a"}} {
		if Fold(p[0]) == Fold(p[1]) {
			t.Errorf("%q and %q fall together", p[0], p[1])
		}
	}
	if f := Fold("Ab/Cd"); Fold(f) != f || strings.Count(f, "/") != 1 {
		t.Errorf("folded as %q", f)
	}
}

func TestParseID(t *testing.T) {
	id := Sum([]byte("x"))
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "0", id.String()[1:], id.String() + "0", strings.ToUpper(id.String()), strings.Repeat("g", 64), " " + id.String()[1:]} {
		if _, err := ParseID(s); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
