package chunk

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// seeded makes a fuzz target fail when someone removes its seeds.
func seeded(f *testing.F, seeds ...[]byte) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
	}
}

func packSeeds(f *testing.F) [][]byte {
	a, _ := pack(f, []byte("one chunk"), make([]byte, 5000))
	b, _ := pack(f, stream(1, 3000))
	zeros := make([]byte, 5000)
	quick := appendS2(nil, zeros)
	c := forge(1, entry{codecS2, Sum(zeros), 5000, uint32(len(quick)), quick})
	return [][]byte{a, b, c, a[:len(a)-1], c[:len(c)-9], forge(0), nil}
}

func manifestSeeds(f *testing.F) [][]byte {
	var seeds [][]byte
	for _, m := range []Manifest{assembly("a", "b/c", "泵/x y.stl"), {Kind: KindFile, Files: []File{file("part.stl", ref("solid"), ref("end"))}}, {Kind: KindFile, Files: []File{file("empty")}}} {
		b, _, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	return append(seeds, []byte(`{"kind":"assembly","files":[{"path":"../x"}]}`), bytes.Replace(seeds[0], []byte(`"b/c"`), []byte(`".iscdesk-0123456789abcdef.part/c"`), 1), []byte("{}"))
}

// FuzzReadPack: whatever comes out has its checksum and lies where it is said to lie.
func FuzzReadPack(f *testing.F) {
	seeded(f, packSeeds(f)...)
	f.Fuzz(func(t *testing.T, b []byte) {
		var seen []PackedChunk
		err := ReadPack(bytes.NewReader(b), MaxPack, func(c PackedChunk, plain []byte) error {
			if Sum(plain) != c.ID || int64(len(plain)) != c.Size || c.Size > MaxSize {
				t.Errorf("chunk %+v has %d bytes", c, len(plain))
			}
			if c.Offset < 0 || c.Offset+c.Stored > int64(len(b)) {
				t.Fatalf("chunk %+v lies outside %d bytes", c, len(b))
			}
			again, err := UnpackInto(nil, b[c.Offset:c.Offset+c.Stored], c.Size, c.ID)
			if err != nil || !bytes.Equal(again, plain) {
				t.Errorf("unpacked from its place: %v", err)
			}
			seen = append(seen, c)
			return nil
		})
		if err == nil && len(seen) == 0 {
			t.Error("an empty pack was taken")
		}
	})
}

// FuzzDecodeManifest: what is taken is written again as the same bytes.
func FuzzDecodeManifest(f *testing.F) {
	seeded(f, manifestSeeds(f)...)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeManifest(b)
		if err != nil {
			return
		}
		again, id, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) || id != Sum(b) {
			t.Errorf("%q was taken and written as %q: %v", b, again, err)
		}
		for _, file := range m.Files {
			for element := range strings.SplitSeq(file.Path, "/") {
				// What begins so is a worker's to remove.
				if strings.HasPrefix(strings.ToLower(element), ".iscdesk-") {
					t.Errorf("%q holds a worker's own name", file.Path)
				}
			}
			// The promise that a worker relies on: the path stays below its folder.
			if root, err := os.OpenRoot(os.TempDir()); err == nil {
				if _, err := root.Stat(file.Path); err != nil && !os.IsNotExist(err) && bytes.Contains([]byte(err.Error()), []byte("escapes")) {
					t.Errorf("%q escapes", file.Path)
				}
				root.Close()
			}
		}
	})
}

func FuzzUnpack(f *testing.F) {
	seeds := [][]byte{squeeze(f, make([]byte, 5000)), appendS2(nil, make([]byte, 5000)), appendS2(nil, stream(1, 5000)), []byte(s2Magic), []byte("raw bytes"), {0x28, 0xb5, 0x2f, 0xfd}}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s, int64(5000), []byte("id"))
		f.Add(s, int64(len(s)), s)
	}
	f.Fuzz(func(t *testing.T, stored []byte, size int64, plain []byte) {
		before := slices.Clone(stored)
		got, err := UnpackInto(nil, stored, size, Sum(plain))
		if err == nil && (!bytes.Equal(got, plain) || int64(len(got)) != size || size > MaxSize) {
			t.Errorf("%d bytes came out as %d", size, len(got))
		}
		if !bytes.Equal(stored, before) {
			t.Error("the input was changed")
		}
	})
}
