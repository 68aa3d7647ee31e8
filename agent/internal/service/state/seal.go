package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// A sealed text is sealMagic, a random nonce, and XChaCha20-Poly1305 of the
// plain text. The label, which names the record, is authenticated with it: a
// record that was copied over another one does not open.
const (
	sealMagic   = "ISCSEAL1"
	recordLabel = "iscdesk record v1\x00"
	lineLabel   = "iscdesk line v1\x00"
	wrapLabel   = "iscdesk machine v1\x00"
	maxSealed   = 4 << 20 // bytes of a record's file: a licence of 1 MiB in base64, and the rest
)

var errSealed = errors.New("not sealed by this store")

func seal(key []byte, label string, plain []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	out := make([]byte, len(sealMagic)+aead.NonceSize(), len(sealMagic)+aead.NonceSize()+len(plain)+aead.Overhead())
	copy(out, sealMagic)
	nonce := out[len(sealMagic):]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead.Seal(out, nonce, plain, []byte(label)), nil
}

// open undoes seal; anything else than its exact output is errSealed.
func open(key []byte, label string, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("open sealed: %w", err)
	}
	head := len(sealMagic) + aead.NonceSize()
	if len(sealed) < head+aead.Overhead() || string(sealed[:len(sealMagic)]) != sealMagic {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, sealed[len(sealMagic):head], sealed[head:], []byte(label))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// SaveSealed seals v's JSON under name (a-z 0-9 . _ - and a user's identifier, at most 200 characters),
// durable when it returns.
func (s *Store) SaveSealed(name string, v any) error {
	path, err := s.record(name)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record %s: %w", name, err)
	}
	sealed, err := seal(s.seal, recordLabel+name, plain)
	if err != nil {
		return err
	}
	if len(sealed) > maxSealed {
		return fmt.Errorf("seal record %s of %d bytes: %w", name, len(plain), atomicfile.ErrTooLarge)
	}
	return s.disk.WriteFile(path, sealed, 0o600)
}

// Lines seals and opens the records of a log that another room keeps beside the
// store. name is the log's: a record of one log does not open as another's. The
// order of records is the log's matter, not the seal's.
func (s *Store) Lines(name string) (sealLine, openLine func([]byte) ([]byte, error)) {
	label := lineLabel + name
	return func(plain []byte) ([]byte, error) { return seal(s.seal, label, plain) },
		func(sealed []byte) ([]byte, error) { return open(s.seal, label, sealed) }
}

// LoadSealed reads what SaveSealed wrote into v. Nothing there is os.ErrNotExist.
// A record that does not open, or whose JSON is not v's, is set aside beside its
// place and reported as atomicfile.ErrDamaged, once: the next call finds nothing.
func (s *Store) LoadSealed(name string, v any) error {
	path, err := s.record(name)
	if err != nil {
		return err
	}
	sealed, err := atomicfile.ReadFile(path, maxSealed)
	switch {
	case errors.Is(err, atomicfile.ErrTooLarge), errors.Is(err, atomicfile.ErrNotRegular):
		return s.setRecordAside(path, err.Error())
	case err != nil:
		return err
	}
	plain, err := open(s.seal, recordLabel+name, sealed)
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return s.setRecordAside(path, err.Error())
	}
	return nil
}

func (s *Store) setRecordAside(path, reason string) error {
	aside, err := s.disk.SetAside(path)
	if err != nil {
		return err
	}
	return &atomicfile.DamagedError{Path: path, Aside: aside, Reason: reason}
}
