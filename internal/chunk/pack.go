package chunk

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Bounds of a pack.
const (
	MaxPack       = 32 << 20 // bytes, all included
	MaxPackChunks = 8192
	// MaxPackPlain bounds the plain bytes of all chunks: a pack of one MiB could
	// otherwise keep its reader busy over 16 GiB of zeros.
	MaxPackPlain = 256 << 20
	// TargetPack is where Full begins to say yes: large enough that a request
	// costs little per byte, small enough that a cut upload repeats little.
	TargetPack = 16 << 20
)

const (
	codecEnd  = 0
	codecRaw  = 1
	codecZstd = 2
	codecS2   = 3

	packMagic   = "ISCPACK\x01"
	chunkHeader = 1 + sha256.Size + 4 + 4
	packTrailer = 1 + 4
)

// ErrPackFull says that a chunk does not fit: close the pack and begin another.
var ErrPackFull = errors.New("pack full")

// PackedChunk says where a chunk lies in its pack.
type PackedChunk struct {
	ID     ID
	Offset int64 // of the stored bytes, from the pack's first byte
	Stored int64 // bytes in the pack
	Size   int64 // plain bytes
}

// PackInfo describes a finished pack. SHA256 is its name in the cloud.
type PackInfo struct {
	SHA256 ID
	Size   int64
	Chunks []PackedChunk
}

// PackWriter writes one pack as a stream. It is for one goroutine; it never
// holds more than one compressed chunk. It does not close the writer below.
type PackWriter struct {
	// Fast takes S2 for the chunks that are added while it is set: a third of
	// zstd's work for up to twice its bytes, so for lines that zstd cannot fill.
	Fast bool

	w      io.Writer
	hash   hash.Hash
	size   int64
	plain  int64 // of all chunks
	chunks []PackedChunk
	have   map[ID]bool
	buf    []byte
	err    error
}

// NewPack begins a pack on w.
func NewPack(w io.Writer) *PackWriter {
	return &PackWriter{w: w, hash: sha256.New(), have: make(map[ID]bool)}
}

// Size is what was written so far, in bytes.
func (p *PackWriter) Size() int64 { return p.size }

// Full says that the pack has reached its target; Add still works up to the
// hard bounds.
func (p *PackWriter) Full() bool {
	return p.size >= TargetPack || len(p.chunks) >= MaxPackChunks || p.plain > MaxPackPlain-MaxSize
}

// Add stores one chunk and returns how many bytes it takes in the pack. A chunk
// that the pack already holds is skipped and takes 0. ErrPackFull leaves the
// pack as it was; any other error ends it. id must be Sum(plain): the writer
// trusts its caller here, the reader does not.
func (p *PackWriter) Add(id ID, plain []byte) (stored int64, err error) {
	if p.err != nil {
		return 0, p.err
	}
	if len(plain) < 1 || len(plain) > MaxSize {
		return 0, fmt.Errorf("add chunk: %w: %d bytes", ErrTooLarge, len(plain))
	}
	if p.have[id] {
		return 0, nil
	}
	body, codec, err := p.compress(plain)
	if err != nil {
		return 0, err
	}
	begin := p.size
	if begin == 0 {
		begin = int64(len(packMagic))
	}
	offset := begin + chunkHeader
	if len(p.chunks) >= MaxPackChunks || p.plain+int64(len(plain)) > MaxPackPlain || offset+int64(len(body))+packTrailer > MaxPack {
		return 0, ErrPackFull
	}
	head := make([]byte, 0, chunkHeader)
	head = append(head, codec)
	head = append(head, id[:]...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(plain)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)))
	if p.size == 0 {
		p.write([]byte(packMagic))
	}
	p.write(head)
	p.write(body)
	if p.err != nil {
		return 0, p.err
	}
	p.have[id] = true
	p.plain += int64(len(plain))
	p.chunks = append(p.chunks, PackedChunk{ID: id, Offset: offset, Stored: int64(len(body)), Size: int64(len(plain))})
	return int64(len(body)), nil
}

// compress returns what is stored of a chunk: plain itself where the codec makes
// it no shorter. The result is valid until the next call.
func (p *PackWriter) compress(plain []byte) (body []byte, codec byte, err error) {
	if p.Fast {
		p.buf, codec = appendS2(p.buf[:0], plain), codecS2
	} else if p.buf, err = appendZstd(p.buf[:0], plain); err != nil {
		return nil, 0, err
	} else {
		codec = codecZstd
	}
	if len(p.buf) >= len(plain) {
		return plain, codecRaw, nil
	}
	return p.buf, codec, nil
}

// Close writes the end of the pack and describes it. A pack without a chunk is
// refused: there is nothing to send.
func (p *PackWriter) Close() (PackInfo, error) {
	if p.err != nil {
		return PackInfo{}, p.err
	}
	if len(p.chunks) == 0 {
		return PackInfo{}, errors.New("close pack: no chunk in it")
	}
	p.write(binary.BigEndian.AppendUint32([]byte{codecEnd}, uint32(len(p.chunks))))
	if p.err != nil {
		return PackInfo{}, p.err
	}
	info := PackInfo{Size: p.size, Chunks: p.chunks}
	p.hash.Sum(info.SHA256[:0])
	p.err = errors.New("pack closed")
	return info, nil
}

func (p *PackWriter) write(b []byte) {
	if p.err != nil {
		return
	}
	n, err := p.w.Write(b)
	p.hash.Write(b[:n])
	p.size += int64(n)
	if err != nil {
		p.err = fmt.Errorf("write pack: %w", err)
	}
}

// ReadPack reads one whole pack from r and hands each chunk to each, verified:
// bounds, codec, plain length and checksum. r must end where the pack ends; at
// most max bytes (and never more than MaxPack) are read. plain is valid until
// each returns. Nothing that each was told counts before ReadPack has returned
// nil: a pack that is cut or damaged later is damaged as a whole. Errors:
// ErrTooLarge, ErrDamaged, the error of r or of each.
func ReadPack(r io.Reader, max int64, each func(c PackedChunk, plain []byte) error) error {
	max = min(max, MaxPack)
	in := &packInput{r: r, max: max}
	var magic [len(packMagic)]byte
	if err := in.full(magic[:]); err != nil {
		return err
	}
	if string(magic[:]) != packMagic {
		return fmt.Errorf("read pack: %w: not a pack of version 1", ErrDamaged)
	}
	seen := make(map[ID]bool)
	var head [chunkHeader]byte
	var stored, plain []byte
	var total int64 // plain bytes of all chunks
	for {
		if err := in.full(head[:1]); err != nil {
			return err
		}
		if head[0] == codecEnd {
			return in.end(len(seen))
		}
		if len(seen) >= MaxPackChunks {
			return fmt.Errorf("read pack: %w: more than %d chunks", ErrTooLarge, MaxPackChunks)
		}
		if err := in.full(head[1:]); err != nil {
			return err
		}
		c := PackedChunk{
			Offset: in.read,
			Size:   int64(binary.BigEndian.Uint32(head[33:37])),
			Stored: int64(binary.BigEndian.Uint32(head[37:41])),
		}
		copy(c.ID[:], head[1:33])
		raw := head[0] == codecRaw
		switch {
		case head[0] < codecRaw || head[0] > codecS2:
			return fmt.Errorf("read pack: %w: codec %d", ErrDamaged, head[0])
		case c.Size < 1 || c.Size > MaxSize:
			return fmt.Errorf("read pack: %w: chunk of %d bytes", ErrTooLarge, c.Size)
		case c.Stored < 1 || raw != (c.Stored == c.Size) || c.Stored > c.Size:
			return fmt.Errorf("read pack: %w: %d stored bytes for %d with codec %d", ErrDamaged, c.Stored, c.Size, head[0])
		case c.Size > MaxPackPlain-total:
			return fmt.Errorf("read pack: %w: more than %d plain bytes", ErrTooLarge, int64(MaxPackPlain))
		case seen[c.ID]:
			return fmt.Errorf("read pack: %w: chunk %s twice", ErrDamaged, c.ID)
		}
		if int64(cap(stored)) < c.Stored {
			stored = make([]byte, c.Stored)
		}
		stored = stored[:c.Stored]
		if err := in.full(stored); err != nil {
			return err
		}
		if !raw && isS2(stored) != (head[0] == codecS2) { // UnpackInto, which is not told the codec, must read it the same way
			return fmt.Errorf("read pack: %w: chunk %s is not of codec %d", ErrDamaged, c.ID, head[0])
		}
		p, err := UnpackInto(plain, stored, c.Size, c.ID)
		if err != nil {
			return fmt.Errorf("read pack: %w", err)
		}
		if !raw {
			plain = p // keep the larger buffer for the next chunk
		}
		seen[c.ID] = true
		total += c.Size
		if err := each(c, p); err != nil {
			return err
		}
	}
}

// packInput counts what it reads and refuses to pass max.
type packInput struct {
	r    io.Reader
	max  int64
	read int64
}

func (in *packInput) full(b []byte) error {
	if in.read+int64(len(b)) > in.max {
		return fmt.Errorf("read pack: %w: more than %d bytes", ErrTooLarge, in.max)
	}
	n, err := io.ReadFull(in.r, b)
	in.read += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read pack: %w: cut after %d bytes", ErrDamaged, in.read)
	}
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	return nil
}

func (in *packInput) end(chunks int) error {
	var b [4]byte
	if err := in.full(b[:]); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint32(b[:]); chunks == 0 || uint64(n) != uint64(chunks) {
		return fmt.Errorf("read pack: %w: %d chunks where %d are counted", ErrDamaged, chunks, n)
	}
	switch n, err := io.ReadFull(in.r, b[:1]); {
	case n > 0:
		return fmt.Errorf("read pack: %w: bytes after its end", ErrDamaged)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read pack: %w", err)
	}
	return nil
}
