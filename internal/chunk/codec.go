package chunk

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// s2Magic begins the stored bytes of an S2 chunk: an S2 block does not tell what
// it is, and an index names no codec. No zstd frame begins with it.
const s2Magic = "ISS2"

func isS2(stored []byte) bool { return bytes.HasPrefix(stored, []byte(s2Magic)) }

// Both zstd coders are stateless for whole buffers, safe for several goroutines and
// never changed after they were made; making one per chunk would cost more than
// the chunk. The decoder may not allocate beyond one chunk, and the capacity it
// is given limits its output, so a frame that lies about its length cannot grow.
var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithWindowSize(MaxSize), zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(MaxSize),
			zstd.WithDecoderMaxWindow(MaxSize), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	})
)

func appendZstd(dst, plain []byte) ([]byte, error) {
	enc, err := encoder()
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err)
	}
	return enc.EncodeAll(plain, dst), nil
}

// unzstd decompresses stored, which must become exactly size bytes, into dst.
func unzstd(dst, stored []byte, size int64) ([]byte, error) {
	dec, err := decoder()
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	plain, err := dec.DecodeAll(stored, dst[:0:size])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if int64(len(plain)) != size {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrDamaged, len(plain), size)
	}
	return plain, nil
}

func appendS2(dst, plain []byte) []byte {
	dst = append(dst, s2Magic...)
	n := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(plain)))
	return dst[:n+len(s2.Encode(dst[n:cap(dst)], plain))]
}

// unS2 is unzstd for S2. The length that the block states is checked first,
// because Decode allocates by it.
func unS2(dst, stored []byte, size int64) ([]byte, error) {
	block := stored[len(s2Magic):]
	n, err := s2.DecodedLen(block)
	if err != nil || int64(n) != size {
		return nil, fmt.Errorf("%w: a block of %d bytes instead of %d (%v)", ErrDamaged, n, size, err)
	}
	plain, err := s2.Decode(dst[:size:size], block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}
