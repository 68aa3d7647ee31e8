package state

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// binding is machine.json: the records' key, wrapped once for each part of the
// machine's identity under HKDF(install key, part). Parts stay apart, so that one
// that cannot be read today does not lock the store, and a later version can
// tolerate a changed one.
type binding struct {
	Version int               `json:"version"` // 1
	Wraps   map[string][]byte `json:"wraps"`   // part name -> wrapped key
}

// unbound is the wrap of a machine without any part (a bare container): the
// store is then bound to the install key alone.
const unbound = "none"

// errProtected is a key that Windows does not open for this account on this machine.
var errProtected = errors.New("damaged, or protected for another account or machine")

func damaged(path, reason string) error {
	return fmt.Errorf("%s: %s: %w", path, reason, atomicfile.ErrDamaged)
}

// openKeys loads or makes the install key and the records' key.
func (s *Store) openKeys(machine map[string]string) error {
	if err := s.openInstallKey(); err != nil {
		return err
	}
	b, err := s.loadBinding()
	if err != nil {
		return err
	}
	if b.Wraps == nil {
		s.seal = make([]byte, chacha20poly1305.KeySize)
		if _, err := rand.Read(s.seal); err != nil {
			return fmt.Errorf("make key: %w", err)
		}
		return s.bind(b, machine)
	}
	if err := s.unwrap(b, machine); err != nil {
		return err
	}
	if grown(b, machine) {
		return s.bind(b, machine)
	}
	return nil
}

// openInstallKey reads the install key, or makes it at the first start.
func (s *Store) openInstallKey() error {
	path := s.path(keyFile)
	if err := ownFile(path); errors.Is(err, fs.ErrNotExist) {
		return s.makeInstallKey(path)
	} else if err != nil {
		return err
	}
	text, err := atomicfile.ReadFile(path, 4096)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return damaged(path, "not a PEM file of a key")
	}
	der, err := unprotect(block.Bytes)
	if errors.Is(err, errProtected) {
		return damaged(path, err.Error())
	}
	if err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return damaged(path, "not a key")
	}
	var ok bool
	if s.key, ok = key.(ed25519.PrivateKey); !ok {
		return damaged(path, "not an Ed25519 key")
	}
	return nil
}

func (s *Store) makeInstallKey(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make install key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode install key: %w", err)
	}
	if der, err = protect(der); err != nil {
		return err
	}
	s.key = key
	return s.disk.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), 0o600)
}

// loadBinding reads machine.json. Without one, Wraps is nil; that is a first
// start, or a kill in the middle of one, as long as nothing is sealed.
func (s *Store) loadBinding() (binding, error) {
	path := s.path(bindingFile)
	text, err := atomicfile.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		names, err := s.Names("")
		if err == nil && len(names) > 0 {
			err = damaged(path, "missing, while records are sealed")
		}
		return binding{}, err
	}
	if err != nil {
		return binding{}, err
	}
	var b binding
	if err := json.Unmarshal(text, &b); err != nil || b.Version != 1 || len(b.Wraps) == 0 {
		return binding{}, damaged(path, "not a binding of version 1")
	}
	return b, nil
}

// unwrap opens the records' key. Each part that was there when the store was
// bound and is there now must be the same: a copied system image carries its
// machine id along, but not the board.
func (s *Store) unwrap(b binding, machine map[string]string) error {
	var changed []string
	for _, part := range slices.Sorted(maps.Keys(b.Wraps)) {
		value, there := machine[part]
		if !there && part != unbound {
			continue
		}
		key, err := open(s.wrapKey(part, value), wrapLabel+part, b.Wraps[part])
		if err != nil || len(key) != chacha20poly1305.KeySize {
			changed = append(changed, part)
			continue
		}
		s.seal = key
	}
	if len(changed) > 0 {
		return fmt.Errorf("changed since it was made: %s: %w", strings.Join(changed, ", "), ErrOtherMachine)
	}
	if s.seal == nil {
		return fmt.Errorf("none of the parts that it was bound to can be read: %w", ErrOtherMachine)
	}
	return nil
}

// grown says that the machine shows a part to which the store is not bound yet.
func grown(b binding, machine map[string]string) bool {
	for part := range machine {
		if _, ok := b.Wraps[part]; !ok {
			return true
		}
	}
	return false
}

// bind wraps the records' key for the parts that can be read now, beside those
// that b holds already: a part that cannot be read today may come back.
func (s *Store) bind(b binding, machine map[string]string) error {
	parts := machine
	if len(parts) == 0 {
		parts = map[string]string{unbound: ""}
	}
	old := b.Wraps
	b = binding{Version: 1, Wraps: map[string][]byte{}}
	maps.Copy(b.Wraps, old)
	delete(b.Wraps, unbound)
	for part, value := range parts {
		wrapped, err := seal(s.wrapKey(part, value), wrapLabel+part, s.seal)
		if err != nil {
			return err
		}
		b.Wraps[part] = wrapped
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("encode binding: %w", err)
	}
	return s.disk.WriteFile(s.path(bindingFile), append(text, '\n'), 0o600)
}

// wrapKey is HKDF-SHA-256 of the install key's seed for one part's value.
func (s *Store) wrapKey(part, value string) []byte {
	key, err := hkdf.Key(sha256.New, s.key.Seed(), nil, wrapLabel+part+"\x00"+value, chacha20poly1305.KeySize)
	if err != nil {
		panic("state: HKDF of a fixed length failed: " + err.Error()) // only for lengths over 8160
	}
	return key
}
