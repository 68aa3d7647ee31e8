package files

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

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

// lockNamedIn are the files of m that scan would leave out, as they are called here.
func lockNamedIn(m chunk.Manifest, object, base string) names {
	own := make(names)
	for _, f := range m.Files {
		if here := rename(f.Path, object, base); m.Kind == cloudapi.KindAssembly && lockFile(path.Base(here)) {
			own[here] = true
		}
	}
	return own
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
	g, err := l.prepare(ctx, known)
	if err != nil {
		return nil, err
	}
	if err := l.space(g.bytes); err != nil {
		return nil, err
	}
	for _, f := range l.files {
		if err := l.resize(f); err != nil {
			return nil, err
		}
	}
	err = from(ctx, g.chunks, func(r chunk.Ref, plain []byte) error {
		for _, s := range g.spots[r.ID] {
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
	return l.complete(ctx)
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
