package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// tree is what lies at a local path: what a save reads and an open writes. A single file is a tree of
// one file whose relative path is "".
type tree struct {
	at    *held
	kind  string   // cloudapi.KindFile, KindAssembly
	root  *os.Root // the assembly's folder; nil for a file
	files []fileState
	id    workerapi.FileID // of the assembly's folder
	skips []string         // lock files of applications, which are no content
}

// scan lists a tree. Links, devices, pipes and sockets are refused, not skipped:
// what the user sees in the folder is what a version holds, apart from lockFile.
// Empty folders, owners, modes beyond "executable" and extended attributes are
// not part of a version. Close the tree.
//
// own are the lock-named files that a version of the tree holds, which makes them
// its content; it may be nil.
func scan(ctx context.Context, at *held, kind string, own names) (*tree, error) {
	path := at.path
	st, err := at.lstat()
	if err != nil {
		return nil, local("look at", path, err)
	}
	t := &tree{at: at, kind: kind}
	if kind == cloudapi.KindFile {
		if !st.Mode().IsRegular() {
			return nil, notRegular(path, st.Mode(), "a regular file")
		}
		if st.Size() > chunk.MaxTotal { // before hours of reading: a hole costs its owner nothing
			return nil, refuse(api.TooLarge, "%s holds more than %d bytes", path, int64(chunk.MaxTotal))
		}
		t.files = []fileState{{ID: identify(st)}}
		return t, nil
	}
	if !st.IsDir() {
		return nil, notRegular(path, st.Mode(), "an assembly's folder")
	}
	if t.root, err = rootAt(at.dir, at.name); err != nil {
		if errors.Is(err, errLinked) {
			err = errChanged
		}
		return nil, local("open", path, err)
	}
	in, err := statIn(t.root, ".")
	if err != nil || fileID(st) != fileID(in) || at.tree != (workerapi.FileID{}) && at.tree != fileID(in) {
		t.close()
		return nil, errChanged
	}
	t.id = fileID(in)
	if err := t.walk(ctx, own); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// look is scan for a request's door: it waits for a folder that is being written
// to, and refuses an assembly without its main file. The tree is closed.
func (r *Room) look(ctx context.Context, at *held, kind string, own names) (*tree, error) {
	for n := 0; ; n++ {
		t, err := scan(ctx, at, kind, own)
		if errors.Is(err, errChanged) && n+1 < tries {
			if err := r.wait(ctx, timeGrain<<n); err != nil {
				return nil, err
			}
			continue
		}
		if errors.Is(err, errChanged) {
			return nil, refuse(api.FileChanging, "%s: %v", at.path, err)
		}
		if err != nil {
			return nil, err
		}
		t.close()
		return t, t.mainFile(at.name)
	}
}

// total is the number of bytes of all files.
func (t *tree) total() (n int64) {
	for _, f := range t.files {
		n += f.ID.Size
	}
	return n
}

func (t *tree) close() {
	if t.root != nil {
		_ = t.root.Close() // read only
	}
}

func (t *tree) walk(ctx context.Context, own names) error {
	var total int64
	err := fs.WalkDir(t.root.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return t.scanError(rel, err)
		}
		if rel == "." {
			return nil
		}
		if lockFile(d.Name()) && d.Type().IsRegular() && !own[rel] {
			if st, err := d.Info(); err == nil && st.Size() <= maxLockFile {
				t.skips = append(t.skips, rel)
				return nil
			}
		}
		if err := chunk.CheckName(d.Name()); err != nil {
			return refuse(api.NameInvalid, "%s in %s: %v", rel, t.at.path, err)
		}
		if strings.Count(rel, "/") >= chunk.MaxDepth || len(rel) > chunk.MaxPath {
			return refuse(api.NameInvalid, "%s in %s lies too deep", rel, t.at.path)
		}
		if d.IsDir() {
			return nil
		}
		st, err := statEntry(t.root, rel, d)
		if err != nil {
			return t.scanError(rel, err)
		}
		if !st.Mode().IsRegular() {
			return notRegular(filepath.Join(t.at.path, filepath.FromSlash(rel)), st.Mode(), "a regular file")
		}
		if len(t.files) >= chunk.MaxFiles {
			return refuse(api.TooLarge, "%s holds more than %d files", t.at.path, chunk.MaxFiles)
		}
		if total += st.Size(); total > chunk.MaxTotal {
			return refuse(api.TooLarge, "%s holds more than %d bytes", t.at.path, int64(chunk.MaxTotal))
		}
		t.files = append(t.files, fileState{Path: rel, ID: identify(st)})
		return nil
	})
	slices.SortFunc(t.files, func(a, b fileState) int { return strings.Compare(a.Path, b.Path) })
	return err
}

// scanError tells a file that vanished while the folder was listed (look again)
// from one that cannot be read.
func (t *tree) scanError(rel string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errChanged
	}
	return local("read", filepath.Join(t.at.path, filepath.FromSlash(rel)), err)
}

// open opens a file of the tree for reading, without following a link.
func (t *tree) open(rel string) (*os.File, error) {
	if t.root == nil {
		return t.at.open()
	}
	return t.root.OpenFile(filepath.FromSlash(rel), openFlags, 0)
}

func (t *tree) lstat(rel string) (os.FileInfo, error) {
	if t.root == nil {
		return t.at.lstat()
	}
	return statIn(t.root, rel)
}

// mainFile checks that a file of the folder bears the folder's name, base.
func (t *tree) mainFile(base string) error {
	if t.kind == cloudapi.KindFile {
		return nil
	}
	for _, f := range t.files {
		if !strings.Contains(f.Path, "/") && stem(f.Path) == base {
			return nil
		}
	}
	return refuse(api.AssemblyMainMissing, "no file in %s is called %s with an extension", t.at.path, base)
}

// stem is a file's name without its extension.
func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// rename gives an assembly's main files the name to of their folder: the object
// in the cloud may bear another name than the folder here, after a save-as or
// because this system cannot store it, and main files follow their folder.
func rename(rel, from, to string) string {
	if from == to || strings.Contains(rel, "/") || stem(rel) != from {
		return rel
	}
	return to + path.Ext(rel)
}

// names are paths in a tree, relative, with slashes.
type names map[string]bool

// lockNamed are those of files that scan would leave out.
func lockNamed(files []fileState) names {
	own := make(names)
	for _, f := range files {
		if lockFile(path.Base(f.Path)) {
			own[f.Path] = true
		}
	}
	return own
}

// maxLockFile keeps a large file that only looks like a lock file in the version.
const maxLockFile = 64 << 10

// lockFile knows the files by which applications and file systems mark that a
// document is open. They come and go while it is open and are no part of a
// version; a save's answer names those that it left out.
func lockFile(name string) bool {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "~$"): // Office
	case strings.HasPrefix(lower, ".~lock.") && strings.HasSuffix(lower, "#"): // LibreOffice
	case strings.HasSuffix(lower, ".dwl"), strings.HasSuffix(lower, ".dwl2"): // AutoCAD
	case strings.HasSuffix(lower, ".lck"): // Inventor, NX and others
	case strings.HasPrefix(lower, ".nfs0"): // a deleted file that is still open, on NFS
	default:
		return false
	}
	return true
}
