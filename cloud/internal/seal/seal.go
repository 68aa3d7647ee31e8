// Package seal keeps secrets that the cloud must be able to read again: the keys that sign
// calls to merchants, and the secrets by which merchants sign theirs (an HMAC cannot be
// checked with a hash of its key). They are sealed with secrets.key of the data folder
// before they reach the store, so a copy of the database alone gives none away. The door, the
// open API and the calls to merchants use it. It never logs a secret, and never opens one
// in the place of another: each is bound to the row that it was sealed for.
package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/iscdesk/iscdesk/cloud/internal/keyfile"
)

// file is the key's name inside the data folder.
const file = "secrets.key"

// version is the first byte of everything sealed, so that another form can come later.
const version = 1

// Kind is what a secret is for; with the id of its row it binds the sealed bytes to their place.
type Kind string

// The kinds.
const (
	MerchantKey Kind = "merchant key" // id: meta.MerchantKey.ID
	AccessKey   Kind = "access key"   // id: meta.AccessKey.Access
)

// errSealed is all that a caller learns of bytes that do not open: wrong key, wrong row or damage look alike.
var errSealed = errors.New("the sealed bytes do not belong here or are damaged")

// Box seals and opens. All methods may be called from several goroutines.
type Box struct{ aead cipher.AEAD }

// Open reads the key from dir and makes it when there is none yet. A key file that is
// damaged is an error.
func Open(dir string) (*Box, error) {
	key, err := keyfile.Seed(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	// The long nonce may be random without a count of how many were used.
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", file, err)
	}
	return &Box{aead: aead}, nil
}

// place is what the sealed bytes are bound to.
func place(kind Kind, id string) []byte {
	return fmt.Appendf(nil, "%d:%s,%d:%s", len(kind), kind, len(id), id)
}

// Seal makes the form at rest of a secret that belongs to the row id; each call gives other bytes.
func (b *Box) Seal(kind Kind, id, secret string) []byte {
	out := make([]byte, 1+b.aead.NonceSize(), 1+b.aead.NonceSize()+len(secret)+b.aead.Overhead())
	out[0] = version
	nonce := out[1:]
	rand.Read(nonce) // never fails
	return b.aead.Seal(out, nonce, []byte(secret), place(kind, id))
}

// Open is the secret that Seal was given for the same kind and id. It fails for every
// other row, for another key, and for changed bytes, always in the same way.
func (b *Box) Open(kind Kind, id string, sealed []byte) (string, error) {
	head := 1 + b.aead.NonceSize()
	if len(sealed) < head+b.aead.Overhead() || sealed[0] != version {
		return "", fmt.Errorf("open %s: %w", kind, errSealed)
	}
	secret, err := b.aead.Open(nil, sealed[1:head], sealed[head:], place(kind, id))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", kind, errSealed)
	}
	return string(secret), nil
}
