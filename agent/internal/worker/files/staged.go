package files

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/chunk"
)

// staged is the sink that makes a snapshot durable in the outbox.
type staged struct {
	dir string

	mu   sync.Mutex // guards what follows; held while a pack is written: cutters wait for the disk anyway
	seen map[chunk.ID]bool
	buf  bytes.Buffer
	w    *chunk.PackWriter
	n    int
}

// newStaged begins a staging of key from nothing.
func (r *Room) newStaged(key string) (*staged, error) {
	dir, err := r.outbox(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, local("make folder", dir, err)
	}
	old, err := filepath.Glob(filepath.Join(dir, packPrefix+"*"))
	if err != nil {
		return nil, local("read", dir, err)
	}
	for _, p := range old {
		if err := os.Remove(p); err != nil {
			return nil, local("remove", p, err)
		}
	}
	return &staged{dir: dir, seen: make(map[chunk.ID]bool)}, nil
}

func (s *staged) Add(id chunk.ID, plain []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[id] {
		return nil
	}
	if s.w == nil {
		s.buf.Reset()
		s.w = chunk.NewPack(&s.buf)
	}
	if _, err := s.w.Add(id, plain); err != nil {
		return err
	}
	s.seen[id] = true
	if s.w.Size() >= stagePack || s.w.Full() {
		return s.flush()
	}
	return nil
}

func (s *staged) flush() error {
	if _, err := s.w.Close(); err != nil {
		return err
	}
	s.w = nil
	path := filepath.Join(s.dir, fmt.Sprintf("%s%06d", packPrefix, s.n))
	s.n++
	return local("write", path, atomicfile.WriteFile(path, s.buf.Bytes(), 0o600))
}

// close writes the rest.
func (s *staged) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return nil
	}
	return s.flush()
}

// replay feeds the packs of a journal to s, verified.
func (r *Room) replay(j journal, s sink) error {
	dir, err := r.outbox(j.Store.Key)
	if err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(dir, packPrefix+"*"))
	if err != nil {
		return local("read", dir, err)
	}
	for _, p := range packs {
		b, err := atomicfile.ReadFile(p, chunk.MaxPack)
		if err != nil {
			return local("read", p, err)
		}
		err = chunk.ReadPack(bytes.NewReader(b), chunk.MaxPack, func(c chunk.PackedChunk, plain []byte) error {
			return s.Add(c.ID, plain)
		})
		if err != nil {
			return local("read", p, err)
		}
	}
	return nil
}
