// Package blobtest is the contract of blob.Store as a suite that each back end
// runs in its own tests, with a store that fails on purpose for the tests of
// what stands above. Only tests import it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
)

// Data is size bytes that depend on seed alone, with the name that fits them.
func Data(space string, seed byte, size int) (blob.Name, []byte) {
	b := make([]byte, size)
	var key [32]byte
	key[0] = seed
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return blob.Name{Space: space, Kind: blob.Pack, Sum: sha256.Sum256(b)}, b
}

// Run tries the contract. open makes an empty store that takes blobs of max bytes.
func Run(t *testing.T, max int, open func(t *testing.T) blob.Store) {
	ctx := t.Context()
	t.Run("put and get", func(t *testing.T) {
		s := open(t)
		for i, size := range []int{0, 1, 4095, 4096, 300_000, max - 1, max} {
			n, data := Data("spc_a", byte(i), size)
			must(t, s.Put(ctx, n, iotest.HalfReader(bytes.NewReader(data))))
			if info, err := s.Stat(ctx, n); err != nil || info.Size != int64(size) {
				t.Errorf("stat of %d bytes: %d, %v", size, info.Size, err)
			}
			if got := read(t, s, n, 0, -1); !bytes.Equal(got, data) {
				t.Errorf("%d bytes came back as %d others", size, len(got))
			}
		}
	})
	t.Run("ranges", func(t *testing.T) { ranges(t, open(t)) })
	t.Run("put again", func(t *testing.T) {
		s := open(t)
		n, data := Data("spc_a", 1, 5000)
		must(t, s.Put(ctx, n, bytes.NewReader(data)))
		must(t, s.Put(ctx, n, bytes.NewReader(data)))
		if err := s.Put(ctx, n, strings.NewReader("something else")); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("other bytes under a taken name: %v", err)
		}
		if got := read(t, s, n, 0, -1); !bytes.Equal(got, data) {
			t.Error("the first bytes are gone")
		}
	})
	t.Run("refused puts leave nothing", func(t *testing.T) { refusals(t, max, open(t)) })
	t.Run("absent", func(t *testing.T) {
		s := open(t)
		n, _ := Data("spc_a", 1, 10)
		absent(t, s, n)
		must(t, s.Delete(ctx, n))
	})
	t.Run("delete", func(t *testing.T) {
		s := open(t)
		n, data := Data("spc_a", 1, 10)
		other, _ := Data("spc_b", 1, 10)
		must(t, s.Put(ctx, n, bytes.NewReader(data)))
		must(t, s.Put(ctx, other, bytes.NewReader(data)))
		must(t, s.Delete(ctx, n))
		must(t, s.Delete(ctx, n))
		absent(t, s, n)
		if got := read(t, s, other, 0, -1); !bytes.Equal(got, data) {
			t.Error("the same bytes in another space went too")
		}
		must(t, s.Put(ctx, n, bytes.NewReader(data)))
	})
	t.Run("kinds and spaces are apart", func(t *testing.T) {
		s := open(t)
		n, data := Data("spc_a", 1, 10)
		must(t, s.Put(ctx, n, bytes.NewReader(data)))
		for _, other := range []blob.Name{{Space: "spc_b", Kind: n.Kind, Sum: n.Sum}, {Space: n.Space, Kind: blob.Manifest, Sum: n.Sum}} {
			absent(t, s, other)
		}
	})
	t.Run("names that are paths", func(t *testing.T) { hostileNames(t, open(t)) })
	t.Run("at the same time", func(t *testing.T) { together(t, open(t)) })
}

func ranges(t *testing.T, s blob.Store) {
	n, data := Data("spc_a", 7, 1000)
	must(t, s.Put(t.Context(), n, bytes.NewReader(data)))
	for _, c := range []struct {
		name           string
		offset, length int64
		ok             bool
	}{
		{"all", 0, 1000, true}, {"to the end", 0, -1, true}, {"first", 0, 1, true}, {"last", 999, 1, true},
		{"none", 0, 0, true}, {"none at the end", 1000, 0, true}, {"rest from the end", 1000, -1, true}, {"middle", 400, 200, true},
		{"one too many", 0, 1001, false}, {"over the end", 999, 2, false}, {"behind the end", 1001, 0, false},
		{"rest from behind", 1001, -1, false}, {"before the beginning", -1, 1, false}, {"overflow", 1, 1<<63 - 1, false},
	} {
		r, err := s.Get(t.Context(), n, c.offset, c.length)
		if !c.ok {
			if !errors.Is(err, blob.ErrRange) {
				t.Errorf("%s: %v instead of ErrRange", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		want := data[c.offset:]
		if c.length >= 0 {
			want = want[:c.length]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d other bytes", c.name, len(got))
		}
	}
}

func refusals(t *testing.T, max int, s blob.Store) {
	torn := errors.New("the line broke")
	n, data := Data("spc_a", 3, 100_000)
	big, bigData := Data("spc_a", 4, max+1)
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(torn)
	for _, c := range []struct {
		name string
		ctx  context.Context
		n    blob.Name
		r    io.Reader
		want error
	}{
		{"cut", t.Context(), n, bytes.NewReader(data[:99_999]), blob.ErrDamaged},
		{"longer", t.Context(), n, io.MultiReader(bytes.NewReader(data), strings.NewReader("x")), blob.ErrDamaged},
		{"one bit", t.Context(), n, io.MultiReader(bytes.NewReader([]byte{data[0] ^ 1}), bytes.NewReader(data[1:])), blob.ErrDamaged},
		{"empty", t.Context(), n, strings.NewReader(""), blob.ErrDamaged},
		{"broken in the middle", t.Context(), n, io.MultiReader(bytes.NewReader(data[:70_000]), iotest.ErrReader(torn)), torn},
		{"broken at the end", t.Context(), n, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(torn)), torn},
		{"too large", t.Context(), big, bytes.NewReader(bigData), blob.ErrTooLarge},
		{"cancelled", ended, n, bytes.NewReader(data), torn},
	} {
		if err := s.Put(c.ctx, c.n, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v instead of %v", c.name, err, c.want)
		}
		absent(t, s, c.n)
	}
	must(t, s.Put(t.Context(), n, bytes.NewReader(data)))
}

func hostileNames(t *testing.T, s blob.Store) {
	good, data := Data("spc_a", 1, 10)
	for _, space := range []string{"", ".", "..", "../spc_a", "a/b", `a\b`, "A", "ä", "a\x00", strings.Repeat("a", 65)} {
		n := good
		n.Space = space
		if err := s.Put(t.Context(), n, bytes.NewReader(data)); err == nil {
			t.Errorf("space %q was taken", space)
		}
		absent(t, s, n)
		must(t, s.Delete(t.Context(), n))
	}
	n := good
	n.Kind = "../packs"
	if err := s.Put(t.Context(), n, bytes.NewReader(data)); err == nil {
		t.Error("an unknown kind was taken")
	}
}

// together has writers and readers of the same and of different blobs; a reader
// sees nothing or everything.
func together(t *testing.T, s blob.Store) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 8 {
				n, data := Data("spc_a", byte(i), 50_000)
				if err := s.Put(ctx, n, bytes.NewReader(data)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
		wg.Go(func() {
			for i := range 8 {
				n, data := Data("spc_a", byte(i), 50_000)
				r, err := s.Get(ctx, n, 0, -1)
				if errors.Is(err, blob.ErrNotFound) {
					continue
				}
				if err != nil {
					t.Errorf("reader %d: %v", w, err)
					continue
				}
				got, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data) {
					t.Errorf("reader %d saw %d bytes: %v", w, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func read(t *testing.T, s blob.Store, n blob.Name, offset, length int64) []byte {
	t.Helper()
	r, err := s.Get(t.Context(), n, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return b
}

func absent(t *testing.T, s blob.Store, n blob.Name) {
	t.Helper()
	if _, err := s.Stat(t.Context(), n); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat of absent %q: %v", n, err)
	}
	if _, err := s.Get(t.Context(), n, 0, -1); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get of absent %q: %v", n, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
