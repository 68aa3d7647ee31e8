package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func pack(t testing.TB, chunks ...[]byte) ([]byte, PackInfo) {
	t.Helper()
	var b bytes.Buffer
	w := NewPack(&b)
	for _, c := range chunks {
		if _, err := w.Add(Sum(c), c); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), info
}

// entry is one chunk of a pack with every field as the test wants it.
type entry struct {
	codec        byte
	id           ID
	size, stored uint32
	body         []byte
}

func forge(count uint32, entries ...entry) []byte {
	b := []byte(packMagic)
	for _, e := range entries {
		b = append(b, e.codec)
		b = append(b, e.id[:]...)
		b = binary.BigEndian.AppendUint32(b, e.size)
		b = binary.BigEndian.AppendUint32(b, e.stored)
		b = append(b, e.body...)
	}
	b = append(b, codecEnd)
	return binary.BigEndian.AppendUint32(b, count)
}

func squeeze(t testing.TB, b []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return enc.EncodeAll(b, nil)
}

func nothing(PackedChunk, []byte) error { return nil }

func TestPackBounds(t *testing.T) {
	if MaxPack != cloudapi.MaxPack || MaxManifest != cloudapi.MaxManifest || MaxName != cloudapi.MaxName {
		t.Error("the cloud's contract has other bounds")
	}
	for _, n := range []int{1, 2, MinSize - 1, MinSize, MaxSize - 1, MaxSize} {
		for name, data := range map[string][]byte{"random": stream(1, n), "zeros": make([]byte, n)} {
			b, info := pack(t, data)
			if info.Size != int64(len(b)) || info.SHA256 != Sum(b) {
				t.Errorf("%s, %d bytes: the description is of another pack", name, n)
			}
			var got []byte
			var at PackedChunk
			err := ReadPack(iotest.HalfReader(bytes.NewReader(b)), int64(len(b)), func(c PackedChunk, p []byte) error {
				at, got = c, slices.Clone(p)
				return nil
			})
			if err != nil || !bytes.Equal(got, data) || at != info.Chunks[0] {
				t.Errorf("%s, %d bytes: %v", name, n, err)
			}
			if name == "zeros" && n > 100 && at.Stored > 1000 {
				t.Errorf("%d zeros take %d bytes", n, at.Stored)
			}
			plain, err := UnpackInto(nil, b[at.Offset:at.Offset+at.Stored], at.Size, at.ID)
			if err != nil || !bytes.Equal(plain, data) {
				t.Errorf("%s, %d bytes unpacked: %v", name, n, err)
			}
			if err := ReadPack(bytes.NewReader(b), int64(len(b))-1, nothing); !errors.Is(err, ErrTooLarge) {
				t.Errorf("one byte over the bound: %v", err)
			}
		}
	}
}

func TestPackWriterRefuses(t *testing.T) {
	var b bytes.Buffer
	w := NewPack(&b)
	for _, n := range []int{0, MaxSize + 1} {
		if _, err := w.Add(ID{}, make([]byte, n)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("chunk of %d bytes: %v", n, err)
		}
	}
	if _, err := w.Close(); err == nil || b.Len() != 0 {
		t.Errorf("an empty pack was closed: %d bytes", b.Len())
	}
	// Until it is full: random chunks do not shrink, so 15 of 2 MiB fit into 32 MiB.
	w = NewPack(&b)
	for i := range 20 {
		c := stream(byte(i), MaxSize)
		stored, err := w.Add(Sum(c), c)
		if i < 15 != (err == nil) || err != nil && !errors.Is(err, ErrPackFull) {
			t.Errorf("chunk %d: %v", i, err)
		}
		if again, err := w.Add(Sum(c), c); i < 15 && (again != 0 || err != nil) || stored != 0 && stored != MaxSize {
			t.Errorf("chunk %d again: %d, %v", i, again, err)
		}
		if full := w.Full(); full != (i >= 7) {
			t.Errorf("full after chunk %d: %v", i, full)
		}
	}
	small := []byte("still fits")
	if _, err := w.Add(Sum(small), small); err != nil {
		t.Errorf("a small chunk after a large one was refused: %v", err)
	}
	info, err := w.Close()
	if err != nil || len(info.Chunks) != 16 || info.Size > MaxPack {
		t.Errorf("%d chunks, %d bytes, %v", len(info.Chunks), info.Size, err)
	}
	if err := ReadPack(&b, MaxPack, nothing); err != nil {
		t.Error(err)
	}
	if _, err := w.Add(Sum(small), small); err == nil {
		t.Error("a closed pack took a chunk")
	}
	torn := errors.New("torn")
	w = NewPack(&brokenWriter{left: 20, err: torn})
	if _, err := w.Add(Sum(small), small); !errors.Is(err, torn) {
		t.Errorf("broken writer: %v", err)
	}
	if _, err := w.Close(); !errors.Is(err, torn) {
		t.Errorf("close after a broken writer: %v", err)
	}
}

func TestTooManyChunks(t *testing.T) {
	var b bytes.Buffer
	w := NewPack(&b)
	for i := range MaxPackChunks {
		c := binary.BigEndian.AppendUint32(nil, uint32(i))
		if _, err := w.Add(Sum(c), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Add(Sum([]byte("x")), []byte("x")); !errors.Is(err, ErrPackFull) || !w.Full() {
		t.Errorf("one too many: %v", err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	if err := ReadPack(bytes.NewReader(whole), MaxPack, nothing); err != nil {
		t.Error(err)
	}
	body := []byte("one more")
	more := forge(MaxPackChunks+1, entry{codecRaw, Sum(body), 8, 8, body})
	long := append(whole[:len(whole)-packTrailer:len(whole)-packTrailer], more[len(packMagic):]...)
	if err := ReadPack(bytes.NewReader(long), MaxPack, nothing); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one too many read: %v", err)
	}
}

// TestHostilePacks: each is refused, and nothing larger than a chunk is made for it.
// A few KiB must not cost their reader gigabytes of unpacking: the writer closes
// before the bound, the reader holds to it.
func TestTooManyPlainBytes(t *testing.T) {
	const most = MaxPackPlain / MaxSize
	zeros := make([]byte, MaxSize)
	var entries []entry
	var b bytes.Buffer
	w := NewPack(&b)
	for i := range most + 1 {
		binary.BigEndian.PutUint32(zeros, uint32(i))
		small := squeeze(t, zeros)
		entries = append(entries, entry{codecZstd, Sum(zeros), MaxSize, uint32(len(small)), small})
		if w.Full() != (i >= most) {
			t.Errorf("full after %d chunks: %v", i, w.Full())
		}
		if _, err := w.Add(Sum(zeros), zeros); (err == nil) != (i < most) || err != nil && !errors.Is(err, ErrPackFull) {
			t.Errorf("chunk %d: %v", i, err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ReadPack(&b, MaxPack, nothing); err != nil {
		t.Errorf("up to the bound: %v", err)
	}
	if err := ReadPack(bytes.NewReader(forge(most+1, entries...)), MaxPack, nothing); !errors.Is(err, ErrTooLarge) {
		t.Errorf("past the bound: %v", err)
	}
}

// TestCodecs packs the same chunks with every codec, in turn in one pack: the place
// and the plain length are enough to read each again.
func TestCodecs(t *testing.T) {
	text := bytes.Repeat([]byte("facet normal 0.1 0.2 0.3\n"), 4000)
	var chunks [][]byte
	for n := range 6 {
		chunks = append(chunks, append([]byte{byte(n)}, text...))
	}
	chunks = append(chunks, stream(1, 5000), stream(2, 5000), append([]byte(s2Magic), stream(3, 5000)...))
	var b bytes.Buffer
	w := NewPack(&b)
	for n, c := range chunks {
		w.Fast = n%2 == 1
		if _, err := w.Add(Sum(c), c); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	for n, at := range info.Chunks {
		stored := b.Bytes()[at.Offset : at.Offset+at.Stored]
		want := byte(codecZstd)
		switch {
		case n >= 6:
			want = codecRaw // nothing makes it shorter
		case n%2 == 1:
			want = codecS2
		}
		if got := b.Bytes()[at.Offset-chunkHeader]; got != want {
			t.Errorf("chunk %d has codec %d, not %d", n, got, want)
		}
		if plain, err := UnpackInto(nil, stored, at.Size, at.ID); err != nil || !bytes.Equal(plain, chunks[n]) {
			t.Errorf("chunk %d: %v", n, err)
		}
	}
	if err := ReadPack(bytes.NewReader(b.Bytes()), MaxPack, nothing); err != nil {
		t.Fatal(err)
	}
}

// TestUnpackAllocates no more than the plain length it was told, whatever a block states.
func TestUnpackAllocates(t *testing.T) {
	lie := append([]byte(s2Magic), 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := UnpackInto(buf, lie, 4096, ID{}); !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	}); n > 10 {
		t.Errorf("%v allocations", n)
	}
	for name, block := range map[string][]byte{"S2": appendS2(nil, make([]byte, 4096)), "zstd": squeeze(t, make([]byte, 4096))} {
		plain, err := UnpackInto(buf, block, 4096, Sum(make([]byte, 4096)))
		if err != nil || &plain[0] != &buf[:1][0] {
			t.Errorf("%s: the buffer that is large enough was not used (%v)", name, err)
		}
	}
}

func TestHostilePacks(t *testing.T) {
	a, b := []byte("chunk a, a chunk"), []byte("chunk b, b chunk")
	ra, rb := entry{codecRaw, Sum(a), 16, 16, a}, entry{codecRaw, Sum(b), 16, 16, b}
	zeros := make([]byte, 4096)
	z := squeeze(t, zeros)
	zip := entry{codecZstd, Sum(zeros), 4096, uint32(len(z)), z}
	s := appendS2(nil, zeros)
	quick := entry{codecS2, Sum(zeros), 4096, uint32(len(s)), s}
	huge := append([]byte(s2Magic), 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0)
	with := func(e entry, change func(*entry)) entry { change(&e); return e }
	if err := ReadPack(bytes.NewReader(forge(2, ra, quick)), MaxPack, nothing); err != nil {
		t.Fatal(err)
	}
	good := forge(2, ra, zip)
	if err := ReadPack(bytes.NewReader(good), MaxPack, nothing); err != nil {
		t.Fatal(err)
	}
	bomb := squeeze(t, make([]byte, 64<<20))
	wide := squeeze(t, make([]byte, MaxSize), zstd.WithWindowSize(64<<20))
	two := append(squeeze(t, zeros[:2048]), squeeze(t, make([]byte, 8<<20))...)
	for _, c := range []struct {
		name string
		pack []byte
		want error
	}{
		{"empty", nil, ErrDamaged},
		{"another magic", append([]byte("ISCPACK\x02"), good[8:]...), ErrDamaged},
		{"zip file", []byte("PK\x03\x04 and more bytes"), ErrDamaged},
		{"no chunks", forge(0), ErrDamaged},
		{"count too small", forge(1, ra, rb), ErrDamaged},
		{"count too large", forge(3, ra, rb), ErrDamaged},
		{"count huge", forge(1<<32-1, ra, rb), ErrDamaged},
		{"bytes after the end", append(slices.Clone(good), 0), ErrDamaged},
		{"a second pack after the end", append(slices.Clone(good), good...), ErrDamaged},
		{"same chunk twice", forge(2, ra, ra), ErrDamaged},
		{"wrong id", forge(1, with(ra, func(e *entry) { e.id[31] ^= 1 })), ErrDamaged},
		{"id of another chunk", forge(1, with(ra, func(e *entry) { e.id = Sum(b) })), ErrDamaged},
		{"unknown codec", forge(1, with(ra, func(e *entry) { e.codec = 4 })), ErrDamaged},
		{"raw called S2", forge(1, with(ra, func(e *entry) { e.codec = codecS2 })), ErrDamaged},
		{"zstd called S2", forge(1, with(zip, func(e *entry) { e.codec = codecS2 })), ErrDamaged},
		{"S2 called zstd", forge(1, with(quick, func(e *entry) { e.codec = codecZstd })), ErrDamaged},
		{"S2 called raw", forge(1, with(quick, func(e *entry) { e.codec = codecRaw })), ErrDamaged},
		{"S2, plain too short", forge(1, with(quick, func(e *entry) { e.size = 4095 })), ErrDamaged},
		{"S2, plain too long", forge(1, with(quick, func(e *entry) { e.size = 4097 })), ErrDamaged},
		{"S2, nothing but its mark", forge(1, with(quick, func(e *entry) { e.stored, e.body = 4, e.body[:4] })), ErrDamaged},
		{"S2, cut block", forge(1, with(quick, func(e *entry) { e.stored--; e.body = e.body[:len(e.body)-1] })), ErrDamaged},
		{"S2, bytes behind the block", forge(1, with(quick, func(e *entry) { e.stored++; e.body = append(slices.Clone(e.body), 0) })), ErrDamaged},
		{"S2, a block that states 4 GiB", forge(1, with(quick, func(e *entry) { e.stored, e.body = uint32(len(huge)), huge })), ErrDamaged},
		{"raw called zstd", forge(1, with(ra, func(e *entry) { e.codec = codecZstd })), ErrDamaged},
		{"zstd called raw", forge(1, with(zip, func(e *entry) { e.codec = codecRaw })), ErrDamaged},
		{"raw, longer plain", forge(1, with(ra, func(e *entry) { e.size = 17 })), ErrDamaged},
		{"stored longer than plain", forge(1, with(ra, func(e *entry) { e.size = 15 })), ErrDamaged},
		{"nothing stored", forge(1, with(zip, func(e *entry) { e.stored, e.body = 0, nil })), ErrDamaged},
		{"empty chunk", forge(1, entry{codecRaw, Sum(nil), 0, 0, nil}), ErrTooLarge},
		{"chunk over the bound", forge(1, entry{codecRaw, Sum(a), MaxSize + 1, MaxSize + 1, a}), ErrTooLarge},
		{"length of 4 GiB", forge(1, entry{codecZstd, Sum(a), 1<<32 - 1, 10, a}), ErrTooLarge},
		{"stored length of 4 GiB", forge(1, entry{codecZstd, Sum(a), 4096, 1<<32 - 1, a}), ErrDamaged},
		{"zstd, plain too short", forge(1, with(zip, func(e *entry) { e.size = 4095 })), ErrDamaged},
		{"zstd, plain too long", forge(1, with(zip, func(e *entry) { e.size = 4097 })), ErrDamaged},
		{"zstd, garbage", forge(1, entry{codecZstd, Sum(zeros), 4096, 16, a}), ErrDamaged},
		{"zstd, cut frame", forge(1, with(zip, func(e *entry) { e.stored--; e.body = e.body[:len(e.body)-1] })), ErrDamaged},
		{"bomb", forge(1, entry{codecZstd, Sum(a), MaxSize, uint32(len(bomb)), bomb}), ErrDamaged},
		{"wide window", forge(1, entry{codecZstd, Sum(a), 4096, uint32(min(len(wide), 4095)), wide[:min(len(wide), 4095)]}), ErrDamaged},
		{"second frame is a bomb", forge(1, entry{codecZstd, Sum(a), 4096, uint32(len(two)), two}), ErrDamaged},
	} {
		err := ReadPack(bytes.NewReader(c.pack), MaxPack, nothing)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v instead of %v", c.name, err, c.want)
		}
	}
	for n := range good {
		if err := ReadPack(bytes.NewReader(good[:n]), MaxPack, nothing); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
		bad := slices.Clone(good)
		bad[n] ^= 0x10
		// A zstd header has one bit without meaning: then the right chunks come out.
		err := ReadPack(bytes.NewReader(bad), MaxPack, func(c PackedChunk, p []byte) error {
			if Sum(p) != c.ID || c.ID != ra.id && c.ID != zip.id {
				t.Errorf("byte %d changed: other chunks came out", n)
			}
			return nil
		})
		if inFrame := n >= len(good)-packTrailer-len(z) && n < len(good)-packTrailer; err == nil && !inFrame {
			t.Errorf("byte %d changed: no error", n)
		}
	}
}

func TestReadPackHandsErrorsOn(t *testing.T) {
	torn := errors.New("torn")
	b, _ := pack(t, stream(1, 1000), stream(2, 1000))
	if err := ReadPack(io.MultiReader(bytes.NewReader(b[:500]), iotest.ErrReader(torn)), MaxPack, nothing); !errors.Is(err, torn) || errors.Is(err, ErrDamaged) {
		t.Errorf("broken line: %v", err)
	}
	if err := ReadPack(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(torn)), MaxPack, nothing); !errors.Is(err, torn) {
		t.Errorf("broken line at the end: %v", err)
	}
	calls := 0
	if err := ReadPack(bytes.NewReader(b), MaxPack, func(PackedChunk, []byte) error { calls++; return torn }); err != torn || calls != 1 {
		t.Errorf("each failed: %v after %d calls", err, calls)
	}
}

func TestUnpackRefuses(t *testing.T) {
	data := bytes.Repeat([]byte("part "), 1000)
	z := squeeze(t, data)
	bomb := squeeze(t, make([]byte, 64<<20))
	for _, c := range []struct {
		name   string
		stored []byte
		size   int64
		id     ID
		want   error
	}{
		{"nothing", nil, 1, Sum(nil), ErrDamaged},
		{"size 0", z, 0, Sum(data), ErrTooLarge},
		{"negative", z, -1, Sum(data), ErrTooLarge},
		{"over the bound", z, MaxSize + 1, Sum(data), ErrTooLarge},
		{"huge", z, 1 << 62, Sum(data), ErrTooLarge},
		{"longer than plain", data, 10, Sum(data), ErrDamaged},
		{"wrong size", z, 4999, Sum(data), ErrDamaged},
		{"wrong id", z, 5000, Sum(z), ErrDamaged},
		{"raw with wrong id", data, 5000, Sum(z), ErrDamaged},
		{"bomb", bomb, MaxSize, Sum(data), ErrDamaged},
	} {
		if _, err := UnpackInto(nil, c.stored, c.size, c.id); !errors.Is(err, c.want) {
			t.Errorf("%s: %v instead of %v", c.name, err, c.want)
		}
	}
}

type brokenWriter struct {
	left int
	err  error
}

func (w *brokenWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	if w.left -= n; n < len(b) {
		return n, w.err
	}
	return n, nil
}
