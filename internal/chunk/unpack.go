package chunk

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Both coders are stateless for whole buffers, safe for several goroutines and
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

// Unpack returns the plain bytes of one chunk as it lies in a pack. size is the
// plain length from an index or a manifest; stored bytes as long as size are
// raw, shorter ones are a zstd frame. The result is verified against id, is the
// caller's own unless the chunk is raw (then it is stored itself), and is never
// longer than MaxSize. Errors: ErrTooLarge, ErrDamaged.
func Unpack(stored []byte, size int64, id ID) (plain []byte, err error) {
	return UnpackInto(nil, stored, size, id)
}

// UnpackInto is Unpack with a buffer that is used when its capacity is enough.
func UnpackInto(buf, stored []byte, size int64, id ID) ([]byte, error) {
	if size < 1 || size > MaxSize {
		return nil, fmt.Errorf("unpack chunk: %w: plain length %d", ErrTooLarge, size)
	}
	if int64(len(stored)) > size || len(stored) == 0 {
		return nil, fmt.Errorf("unpack chunk: %w: %d stored bytes for %d", ErrDamaged, len(stored), size)
	}
	plain := stored
	if int64(len(stored)) < size {
		dec, err := decoder()
		if err != nil {
			return nil, fmt.Errorf("make zstd decoder: %w", err)
		}
		if int64(cap(buf)) < size {
			buf = make([]byte, size)
		}
		plain, err = dec.DecodeAll(stored, buf[:0:size])
		if err != nil {
			return nil, fmt.Errorf("unpack chunk: %w: %w", ErrDamaged, err)
		}
		if int64(len(plain)) != size {
			return nil, fmt.Errorf("unpack chunk: %w: %d bytes instead of %d", ErrDamaged, len(plain), size)
		}
	}
	if Sum(plain) != id {
		return nil, fmt.Errorf("unpack chunk %s: %w", id, ErrDamaged)
	}
	return plain, nil
}
