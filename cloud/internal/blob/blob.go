// Package blob keeps the drive's bytes: packs and manifests, named by their
// SHA-256 and never changed. Package files is its only user; what a blob means,
// who may read it and whether anything refers to it is known to the metadata
// alone. A store must never show a blob that is not whole and verified.
//
// The rules that every store keeps, so that callers can be written once
// (package blobtest holds them as a suite):
//
//   - Put is atomic: until it returns nil the blob is not there, or is there whole
//     (another Put of the same blob, or an answer that was lost). It is
//     durable when it returns nil. It is idempotent: the name is the content, so
//     a repetition writes the same bytes or nothing.
//   - A Put whose bytes do not have the name's checksum stores nothing: ErrDamaged.
//   - Get, Stat and Delete of a blob that is not there are ErrNotFound, except
//     that Delete of a missing blob is nil: a repeated Delete is no error.
//   - ErrNotFound, ErrDamaged, ErrTooLarge and ErrRange are final. ErrFull and every
//     other error may be temporary: each call may be repeated from its
//     beginning (for Put: with a fresh reader).
//   - All methods may be called from several goroutines. Stores do not retry on
//     their own.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// Final and temporary failures; find them with errors.Is.
var (
	ErrNotFound = errors.New("blob not found")
	ErrDamaged  = errors.New("blob damaged")   // the bytes do not have the name's checksum
	ErrTooLarge = errors.New("blob too large") // over the store's bound
	ErrRange    = errors.New("range not in blob")
	ErrFull     = errors.New("blob store full") // no space left; nothing was stored
)

// Kind separates what blobs are for; it is part of the name.
type Kind string

// The kinds.
const (
	Pack     Kind = "packs"
	Manifest Kind = "manifests"
)

// Name names one blob. The same bytes in two spaces are two blobs: knowing a
// checksum must not open another space's data, and deleting one space must not
// hurt another.
type Name struct {
	Space string // 1 to 64 of a-z 0-9 _ -
	Kind  Kind
	Sum   [sha256.Size]byte
}

// String is "kind/space/hex", for errors and logs.
func (n Name) String() string {
	return string(n.Kind) + "/" + n.Space + "/" + hex.EncodeToString(n.Sum[:])
}

// Valid says whether the name can be part of a path or an object key anywhere.
func (n Name) Valid() bool {
	if n.Kind != Pack && n.Kind != Manifest || len(n.Space) < 1 || len(n.Space) > 64 {
		return false
	}
	for i := 0; i < len(n.Space); i++ {
		c := n.Space[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Info is what is known of a stored blob.
type Info struct {
	Size int64
}

// Store is one place for blobs.
type Store interface {
	// Put reads r to its end and stores the bytes under n, if they have its
	// checksum. An error of r ends it and is returned wrapped; then nothing is
	// stored. r is read to the end even when the blob is there already, unless the
	// store knows that it has the same bytes.
	Put(ctx context.Context, n Name, r io.Reader) error
	// Get returns length bytes from offset, all to the end when length is
	// negative. A range that is not wholly inside the blob is ErrRange. The
	// caller closes the reader. Bytes are not verified again on the way out:
	// readers check their chunks.
	Get(ctx context.Context, n Name, offset, length int64) (io.ReadCloser, error)
	// Stat says how long the blob is.
	Stat(ctx context.Context, n Name) (Info, error)
	// Delete removes the blob; nil when it is not there.
	Delete(ctx context.Context, n Name) error
}
