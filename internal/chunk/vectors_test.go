package chunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"testing"
	"testing/iotest"
)

var update = flag.Bool("update", false, "write testdata/boundaries.json anew; every stored chunk then looks new")

// vector is one input and where it must be cut. The input is stream(Seed, Size),
// or Size bytes of one value when Fill is set.
type vector struct {
	Name  string `json:"name"`
	Seed  byte   `json:"seed,omitempty"`
	Fill  *byte  `json:"fill,omitempty"`
	Size  int    `json:"size"`
	Sizes []int  `json:"sizes"`
	IDs   []ID   `json:"ids"`
}

func (v vector) data() []byte {
	if v.Fill != nil {
		return bytes.Repeat([]byte{*v.Fill}, v.Size)
	}
	return stream(v.Seed, v.Size)
}

func inputs() []vector {
	zero, full := byte(0), byte(0xff)
	list := []vector{{Name: "16 MiB, seed 1", Seed: 1, Size: 16 << 20}, {Name: "9 MB, seed 2", Seed: 2, Size: 9_000_000},
		{Name: "zeros", Fill: &zero, Size: 5 << 20}, {Name: "ones", Fill: &full, Size: 5<<20 + 1}}
	for _, b := range []struct {
		name string
		size int
	}{{"min", MinSize}, {"average", AvgSize}, {"max", MaxSize}, {"twice max", 2 * MaxSize}} {
		for d := -1; d <= 1; d++ {
			list = append(list, vector{Name: b.name + " " + []string{"- 1", "", "+ 1"}[d+1], Seed: 3, Size: b.size + d})
		}
	}
	return append(list, vector{Name: "empty"}, vector{Name: "one byte", Seed: 3, Size: 1})
}

func cut(t *testing.T, r io.Reader) (sizes []int, ids []ID) {
	t.Helper()
	sizes, ids = []int{}, []ID{}
	if err := new(Cutter).Cut(r, func(b []byte) error {
		sizes, ids = append(sizes, len(b)), append(ids, Sum(b))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return sizes, ids
}

// TestBoundaries pins the cut: a change would make every stored chunk useless.
func TestBoundaries(t *testing.T) {
	const file = "testdata/boundaries.json"
	if *update {
		list := inputs()
		for i := range list {
			list[i].Sizes, list[i].IDs = cut(t, bytes.NewReader(list[i].data()))
		}
		b, err := json.MarshalIndent(list, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(inputs()) {
		t.Fatalf("%d vectors in the file, %d in the test", len(want), len(inputs()))
	}
	for _, v := range want {
		t.Run(v.Name, func(t *testing.T) {
			data := v.data()
			sizes, ids := cut(t, bytes.NewReader(data))
			if !slices.Equal(sizes, v.Sizes) || !slices.Equal(ids, v.IDs) {
				t.Errorf("cut into %v, want %v", sizes, v.Sizes)
			}
			total := 0
			for i, n := range sizes {
				total += n
				if n > MaxSize || n < MinSize && i < len(sizes)-1 {
					t.Errorf("chunk %d has %d bytes", i, n)
				}
			}
			if total != len(data) {
				t.Errorf("chunks hold %d bytes of %d", total, len(data))
			}
			if len(data) > 3*MaxSize {
				return // the rest is tried with less
			}
			// How the bytes arrive changes nothing.
			if got, _ := cut(t, iotest.HalfReader(bytes.NewReader(data))); !slices.Equal(got, sizes) {
				t.Errorf("from a slow reader: %v", got)
			}
			if got, _ := cut(t, iotest.DataErrReader(bytes.NewReader(data))); !slices.Equal(got, sizes) {
				t.Errorf("with EOF beside the data: %v", got)
			}
		})
	}
}

// TestInsertionCostsLittle is why chunks are cut by content.
func TestInsertionCostsLittle(t *testing.T) {
	data := stream(1, 16<<20)
	_, before := cut(t, bytes.NewReader(data))
	changed := slices.Insert(slices.Clone(data), 8<<20, make([]byte, 100)...)
	_, after := cut(t, bytes.NewReader(changed))
	fresh := 0
	for _, id := range after {
		if !slices.Contains(before, id) {
			fresh++
		}
	}
	if fresh == 0 || fresh > 3 {
		t.Errorf("%d of %d chunks are new after 100 inserted bytes", fresh, len(after))
	}
}

func TestCutEndsWithTheFirstError(t *testing.T) {
	torn := errors.New("torn")
	for _, n := range []int{0, 1, MinSize, MaxSize, 3*MaxSize + 5} {
		seen := 0
		err := new(Cutter).Cut(io.MultiReader(bytes.NewReader(stream(1, n)), iotest.ErrReader(torn)), func(b []byte) error {
			seen += len(b)
			return nil
		})
		if !errors.Is(err, torn) {
			t.Errorf("reader that fails after %d bytes: %v", n, err)
		}
		if seen > n {
			t.Errorf("%d bytes of %d", seen, n)
		}
	}
	calls := 0
	if err := new(Cutter).Cut(bytes.NewReader(stream(1, 4*MaxSize)), func([]byte) error { calls++; return torn }); err != torn || calls != 1 {
		t.Errorf("emit failed: %v after %d calls", err, calls)
	}
}
