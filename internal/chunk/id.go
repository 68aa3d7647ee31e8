package chunk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// What is wrong with bytes from outside; find them with errors.Is.
var (
	// ErrDamaged: the bytes do not have their checksum, or are not of the format.
	ErrDamaged = errors.New("content damaged")
	// ErrTooLarge: a documented bound was passed before anything was allocated.
	ErrTooLarge = errors.New("content too large")
	// ErrName: a name or path that some system could not store, or that escapes.
	ErrName = errors.New("name invalid")
)

// ID is a SHA-256: of a chunk's plain bytes, of a pack or of a manifest.
type ID [sha256.Size]byte

// Sum is the id of data.
func Sum(data []byte) ID { return sha256.Sum256(data) }

// String is the id in 64 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String writes. Upper case is refused: one id has one
// spelling, also as a file name.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, fmt.Errorf("parse id: %w: %d characters", ErrDamaged, len(s))
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ID{}, fmt.Errorf("parse id: %w: not lower-case hex", ErrDamaged)
		}
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("parse id: %w: %w", ErrDamaged, err)
	}
	return id, nil
}

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
