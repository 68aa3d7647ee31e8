package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// clean removes what stands at the temporary name and cannot be an earlier
// attempt's, and files of it that the version does not have.
func (l *landing) clean() error {
	st, err := l.parent.Lstat(l.temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return local("look at", l.temp, err)
	}
	if l.kind == cloudapi.KindFile && st.Mode().IsRegular() {
		return nil
	}
	if l.kind == cloudapi.KindFile || !st.IsDir() {
		return local("remove", l.temp, l.parent.RemoveAll(l.temp))
	}
	want := make(map[string]bool)
	for _, f := range l.files {
		for p := f.Path; p != "."; p = path.Dir(p) {
			want[p] = true
		}
	}
	in, err := l.parent.OpenRoot(l.temp)
	if err != nil {
		return local("open", l.temp, err)
	}
	defer in.Close()
	return fs.WalkDir(in.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err != nil {
			return local("read", rel, err)
		}
		if rel == "." || want[rel] && (d.IsDir() || d.Type().IsRegular()) {
			return nil
		}
		if err := in.RemoveAll(filepath.FromSlash(rel)); err != nil {
			return local("remove", rel, err)
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// spot is a place where a chunk belongs.
type spot struct {
	file int
	at   int64
	size int64 // of the chunk
}

// gaps is what has still to be written: which chunks, each named once, where each
// belongs, and how many bytes that makes.
type gaps struct {
	chunks []chunk.Ref
	spots  map[chunk.ID][]spot
	bytes  int64
}

// prepare makes folders and files and looks what is missing in them; known hears
// of the bytes that are not.
func (l *landing) prepare(ctx context.Context, known func(int64)) (gaps, error) {
	g := gaps{spots: make(map[chunk.ID][]spot)}
	buf := make([]byte, chunk.MaxSize)
	for i, f := range l.files {
		if f.Path != "" {
			dir := filepath.Dir(l.name(f))
			if err := l.parent.MkdirAll(dir, 0o700); err != nil {
				return gaps{}, local("make folder", dir, err)
			}
		}
		if err := l.prepareFile(ctx, i, buf, &g, known); err != nil {
			return gaps{}, err
		}
	}
	return g, nil
}

func (l *landing) prepareFile(ctx context.Context, file int, buf []byte, g *gaps, known func(int64)) error {
	f := l.files[file]
	name := l.name(f)
	out, err := l.parent.OpenFile(name, os.O_RDWR|os.O_CREATE|openFlags, 0o600)
	if err != nil {
		return local("make", name, err)
	}
	defer out.Close() // made, and only looked at
	st, err := out.Stat()
	if err != nil {
		return local("read", name, err)
	}
	if !st.Mode().IsRegular() {
		return notRegular(name, st.Mode(), "a regular file")
	}
	var at int64
	for _, r := range f.Chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if st.Size() >= at+r.Size && hasChunk(out, at, r, buf) {
			known(r.Size)
			at += r.Size
			continue
		}
		spots := g.spots[r.ID]
		if len(spots) == 0 {
			g.chunks = append(g.chunks, r)
		} else if spots[0].size != r.Size { // the bytes of one chunk would run over the next
			return refuse(api.ContentDamaged, "%s: chunk %s has two lengths", name, r.ID)
		}
		g.spots[r.ID] = append(spots, spot{file: file, at: at, size: r.Size})
		g.bytes += r.Size
		at += r.Size
	}
	return nil
}

// hasChunk says whether a chunk stands where it belongs. A read that fails is no
// error: the chunk is fetched.
func hasChunk(f *os.File, at int64, r chunk.Ref, buf []byte) bool {
	_, err := f.ReadAt(buf[:r.Size], at)
	return (err == nil || errors.Is(err, io.EOF)) && chunk.Sum(buf[:r.Size]) == r.ID
}
