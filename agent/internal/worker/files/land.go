package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// landing is a version on its way into a folder: below one temporary name, in
// full and durable before anything is switched. Everything goes through parent,
// so nothing that a manifest names can leave the folder.
type landing struct {
	dir    string // of parent, for messages
	parent *os.Root
	temp   string // file or folder in parent
	kind   string
	files  []chunk.File // paths as they are called here

	renamed bool // some are called otherwise in the manifest
}

// spot is a place where a chunk belongs.
type spot struct {
	file int
	at   int64
}

// spareBytes are left free when a version lands: a disk filled to its last block
// would take the application down with it.
const spareBytes = 16 << 20

// newLanding names the files of m for here.
func newLanding(dir string, parent *os.Root, temp, base, object string, m chunk.Manifest) *landing {
	l := &landing{dir: dir, parent: parent, temp: temp, kind: m.Kind}
	for _, f := range m.Files {
		if m.Kind == cloudapi.KindFile {
			f.Path = ""
		} else {
			here := rename(f.Path, object, base)
			l.renamed = l.renamed || here != f.Path
			f.Path = here
		}
		l.files = append(l.files, f)
	}
	return l
}

func (l *landing) name(f chunk.File) string {
	return filepath.Join(l.temp, filepath.FromSlash(f.Path))
}

// source hands over the chunks of refs, each named once and verified, in no
// certain order and from several goroutines; transfer.Client.Chunks is one.
type source func(ctx context.Context, refs []chunk.Ref, each func(r chunk.Ref, plain []byte) error) error

// run fetches what is not there yet and makes all of it durable. A part that an
// earlier attempt left is taken up where every chunk of it proves right.
func (l *landing) run(ctx context.Context, from source, known func(int64)) ([]fileState, error) {
	if err := l.distinct(); err != nil {
		return nil, err
	}
	if err := l.clean(); err != nil {
		return nil, err
	}
	missing, spots, need, err := l.prepare(ctx, known)
	if err != nil {
		return nil, err
	}
	if err := l.space(need); err != nil {
		return nil, err
	}
	for _, f := range l.files {
		if err := l.resize(f); err != nil {
			return nil, err
		}
	}
	err = from(ctx, missing, func(r chunk.Ref, plain []byte) error {
		for _, s := range spots[r.ID] {
			if err := l.write(l.files[s.file], s.at, plain); err != nil {
				return err
			}
			known(r.Size)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.settle(ctx)
}

// distinct refuses a version of which two files would become one here: a main
// file takes the name of its folder, which another file may bear already.
func (l *landing) distinct() error {
	if !l.renamed {
		return nil
	}
	if _, _, err := (chunk.Manifest{Kind: l.kind, Files: l.files}).Encode(); err != nil {
		return refuse(api.NameInvalid, "the version cannot lie in this folder of %s, whose name its main file would take; move the folder away and open it again: %v", l.dir, err)
	}
	return nil
}

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

// prepare makes folders and files, and tells which chunks are missing, where
// each belongs, and how many bytes will be written.
func (l *landing) prepare(ctx context.Context, known func(int64)) (missing []chunk.Ref, spots map[chunk.ID][]spot, need int64, err error) {
	spots = make(map[chunk.ID][]spot)
	sizes := make(map[chunk.ID]int64)
	buf := make([]byte, chunk.MaxSize)
	for i, f := range l.files {
		name := l.name(f)
		if f.Path != "" {
			if err := l.parent.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				return nil, nil, 0, local("make folder", filepath.Dir(name), err)
			}
		}
		out, err := l.parent.OpenFile(name, os.O_RDWR|os.O_CREATE|openFlags, 0o600)
		if err != nil {
			return nil, nil, 0, local("make", name, err)
		}
		st, err := out.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = notRegular(name, st.Mode(), "a regular file")
		}
		var at int64
		for _, r := range f.Chunks {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				break
			}
			if st.Size() >= at+r.Size {
				if _, rerr := out.ReadAt(buf[:r.Size], at); (rerr == nil || errors.Is(rerr, io.EOF)) && chunk.Sum(buf[:r.Size]) == r.ID {
					known(r.Size)
					at += r.Size
					continue
				}
			}
			if spots[r.ID] == nil {
				missing = append(missing, r)
				sizes[r.ID] = r.Size
			}
			if sizes[r.ID] != r.Size { // the bytes of one chunk would run over the next
				_ = out.Close() // only looked at
				return nil, nil, 0, refuse(api.ContentDamaged, "%s: chunk %s has two lengths", name, r.ID)
			}
			spots[r.ID] = append(spots[r.ID], spot{file: i, at: at})
			at += r.Size
			need += r.Size
		}
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, nil, 0, local("read", name, err)
		}
	}
	return missing, spots, need, nil
}

// space refuses before the first byte what would not fit.
func (l *landing) space(need int64) error {
	dir, err := l.parent.Open(".")
	if err != nil {
		return local("open", l.dir, err)
	}
	defer dir.Close()
	free, err := freeBytes(dir)
	if err != nil {
		return local("look at", l.dir, err)
	}
	if need > 0 && need > free-spareBytes {
		return refuse(api.DiskFull, "%s: %d bytes are needed and %d are free, of which %d stay so", l.dir, need, free, int64(spareBytes))
	}
	return nil
}

// resize gives a file its length, so that chunks may come in any order.
func (l *landing) resize(f chunk.File) error {
	out, err := l.parent.OpenFile(l.name(f), os.O_RDWR|openFlags, 0)
	if err != nil {
		return local("open", l.name(f), err)
	}
	err = out.Truncate(f.Size)
	return local("write", l.name(f), errors.Join(err, out.Close()))
}

func (l *landing) write(f chunk.File, at int64, plain []byte) error {
	out, err := l.parent.OpenFile(l.name(f), os.O_RDWR|openFlags, 0)
	if err != nil {
		return local("open", l.name(f), err)
	}
	_, err = out.WriteAt(plain, at)
	return local("write", l.name(f), errors.Join(err, out.Close()))
}

// settle gives every file its mode and time, makes all of it durable and returns
// how the files look.
func (l *landing) settle(ctx context.Context) ([]fileState, error) {
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
			id, err := l.finish(f)
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

func (l *landing) finish(f chunk.File) (identity, error) {
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
		err = l.parent.Chtimes(name, time.Time{}, f.ModTime)
	}
	if err == nil {
		err = out.Sync()
	}
	var st os.FileInfo
	if err == nil {
		st, err = out.Stat()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return identity{}, local("finish", name, err)
	}
	return identify(st), nil
}

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return local("open", name, err)
	}
	return local("sync", name, errors.Join(d.Sync(), d.Close()))
}

// beside makes a free name next to name for work that is put aside. An assembly
// keeps its own name inside a folder made for it: its main file must bear it.
func beside(parent *os.Root, name, kind string, at time.Time) (string, error) {
	mark := " (conflict " + at.Format("2006-01-02 15-04-05") + ")"
	base, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	if kind == cloudapi.KindAssembly || base == "" {
		base, ext = name, ""
	}
	if over := len(base) + len(mark) + len(ext) + 4 - chunk.MaxName; over > 0 {
		base = strings.ToValidUTF8(base[:max(0, len(base)-over)], "")
	}
	for n := 1; n < 100; n++ {
		free := base + mark + ext
		if n > 1 {
			free = base + mark + " " + strconv.Itoa(n) + ext
		}
		if _, err := parent.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			if kind == cloudapi.KindAssembly {
				return filepath.Join(free, name), nil
			}
			return free, nil
		} else if err != nil {
			return "", local("look at", free, err)
		}
	}
	return "", refuse(api.NameExists, "%s: a hundred conflict copies of one second", name)
}
