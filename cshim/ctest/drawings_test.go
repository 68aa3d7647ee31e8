//go:build linux

package ctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// pair is a group of DXF: a code and its value.
type pair struct {
	code  int
	value string
}

// drawing reads an ASCII DXF file's groups.
func drawing(t *testing.T, path string) []pair {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(read(t, path), "\n"), "\n")
	if len(lines)%2 != 0 {
		t.Fatalf("%s has %d lines, want pairs", path, len(lines))
	}
	var out []pair
	for i := 0; i < len(lines); i += 2 {
		code, err := strconv.Atoi(strings.TrimSpace(lines[i]))
		if err != nil {
			t.Fatalf("%s, line %d: %v", path, i+1, err)
		}
		out = append(out, pair{code, strings.TrimSpace(lines[i+1])})
	}
	return out
}

// release12 says what in the drawing is not of the release that its header names:
// a reader of that time stops at the first of them.
func release12(pairs []pair, beside fs.FS) (wrong []string) {
	// by the DXF reference of the release; SEQEND ends POLYLINE
	kinds := []string{"SECTION", "ENDSEC", "EOF", "BLOCK", "ENDBLK", "LINE", "POINT", "CIRCLE", "ARC", "POLYLINE", "VERTEX", "SEQEND", "INSERT"}
	defined := map[string]bool{}
	var section, kind, block, flags string
	chain := false // inside POLYLINE
	for i, p := range pairs {
		switch {
		case p.code == 100 || p.code == 330 || p.code == 370:
			wrong = append(wrong, "a group of later releases: "+strconv.Itoa(p.code))
		case p.code == 9 && p.value == "$ACADVER" && (i+1 == len(pairs) || pairs[i+1].value != "AC1009"):
			wrong = append(wrong, "another release in the header")
		case p.code == 9 && p.value != "$ACADVER":
			wrong = append(wrong, "a header variable that this test does not know: "+p.value)
		case p.code == 0:
			if !slices.Contains(kinds, p.value) {
				wrong = append(wrong, "an entity of later releases: "+p.value)
			}
			if chain && p.value != "VERTEX" && p.value != "SEQEND" || !chain && (p.value == "VERTEX" || p.value == "SEQEND") {
				wrong = append(wrong, p.value+" where a POLYLINE begins or ends otherwise")
			}
			chain = p.value == "POLYLINE" || chain && p.value == "VERTEX"
			kind, block, flags = p.value, "", ""
		case p.code == 2 && kind == "SECTION":
			section = p.value
		case p.code == 2 && kind == "BLOCK" && section == "BLOCKS":
			block = p.value
		case p.code == 70 && kind == "BLOCK":
			flags = p.value
		case p.code == 1 && kind == "BLOCK":
			if _, err := fs.Stat(beside, p.value); flags != "4" || err != nil {
				wrong = append(wrong, "block "+block+" is no reference to a file: "+flags+" "+p.value)
			}
			defined[block] = true
		case p.code == 2 && kind == "INSERT" && !defined[p.value]:
			wrong = append(wrong, "insert of a block that is not defined: "+p.value)
		}
	}
	return wrong
}

func TestExamplesAreOfTheirRelease(t *testing.T) {
	count := 0
	err := filepath.WalkDir(filepath.Join(root, "cshim/examples/data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		count++
		for _, w := range release12(drawing(t, path), os.DirFS(filepath.Dir(path))) {
			t.Errorf("%s: %s", path, w)
		}
		return nil
	})
	if err != nil || count < 6 {
		t.Errorf("%d drawings, want 6: %v", count, err)
	}
	for name, bad := range map[string][]pair{
		"later polyline": {{0, "SECTION"}, {2, "ENTITIES"}, {0, "LWPOLYLINE"}},
		"subclass mark":  {{0, "LINE"}, {100, "AcDbLine"}},
		"no block":       {{0, "INSERT"}, {2, "bolt"}},
		"no file":        {{0, "SECTION"}, {2, "BLOCKS"}, {0, "BLOCK"}, {2, "bolt"}, {70, "4"}, {1, "bolt.dxf"}},
		"open chain":     {{0, "POLYLINE"}, {0, "VERTEX"}, {0, "LINE"}},
	} {
		if len(release12(bad, os.DirFS(t.TempDir()))) == 0 {
			t.Errorf("%s is taken", name)
		}
	}
}

// edited lets minicad open a document of the examples, do the commands and save;
// it returns what it said and the main file.
func edited(t *testing.T, program, document, main string, commands ...string) (said, file string) {
	t.Helper()
	agent := sdktest.NewAgent(t)
	dir := filepath.Join(t.TempDir(), "My Drawings")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "cshim/examples/data"))); err != nil {
		t.Fatal(err)
	}
	h := command(t, program, "--endpoint", agent.Endpoint(), "--no-browser")
	h.cmd.Stdin = strings.NewReader("recent " + filepath.Join(dir, document) + "\n" + strings.Join(commands, "\n") + "\nsave\ninfo\nquit\n")
	said = h.run(t, 0)
	file = filepath.Join(dir, document, main)
	for _, w := range release12(drawing(t, file), os.DirFS(filepath.Dir(file))) {
		t.Errorf("what minicad wrote: %s", w)
	}
	return said, file
}

// group is the n-th value of a code in the n-th entities of a kind, "" for none.
func group(pairs []pair, kind string, code, n int) string {
	now := ""
	for _, p := range pairs {
		if p.code == 0 {
			now = p.value
		}
		if now == kind && p.code == code {
			if n--; n < 0 {
				return p.value
			}
		}
	}
	return ""
}

func TestMinicadMovesAnOldPolyline(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	said, file := edited(t, program, "gear_m2.5_z24.dxf", "", "move 10 -5")
	for _, want := range []string{"  POLYLINE 1\n  VERTEX 480\n", "  CIRCLE 1\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("minicad says\n%s\nwant %q", said, want)
		}
	}
	d := drawing(t, file)
	// the first point was at 26.7882834,-2.15719677; a POLYLINE's own point is always 0
	if x, y, own := group(d, "VERTEX", 10, 0), group(d, "VERTEX", 20, 0), group(d, "POLYLINE", 10, 0); x != "36.7882834" || y != "-7.15719677" || own != "0" {
		t.Errorf("moved to %s,%s, the polyline to %s", x, y, own)
	}
}

// Files of users hold what later releases brought: it is taken, and kept.
func TestMinicadTakesALaterPolyline(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	file := filepath.Join(t.TempDir(), "a.dxf")
	write(t, file, "0\nSECTION\n2\nENTITIES\n0\nLWPOLYLINE\n8\n0\n90\n2\n70\n0\n43\n0.5\n10\n1\n20\n2\n10\n3\n20\n4\n0\nENDSEC\n0\nEOF\n", 0o600)
	agent := sdktest.NewAgent(t)
	out := command(t, program, "--endpoint", agent.Endpoint(), "--no-browser", "recent "+file, "move 1 1", "save").run(t, 0)
	if d := drawing(t, file); !strings.Contains(out, "LWPOLYLINE 1\n") || group(d, "LWPOLYLINE", 10, 1) != "4" || group(d, "LWPOLYLINE", 20, 0) != "3" {
		t.Errorf("%s\n%v", out, d)
	}
}

// Blocks are told by their references, wherever those lie.
func TestMinicadTellsMissingParts(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	dir := filepath.Join(t.TempDir(), "bracket")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "cshim/examples/data/flange"))); err != nil {
		t.Fatal(err)
	}
	main := read(t, filepath.Join(dir, "flange.dxf"))
	main = strings.Replace(main, "  1\ngasket.dxf\n", "  1\nsealing/gasket.dxf\n", 1) // is not there
	main = strings.Replace(main, "  2\nnut_m16\n 70\n     4\n", "  2\nnut_m16\n 70\n     0\n", 1)
	// a name that only another block's insert bears is no block
	main = strings.Replace(main, "  2\nbolt_m16\n 70\n     4\n 10\n0\n 20\n0\n 30\n0\n", "  2\nbolts\n 70\n     0\n  0\nINSERT\n  2\nbolt_m16\n", 1)
	write(t, filepath.Join(dir, "bracket.dxf"), main, 0o600)
	agent := sdktest.NewAgent(t)
	out := command(t, program, "--endpoint", agent.Endpoint(), "--no-browser", "recent "+dir).run(t, 0)
	for want, times := range map[string]int{"part flange_plate\n": 1, "part gasket (missing)\n": 1, "part nut_m16": 0, "part bolt_m16 (missing)\n": 4} {
		if strings.Count(out, want) != times {
			t.Errorf("minicad says\n%s\nwant %q %d times", out, want, times)
		}
	}
}

// A part grows in all its lengths; of an assembly the parts' places and the scales by
// which they stand there, since their own files stay.
func TestMinicadScales(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	_, plate := edited(t, program, "flange/flange_plate.dxf", "", "scale 2")
	if r, hole := group(drawing(t, plate), "CIRCLE", 40, 0), group(drawing(t, plate), "CIRCLE", 40, 3); r != "165" || hole != "18" {
		t.Errorf("radii %s and %s, want 165 and 18", r, hole)
	}
	_, flange := edited(t, program, "flange", "flange.dxf", "scale 1.25", "scale 2")
	d := drawing(t, flange)
	for n := range 10 {
		for code := 41; code <= 43; code++ {
			if got := group(d, "INSERT", code, n); got != "2.5" {
				t.Errorf("insert %d has the scale %d of %q, want 2.5", n, code, got)
			}
		}
	}
	if x := group(d, "INSERT", 10, 2); x != "110.485434" || group(d, "BLOCK", 10, 2) != "0" {
		t.Errorf("the first bolt stands at %s, want 2.5 times 44.1941738", x)
	}

	const head, tail = "0\nSECTION\n2\nENTITIES\n", "0\nENDSEC\n0\nEOF\n"
	agent := sdktest.NewAgent(t)
	for _, tt := range []struct{ name, before, after string }{
		{"widths of a later polyline", "0\nLWPOLYLINE\n38\n1\n43\n0.5\n10\n1\n20\n2\n40\n3\n41\n4\n42\n0.25\n", "LWPOLYLINE 38 2 43 1 10 2 20 4 40 6 41 8 42 0.25"},
		{"bulge of a vertex", "0\nPOLYLINE\n10\n0\n20\n0\n30\n7\n40\n1\n0\nVERTEX\n10\n1\n20\n2\n30\n3\n42\n0.25\n0\nSEQEND\n", "POLYLINE 10 0 20 0 30 14 40 2 0 VERTEX 10 2 20 4 30 6 42 0.25 0 SEQEND"},
		{"angles of an arc", "0\nARC\n10\n1\n20\n2\n40\n3\n50\n45\n51\n90\n", "ARC 10 2 20 4 40 6 50 45 51 90"},
		{"an insert's own scales", "0\nINSERT\n2\na\n42\n-3\n10\n1\n20\n1\n50\n30\n0\nLINE\n10\n1\n", "INSERT 2 a 42 -6 10 2 20 2 50 30 41 2 43 2 0 LINE 10 2"},
		{"an unknown kind", "0\nLINE\n10\n1\n0\nTEXT\n40\n3\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, exit := filepath.Join(t.TempDir(), "a.dxf"), 0
			write(t, file, head+tt.before+tail, 0o600)
			if tt.after == "" { // refused whole: nothing has changed
				exit, tt.after = 1, "LINE 10 1 0 TEXT 40 3"
			}
			command(t, program, "--endpoint", agent.Endpoint(), "--no-browser", "recent "+file, "scale 2", "save").run(t, exit)
			if got := strings.Join(strings.Fields(read(t, file)), " "); got != "0 SECTION 2 ENTITIES 0 "+tt.after+" 0 ENDSEC 0 EOF" {
				t.Errorf("the drawing is %q, want %q within", got, tt.after)
			}
		})
	}
}
