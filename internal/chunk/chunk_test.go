package chunk

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// stream gives the same bytes for the same seed, on every system and Go version
// (ChaCha8 is specified).
func stream(seed byte, n int) []byte {
	var key [32]byte
	key[0] = seed
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

func TestWholeWay(t *testing.T) {
	data := append(stream(1, 5<<20), bytes.Repeat([]byte("solid part\n"), 300_000)...)
	var pack bytes.Buffer
	w := NewPack(&pack)
	f := File{Path: "part.stl", Size: int64(len(data)), Mode: 0o644, ModTime: time.Unix(1700000000, 5)}
	err := new(Cutter).Cut(bytes.NewReader(data), func(b []byte) error {
		id := Sum(b)
		f.Chunks = append(f.Chunks, Ref{ID: id, Size: int64(len(b))})
		_, err := w.Add(id, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(pack.Len()) || info.SHA256 != Sum(pack.Bytes()) {
		t.Fatalf("info %d %s does not describe the pack", info.Size, info.SHA256)
	}
	m := Manifest{Kind: KindFile, Files: []File{f}}
	enc, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeManifest(enc)
	if err != nil || id != Sum(enc) {
		t.Fatal(err)
	}
	at := map[ID]PackedChunk{}
	if err := ReadPack(bytes.NewReader(pack.Bytes()), MaxPack, func(c PackedChunk, plain []byte) error {
		at[c.ID] = c
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, r := range back.Files[0].Chunks {
		c := at[r.ID]
		plain, err := UnpackInto(nil, pack.Bytes()[c.Offset:c.Offset+c.Stored], r.Size, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, plain...)
	}
	if !bytes.Equal(got, data) {
		t.Fatal("other bytes came back")
	}
}
