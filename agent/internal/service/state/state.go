package state

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// Errors of the folder, found with errors.Is.
var (
	ErrFolder       = errors.New("state folder is not this agent's own") // owner, mode or kind
	ErrOtherMachine = errors.New("state folder belongs to another machine")
)

// Names inside the folder. Other rooms keep their logs beside these.
const (
	keyFile     = "install.key"
	bindingFile = "machine.json"
	sealedDir   = "sealed"
	sealedExt   = ".sealed"
)

// Config of a Store.
type Config struct {
	Dir     string            // the agent's folder; made with mode 0700 when missing
	Machine map[string]string // the machine's identity by part, from identity.Machine; may be empty
	Disk    atomicfile.Disk   // zero value but in tests
}

// Store is the agent's open folder. Its methods may be used from any goroutine;
// of two writers of one record the later wins.
type Store struct {
	dir   string
	disk  atomicfile.Disk
	key   ed25519.PrivateKey
	seal  []byte // the records' key; leaves the process only wrapped
	reset error
}

// Open makes or opens the folder. A folder of another owner, with a mode that
// lets others in, or that is a link, is ErrFolder and the store is nil.
//
// A folder that came from another machine, or whose keys are damaged, is not
// read: keys and sealed records are set aside, the store begins anew with a new
// install key, and Reset says why. So a cloned machine never shares an identity,
// and the agent still starts: people sign in again.
func Open(cfg Config) (*Store, error) {
	if err := ownFolder(cfg.Dir); err != nil {
		return nil, err
	}
	s := &Store{dir: cfg.Dir, disk: cfg.Disk}
	if err := ownFolder(s.path(sealedDir)); err != nil {
		return nil, err
	}
	for _, dir := range []string{s.dir, s.path(sealedDir)} {
		if err := atomicfile.Clean(dir); err != nil {
			return nil, fmt.Errorf("open state: %w", err)
		}
	}
	err := s.openKeys(cfg.Machine)
	if errors.Is(err, ErrOtherMachine) || errors.Is(err, atomicfile.ErrDamaged) {
		s.reset = err
		if err = s.setAside(); err == nil {
			err = s.openKeys(cfg.Machine)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return s, nil
}

// Dir is the agent's folder.
func (s *Store) Dir() string { return s.dir }

// Reset is nil, or why the store began anew at this start: ErrOtherMachine or
// atomicfile.ErrDamaged. The caller logs it once.
func (s *Store) Reset() error { return s.reset }

// InstallKey is the key made at the first start; it never leaves the process.
func (s *Store) InstallKey() ed25519.PrivateKey { return s.key }

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// setAside moves keys and records out of the way. The install key goes first: a
// kill in between must never leave a clone with its original's key, and without
// it what remains is refused again at the next start.
func (s *Store) setAside() error {
	for _, name := range []string{keyFile, bindingFile, sealedDir} {
		_, err := s.disk.SetAside(s.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return ownFolder(s.path(sealedDir))
}

// recordName is what a record may be called; it becomes a file's name. The one capital
// letter is of users' identifiers on Windows, S.1.5.…: two names never differ by case only.
var recordName = regexp.MustCompile(`^[a-z0-9][a-zS0-9._-]{0,199}$`)

func (s *Store) record(name string) (string, error) {
	if !recordName.MatchString(name) {
		return "", fmt.Errorf("record name %q is not usable", name)
	}
	return filepath.Join(s.dir, sealedDir, name+sealedExt), nil
}

// Delete removes a sealed record; a missing one is no error.
func (s *Store) Delete(name string) error {
	path, err := s.record(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete record: %w", err)
	}
	return nil
}

// Names lists the sealed records whose name begins with prefix, sorted.
func (s *Store) Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(s.path(sealedDir))
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), sealedExt)
		if ok && strings.HasPrefix(name, prefix) && recordName.MatchString(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}
