package files

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

// BenchmarkAssembly is the first save and the first open of an assembly of 40
// parts and 275 MB against the real cloud, beside a plain copy with SHA-256 of the
// same bytes. The parts are lines of coordinates, as exchange formats write them.
func BenchmarkAssembly(b *testing.B) {
	cloud := transfertest.StartReal(b)
	ctx := context.Background()
	home := b.TempDir()
	const parts, size = 40, 275_000_000 / 40
	dir := filepath.Join(home, "work", "Engine")
	for i := range parts {
		name := fmt.Sprintf("part-%02d.stl", i)
		if i == 0 {
			name = "Engine.asm"
		}
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		c := make([]byte, 0, size+100)
		for len(c) < size {
			c = fmt.Appendf(c, "  0\nLINE\n 10\n%.6f\n 20\n%.6f\n 11\n%.6f\n 21\n%.6f\n",
				rnd.Float64()*500, rnd.Float64()*500, rnd.Float64()*500, rnd.Float64()*500)
		}
		write(b, filepath.Join(dir, name), c)
	}
	for n := 0; b.Loop(); n++ {
		copied := filepath.Join(home, fmt.Sprint("copy", n))
		began := time.Now()
		h := sha256.New()
		for _, e := range list(b, dir) {
			write(b, filepath.Join(copied, e), nil)
			in, err := os.Open(filepath.Join(dir, e))
			if err != nil {
				b.Fatal(err)
			}
			out, err := os.Create(filepath.Join(copied, e))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.MultiWriter(out, h), in); err != nil {
				b.Fatal(err)
			}
			_ = in.Close()
			if err := out.Close(); err != nil {
				b.Fatal(err)
			}
		}
		plain := time.Since(began)

		// A space of its own for each round would be a first save again; another
		// seed's bytes are not needed, because the space is asked by name.
		r := newRoom(b, home, cloud.HTTP())
		key := fmt.Sprintf("bench-save-%012d", n)
		space := cloud.NewSpace(fmt.Sprint("Bench ", n))
		began = time.Now()
		stored, err := r.Store(ctx, workerapi.Store{Operation: 1, Key: key, Token: cloud.TransferIn(space, "write", key, ""), Path: dir, Assembly: true,
			Space: space, SpaceName: "Bench", Name: "Engine", Account: transfertest.Account})
		if err != nil {
			b.Fatal(err)
		}
		save := time.Since(began)

		s := newRoom(b, b.TempDir(), cloud.HTTP())
		key = fmt.Sprintf("bench-open-%012d", n)
		version := cloud.Newest(stored.Object)
		began = time.Now()
		if _, err := s.Fetch(ctx, workerapi.Fetch{Operation: 2, Token: cloud.TransferIn(space, "read", key, stored.Object), Space: space, SpaceName: "Bench",
			Object: stored.Object, Name: "Engine", Kind: "assembly", Version: version, Account: transfertest.Account}); err != nil {
			b.Fatal(err)
		}
		open := time.Since(began)
		b.ReportMetric(plain.Seconds(), "copy-s")
		b.ReportMetric(save.Seconds(), "save-s")
		b.ReportMetric(open.Seconds(), "open-s")
		b.ReportMetric(save.Seconds()/plain.Seconds(), "save/copy")
		b.ReportMetric(open.Seconds()/plain.Seconds(), "open/copy")
	}
}

func list(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
