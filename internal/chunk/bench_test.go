package chunk

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkCutAndHash(b *testing.B) {
	data := stream(1, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := Cut(bytes.NewReader(data), func(c []byte) error { Sum(c); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for name, data := range map[string][]byte{"random": stream(1, 12<<20), "text": bytes.Repeat([]byte("facet normal 0.1 0.2 0.3\n"), 500_000)} {
		b.Run("write/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				w := NewPack(io.Discard)
				if err := Cut(bytes.NewReader(data), func(c []byte) error { _, err := w.Add(Sum(c), c); return err }); err != nil {
					b.Fatal(err)
				}
			}
		})
		var buf bytes.Buffer
		w := NewPack(&buf)
		if err := Cut(bytes.NewReader(data), func(c []byte) error { _, err := w.Add(Sum(c), c); return err }); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.Run("read/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := ReadPack(bytes.NewReader(buf.Bytes()), MaxPack, func(PackedChunk, []byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
