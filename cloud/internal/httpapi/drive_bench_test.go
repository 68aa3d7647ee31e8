package httpapi_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// fullPack is a pack of about 16 MiB that does not compress, different for each n.
func fullPack(b *testing.B, n int) ([]byte, string) {
	b.Helper()
	var seed [32]byte
	copy(seed[:], fmt.Sprint(n))
	data := make([]byte, 15<<20)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	var buf bytes.Buffer
	w := chunk.NewPack(&buf)
	if err := new(chunk.Cutter).Cut(bytes.NewReader(data), func(c []byte) error { _, err := w.Add(chunk.Sum(c), c); return err }); err != nil {
		b.Fatal(err)
	}
	info, err := w.Close()
	if err != nil {
		b.Fatal(err)
	}
	return buf.Bytes(), info.SHA256.String()
}

// BenchmarkPackIngest is the way of a pack through TLS, verification, disk and index.
func BenchmarkPackIngest(b *testing.B) {
	d := newDrive(b)
	token, _ := d.transfer(b, d.editor, "write", "")
	type packed struct {
		body []byte
		sum  string
	}
	packs := make([]packed, 40)
	for i := range packs {
		packs[i].body, packs[i].sum = fullPack(b, i)
	}
	b.SetBytes(int64(len(packs[0].body)))
	n := 0
	for b.Loop() {
		if n == len(packs) {
			b.Skip("all packs are stored; a repetition would measure nothing")
		}
		if a := d.Do(b, "PUT", d.at("/packs/"+packs[n].sum), token, packs[n].body); a.Status != http.StatusNoContent {
			b.Fatalf("status %d: %s", a.Status, a.Body)
		}
		n++
	}
}

func BenchmarkPackFetch(b *testing.B) {
	d := newDrive(b)
	token, operation := d.transfer(b, d.editor, "write", "")
	data := make([]byte, 15<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	c := newContent(b, "a", data)
	d.put(b, token, c)
	var done cloudapi.Committed
	d.Must(b, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Name: "a", Kind: "file"}, &done, http.StatusOK)
	read, _ := d.transfer(b, d.viewer, "read", done.Object)
	b.SetBytes(int64(len(c.pack)))
	for b.Loop() {
		if a := d.Do(b, "GET", d.at("/packs/"+c.packSum), read, nil); len(a.Body) != len(c.pack) {
			b.Fatalf("status %d, %d bytes", a.Status, len(a.Body))
		}
	}
}

// BenchmarkSmallCalls is one metadata question through the whole door.
func BenchmarkSmallCalls(b *testing.B) {
	d := newDrive(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a := d.Do(b, "GET", d.at("/entries"), d.viewer, nil); a.Status != http.StatusOK {
				b.Errorf("status %d", a.Status)
			}
		}
	})
}
