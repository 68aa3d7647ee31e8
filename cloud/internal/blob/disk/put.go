package disk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
)

// Put stores a blob: written aside, checked, synced, then renamed into place.
func (s *Store) Put(ctx context.Context, n blob.Name, r io.Reader) error {
	path, err := s.path(n)
	if err == nil {
		err = s.put(ctx, path, n, r)
	}
	if err != nil {
		if full(err) {
			err = fmt.Errorf("%w: %w", blob.ErrFull, err)
		}
		return fmt.Errorf("put blob: %w", err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, path string, n blob.Name, r io.Reader) error {
	temp := filepath.Join(s.config.Dir, unfinished, rand.Text())
	if err := s.check(StepCreate, temp); err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = s.fill(ctx, f, n, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.place(temp, path)
	}
	if err != nil {
		// The first failure is what matters; Open removes what stays.
		_ = os.Remove(temp)
	}
	return err
}

// fill copies r into f, bounded, and checks the sum before anything is synced.
func (s *Store) fill(ctx context.Context, f *os.File, n blob.Name, r io.Reader) error {
	hash := sha256.New()
	out := &faultyWriter{s: s, f: f}
	size, err := io.CopyBuffer(io.MultiWriter(out, hash), onlyReader{ctx, io.LimitReader(r, s.config.Max+1)}, make([]byte, 256<<10))
	switch {
	case err != nil:
		return err
	case size > s.config.Max:
		return fmt.Errorf("%w: more than %d bytes", blob.ErrTooLarge, s.config.Max)
	case [sha256.Size]byte(hash.Sum(nil)) != n.Sum:
		return fmt.Errorf("%s: %w", n, blob.ErrDamaged)
	}
	if err := s.check(StepSync, f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

// place gives the file its name. A blob that is there already has the same
// bytes; it is replaced all the same, so that a Put heals a damaged file.
func (s *Store) place(temp, path string) error {
	shard := filepath.Dir(path)
	if err := s.mkdir(shard); err != nil {
		return err
	}
	if err := s.check(StepRename, path); err != nil {
		return err
	}
	if err := rename(temp, path); err != nil {
		return err
	}
	return s.syncDir(shard)
}

// mkdir makes the shard's folder with its parents and makes their names durable.
// That a folder is there is not enough: whoever made it may not have synced yet.
func (s *Store) mkdir(shard string) error {
	s.mu.Lock()
	known := s.shards[shard]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.check(StepMkdir, shard); err != nil {
		return err
	}
	if err := os.MkdirAll(shard, 0o700); err != nil {
		return err
	}
	space := filepath.Dir(shard)
	if err := errors.Join(s.syncDir(space), s.syncDir(filepath.Dir(space)), s.syncDir(s.config.Dir)); err != nil {
		return err
	}
	s.mu.Lock()
	s.shards[shard] = true
	s.mu.Unlock()
	return nil
}

// faultyWriter asks before each write; a refused one leaves half of its bytes
// behind, as a full disk does.
type faultyWriter struct {
	s *Store
	f *os.File
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	if err := w.s.check(StepWrite, w.f.Name()); err != nil {
		n, werr := w.f.Write(b[:len(b)/2])
		return n, errors.Join(err, werr)
	}
	return w.f.Write(b)
}

// onlyReader ends with the context, and hides every other method of the reader.
type onlyReader struct {
	ctx context.Context
	r   io.Reader
}

func (o onlyReader) Read(b []byte) (int, error) {
	if err := context.Cause(o.ctx); err != nil {
		return 0, err
	}
	return o.r.Read(b)
}
