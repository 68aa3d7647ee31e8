package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
)

// readAgain proves that the files of a tree still hold what was read of each, byte for
// byte. Where a file's times are sure only once the program that writes it has closed
// it, as Windows has it, a write through a handle or a view that stays open may leave the
// identity as it was. The second reading comes after the last file's first one, so that
// what it finds equal in all of them stood in all of them at one moment.
func (r *Room) readAgain(ctx context.Context, t *tree, files []chunk.File) error {
	work, inner := errgroup.WithContext(ctx)
	work.SetLimit(cutters)
	for _, f := range files {
		work.Go(func() error { return r.reads(inner, t, f) })
	}
	return work.Wait()
}

// reads is nil when a file reads as f says, and errChanged when it does not.
func (r *Room) reads(ctx context.Context, t *tree, f chunk.File) error {
	var in *os.File
	err := r.patiently(ctx, func() (err error) { in, err = t.open(f.Path); return err })
	if errors.Is(err, fs.ErrNotExist) {
		return errChanged
	}
	if err != nil {
		return local("read", filepath.Join(t.at.path, filepath.FromSlash(f.Path)), err)
	}
	defer in.Close()
	buf := make([]byte, chunk.MaxSize)
	for _, c := range f.Chunks {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if c.Size > int64(len(buf)) {
			return fmt.Errorf("read %s again: a chunk of %d bytes", f.Path, c.Size)
		}
		_, err := io.ReadFull(in, buf[:c.Size])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errChanged
		case err != nil:
			return local("read", filepath.Join(t.at.path, filepath.FromSlash(f.Path)), err)
		case chunk.Sum(buf[:c.Size]) != c.ID:
			return errChanged
		}
	}
	return nil
}
