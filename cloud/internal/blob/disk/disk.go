// Package disk is the embedded blob store: one folder, files sharded by the
// first byte of their checksum. The cloud's wiring and tests open it; everyone
// else sees blob.Store. One process at a time uses the folder. It never follows
// a name from outside into the file system: names are checked, checksums are
// written in hex by itself.
package disk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
)

// Step names one thing that a disk can refuse; tests make it refuse.
type Step string

// The steps of a Put, in the order in which they happen.
const (
	StepMkdir   Step = "mkdir"
	StepCreate  Step = "create"
	StepWrite   Step = "write"
	StepSync    Step = "sync"
	StepRename  Step = "rename"
	StepSyncDir Step = "syncdir"
)

// Config says where and how much. Fault is for tests: it is asked before each
// step and what it returns becomes the step's failure; it may be called from
// any goroutine.
type Config struct {
	Dir   string // made with mode 0700 when it is not there
	Max   int64  // bytes of one blob
	Fault func(step Step, path string) error
}

// Store is an open folder. It implements blob.Store.
type Store struct {
	config Config

	// mu guards shards: folders whose names this process has made durable.
	mu     sync.Mutex
	shards map[string]bool
}

// unfinished is where blobs are written before they get their name. It is on
// the same file system as the rest, so that a rename is atomic, and is emptied at
// start: what lies there was never acknowledged.
const unfinished = "unfinished"

// Open makes the folder when needed and removes what killed writers left.
func Open(c Config) (*Store, error) {
	if c.Dir == "" || c.Max <= 0 {
		return nil, errors.New("open blob store: folder and bound are needed")
	}
	s := &Store{config: c, shards: make(map[string]bool)}
	dir := filepath.Join(c.Dir, unfinished)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	for _, e := range left {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("clean blob store: %w", err)
		}
	}
	if err := errors.Join(s.syncDir(c.Dir), s.syncDir(filepath.Dir(c.Dir))); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	return s, nil
}

func (s *Store) path(n blob.Name) (string, error) {
	if !n.Valid() {
		return "", fmt.Errorf("name %q: %w", n, blob.ErrNotFound)
	}
	hexed := hex.EncodeToString(n.Sum[:])
	return filepath.Join(s.config.Dir, string(n.Kind), n.Space, hexed[:2], hexed), nil
}

// Get opens a range of a blob.
func (s *Store) Get(ctx context.Context, n blob.Name, offset, length int64) (io.ReadCloser, error) {
	f, size, err := s.open(n)
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	if length < 0 && offset >= 0 && offset <= size {
		length = size - offset
	}
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		f.Close()
		return nil, fmt.Errorf("get blob: %w: %d bytes from %d of %d", blob.ErrRange, length, offset, size)
	}
	return &section{SectionReader: io.NewSectionReader(f, offset, length), f: f}, nil
}

// Stat tells the length.
func (s *Store) Stat(ctx context.Context, n blob.Name) (blob.Info, error) {
	f, size, err := s.open(n)
	if err != nil {
		return blob.Info{}, fmt.Errorf("stat blob: %w", err)
	}
	return blob.Info{Size: size}, f.Close()
}

// Delete removes the file. Its folder stays: another Put may be about to use it.
func (s *Store) Delete(ctx context.Context, n blob.Name) error {
	path, err := s.path(n)
	if err != nil {
		return nil // such a blob cannot be there
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob: %w", err)
	}
	if err := s.syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

func (s *Store) open(n blob.Name) (*os.File, int64, error) {
	path, err := s.path(n)
	if err != nil {
		return nil, 0, err
	}
	f, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%s: %w", n, blob.ErrNotFound)
	}
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

func (s *Store) check(step Step, path string) error {
	if s.config.Fault == nil {
		return nil
	}
	return s.config.Fault(step, path)
}

func (s *Store) syncDir(dir string) error {
	if err := s.check(StepSyncDir, dir); err != nil {
		return err
	}
	return syncFolder(dir)
}

// section closes the file below a range. Its Seek makes it an io.ReadSeeker.
type section struct {
	*io.SectionReader
	f *os.File
}

// Close ends the reading.
func (s *section) Close() error { return s.f.Close() }
