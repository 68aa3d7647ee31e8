package chunk

import "fmt"

// Unpack returns the plain bytes of one chunk as it lies in a pack. size is the
// plain length from an index or a manifest; stored bytes as long as size are
// raw, shorter ones are S2 or zstd. The result is verified against id, is the
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
		decode := unzstd
		if isS2(stored) {
			decode = unS2
		}
		if int64(cap(buf)) < size {
			buf = make([]byte, size)
		}
		var err error
		if plain, err = decode(buf, stored, size); err != nil {
			return nil, fmt.Errorf("unpack chunk: %w", err)
		}
	}
	if Sum(plain) != id {
		return nil, fmt.Errorf("unpack chunk %s: %w", id, ErrDamaged)
	}
	return plain, nil
}
