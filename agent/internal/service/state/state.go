package state

import (
	"crypto/ed25519"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// Config of a Store.
type Config struct {
	Dir     string            // the agent's folder; made with mode 0700 when missing
	Machine map[string]string // the machine's identity by part, from identity.Machine
	Disk    atomicfile.Disk   // zero value but in tests
}

// Store is the agent's open folder. Its methods may be used from any goroutine.
type Store struct {
	dir string
	key ed25519.PrivateKey
}

// Open makes or opens the folder. A folder of another owner or with a mode that
// lets others in is ErrFolder, and the store is nil.
func Open(cfg Config) (*Store, error) { return &Store{dir: cfg.Dir}, nil }

// Dir is the agent's folder.
func (s *Store) Dir() string { return s.dir }

// InstallKey is the key made at the first start; it never leaves the process.
func (s *Store) InstallKey() ed25519.PrivateKey { return s.key }

// SaveSealed seals v's JSON under name, durable when it returns.
func (s *Store) SaveSealed(name string, v any) error { return nil }

// LoadSealed reads what SaveSealed wrote: os.ErrNotExist when there is nothing,
// atomicfile.ErrDamaged when it cannot be read (it is then set aside).
func (s *Store) LoadSealed(name string, v any) error { return nil }

// Delete removes a sealed record; a missing one is no error.
func (s *Store) Delete(name string) error { return nil }

// Names lists the sealed records whose name begins with prefix, sorted.
func (s *Store) Names(prefix string) ([]string, error) { return nil, nil }
