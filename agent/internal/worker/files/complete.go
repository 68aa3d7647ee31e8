package files

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
)

// complete gives every file its mode and time, makes all of it durable and returns
// how the files look.
func (l *landing) complete(ctx context.Context) ([]fileState, error) {
	states := make([]fileState, len(l.files))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(cutters)
	dirs := make(map[string]bool)
	var mu sync.Mutex // guards dirs
	for i, f := range l.files {
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			id, err := l.completeFile(f)
			states[i] = fileState{Path: f.Path, ID: id}
			mu.Lock()
			defer mu.Unlock()
			for p := f.Path; p != "" && p != "."; p = path.Dir(p) {
				dirs[path.Dir(p)] = true
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for d := range dirs {
		if err := syncDir(l.parent, filepath.Join(l.temp, filepath.FromSlash(d))); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func (l *landing) completeFile(f chunk.File) (identity, error) {
	name := l.name(f)
	out, err := l.parent.OpenFile(name, os.O_RDWR|openFlags, 0)
	if err != nil {
		return identity{}, local("open", name, err)
	}
	mode := os.FileMode(0o600) // the umask of a worker lets no one else in
	if f.Mode&0o111 != 0 {
		mode = 0o700
	}
	err = out.Chmod(mode)
	if err == nil {
		err = l.parent.Chtimes(name, time.Time{}, stampable(f.ModTime))
	}
	if err == nil {
		err = out.Sync()
	}
	var st os.FileInfo
	if err == nil {
		st, err = statOpen(out)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return identity{}, local("finish", name, err)
	}
	return identify(st), nil
}

// stampable is the nearest time that file systems, and Go, can hold.
func stampable(t time.Time) time.Time {
	switch {
	case t.Year() < 1700:
		return time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)
	case t.Year() > 2200:
		return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return local("open", name, err)
	}
	return local("sync", name, errors.Join(syncNames(d), d.Close()))
}
