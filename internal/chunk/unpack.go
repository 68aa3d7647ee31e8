package chunk

import "fmt"

// UnpackInto returns the plain bytes of one chunk as it lies in a pack. size is the
// plain length from an index or a manifest; stored bytes as long as size are
// raw, shorter ones are S2 or zstd. The result is verified against id and is never
// longer than MaxSize. It is stored itself where the chunk is raw, otherwise in buf when
// the capacity is enough, otherwise the caller's own. Errors: ErrTooLarge, ErrDamaged.
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
