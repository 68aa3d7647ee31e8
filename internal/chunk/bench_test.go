package chunk

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

func BenchmarkCutAndHash(b *testing.B) {
	data := stream(1, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := new(Cutter).Cut(bytes.NewReader(data), func(c []byte) error { Sum(c); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// coordinates is exchange-format text, as an assembly's parts are.
func coordinates(size int) []byte {
	rnd := rand.New(rand.NewPCG(1, 7))
	b := make([]byte, 0, size+100)
	for len(b) < size {
		b = fmt.Appendf(b, " 10\n%.6f\n 20\n%.6f\n", rnd.Float64()*500, rnd.Float64()*500)
	}
	return b
}

func BenchmarkPack(b *testing.B) {
	for name, data := range map[string][]byte{"random": stream(1, 12<<20), "text": coordinates(12 << 20)} {
		for codec, fast := range map[string]bool{"zstd": false, "s2": true} {
			write := func(b *testing.B, to io.Writer) PackInfo {
				w := NewPack(to)
				w.Fast = fast
				if err := new(Cutter).Cut(bytes.NewReader(data), func(c []byte) error { _, err := w.Add(Sum(c), c); return err }); err != nil {
					b.Fatal(err)
				}
				info, err := w.Close()
				if err != nil {
					b.Fatal(err)
				}
				return info
			}
			b.Run("write/"+name+"/"+codec, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				var info PackInfo
				for b.Loop() {
					info = write(b, io.Discard)
				}
				b.ReportMetric(float64(info.Size)/float64(len(data)), "stored/plain")
			})
			var buf bytes.Buffer
			write(b, &buf)
			b.Run("read/"+name+"/"+codec, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if err := ReadPack(bytes.NewReader(buf.Bytes()), MaxPack, func(PackedChunk, []byte) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
