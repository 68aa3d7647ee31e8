package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// sink takes the chunks of a snapshot while they are cut, from several
// goroutines; plain is valid until Add returns. transfer.Upload is one, staged is
// the other. A nil sink only counts.
type sink interface {
	Add(id chunk.ID, plain []byte) error
}

// shot is one state of a tree, proved not to have changed while it was read.
type shot struct {
	manifest chunk.Manifest
	content  string
	files    []fileState
	skips    []string
}

// errChanged is a tree that was written to while it was read.
var errChanged = errors.New("changed while it was read")

const (
	tries     = 3                     // of a file, and of a tree
	cutters   = 2                     // files that are read at once
	timeGrain = 20 * time.Millisecond // file systems stamp no finer than their kernel's tick
)

// target is a tree to read: where it is, how its folder is called when it is at
// its place (the main file's name), and how its object is called in the cloud.
type target struct {
	at         *held
	base       string
	kind, name string
	own        names // see scan
}

// snapshot reads a tree into s and proves that it is one state: every
// file's identity is the same before and after it was read, and the whole tree's
// after the last one; where that may lie, by reading twice. It tries again, then answers api.FileChanging.
func (r *Room) snapshot(ctx context.Context, at target, s sink) (shot, error) {
	for n := 0; ; n++ {
		got, err := r.readTree(ctx, at, s)
		if err == nil || !errors.Is(err, errChanged) {
			return got, err
		}
		if n+1 == tries {
			return shot{}, refuse(api.FileChanging, "%s: %v", at.at.path, err)
		}
		if err := r.wait(ctx, (10*timeGrain)<<n); err != nil {
			return shot{}, err
		}
	}
}

func (r *Room) readTree(ctx context.Context, at target, s sink) (shot, error) {
	t, err := scan(ctx, at.at, at.kind, at.own)
	if err != nil {
		return shot{}, err
	}
	defer t.close()
	if err := t.mainFile(at.base); err != nil {
		return shot{}, err
	}
	files := make([]chunk.File, len(t.files))
	work, inner := errgroup.WithContext(ctx)
	work.SetLimit(cutters)
	free := make(chan *chunk.Cutter, cutters)
	for range cutters {
		free <- new(chunk.Cutter)
	}
	for i := range t.files {
		work.Go(func() (err error) {
			k := <-free // as many as may run
			defer func() { free <- k }()
			files[i], err = r.readFile(inner, k, t, &t.files[i], s)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return shot{}, err
	}
	if r.timesAreLate {
		if err := r.readAgain(ctx, t, files); err != nil {
			return shot{}, err
		}
	}
	again, err := scan(ctx, at.at, at.kind, at.own)
	if err != nil {
		return shot{}, err
	}
	defer again.close()
	if !slices.Equal(t.files, again.files) {
		return shot{}, errChanged
	}
	for i, f := range t.files {
		if at.kind == cloudapi.KindFile {
			files[i].Path = at.name
		} else {
			files[i].Path = rename(f.Path, at.base, at.name)
		}
	}
	m := chunk.Manifest{Kind: at.kind, Files: files}
	return shot{manifest: m, content: digest(m), files: t.files, skips: t.skips}, nil
}

// readFile cuts one file of the tree, and its identity into f.
func (r *Room) readFile(ctx context.Context, k *chunk.Cutter, t *tree, f *fileState, s sink) (chunk.File, error) {
	for n := 0; ; n++ {
		got, err := r.readOnce(ctx, k, t, f, s)
		if err == nil || !errors.Is(err, errChanged) || n+1 == tries {
			return got, err
		}
		if err := r.wait(ctx, timeGrain<<n); err != nil {
			return chunk.File{}, err
		}
	}
}

func (r *Room) readOnce(ctx context.Context, k *chunk.Cutter, t *tree, f *fileState, s sink) (chunk.File, error) {
	name := filepath.Join(t.at.path, filepath.FromSlash(f.Path))
	gone := func(err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return errChanged
		}
		return local("read", name, err)
	}
	before, err := t.lstat(f.Path)
	if err != nil {
		return chunk.File{}, gone(err)
	}
	if !before.Mode().IsRegular() {
		return chunk.File{}, notRegular(name, before.Mode(), "a regular file")
	}
	if err := r.settle(ctx, identify(before)); err != nil {
		return chunk.File{}, err
	}
	var in *os.File
	if err := r.patiently(ctx, func() (err error) { in, err = t.open(f.Path); return err }); err != nil {
		return chunk.File{}, gone(err)
	}
	defer in.Close()
	if now, err := statOpen(in); err != nil || identify(now) != identify(before) {
		return chunk.File{}, errChanged
	}
	out := chunk.File{Path: f.Path, Mode: 0o644, ModTime: before.ModTime()}
	if before.Mode()&0o100 != 0 {
		out.Mode = 0o755
	}
	// One byte more than the size: a file that grows is noticed, not followed.
	err = k.Cut(io.LimitReader(in, before.Size()+1), func(plain []byte) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		id := chunk.Sum(plain)
		out.Chunks = append(out.Chunks, chunk.Ref{ID: id, Size: int64(len(plain))})
		out.Size += int64(len(plain))
		if out.Size > before.Size() {
			return errChanged
		}
		if s == nil {
			return nil
		}
		return s.Add(id, plain)
	})
	if err != nil {
		return chunk.File{}, local("read", name, err)
	}
	now, err := statOpen(in)
	if err != nil {
		return chunk.File{}, local("read", name, err)
	}
	named, err := t.lstat(f.Path)
	if err != nil {
		return chunk.File{}, gone(err)
	}
	if id := identify(before); out.Size != before.Size() || identify(now) != id || identify(named) != id {
		return chunk.File{}, errChanged
	}
	f.ID = identify(before)
	return out, nil
}

// settle waits until a file's last change is older than what its time stamps can
// tell apart: a second change in the same tick would leave the same stamps.
func (r *Room) settle(ctx context.Context, id identity) error {
	grain := timeGrain
	if id.CTime == 0 { // FAT
		grain = 2 * time.Second
	}
	age := time.Duration(r.cfg.Clock.Now().UnixNano() - max(id.MTime, id.CTime))
	if age < 0 || age >= grain {
		return nil
	}
	return r.wait(ctx, grain-age)
}

// digest tells two contents apart whatever their times and modes are: a hash over
// names, sizes and chunks.
func digest(m chunk.Manifest) string {
	order := slices.Clone(m.Files)
	slices.SortFunc(order, func(a, b chunk.File) int {
		if a.Path < b.Path {
			return -1
		}
		if a.Path > b.Path {
			return 1
		}
		return 0
	})
	h := sha256.New()
	for _, f := range order {
		name := f.Path
		if m.Kind == cloudapi.KindFile {
			name = "" // the object's name, which may change
		}
		fmt.Fprintf(h, "%q %d\n", name, f.Size) // a hash never fails to write
		for _, c := range f.Chunks {
			h.Write(c.ID[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
