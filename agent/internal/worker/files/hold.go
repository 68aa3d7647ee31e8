package files

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// held is a local path whose folder is held open. A path is resolved once, with
// its user's own links; from then on everything goes by the folder's descriptor.
// Otherwise someone who owns a folder above it could put a link in its place
// between two looks, and so let this user's worker read, and send, a file that
// the path was never said to be.
type held struct {
	path string   // canonical, for the ledger and for messages
	name string   // in dir
	dir  *os.File // the folder that path lies in; nil once closed

	tree workerapi.FileID // the folder that path must be, as it was inspected; zero: any
}

// errLinked is a link in a path that had none when it was resolved.
var errLinked = errors.New("a link stands where a folder was")

// find resolves a path that an application named, and holds it.
func find(path string) (*held, error) {
	path, err := checkPath(path)
	if err != nil {
		return nil, err
	}
	if path, err = canonical(path); err != nil {
		return nil, err
	}
	return hold(path)
}

// hold opens the folder of a canonical path. A link in it by now is
// api.FileChanging, never followed.
func hold(path string) (*held, error) {
	return holdBy(path, openFolder)
}

// holdMade is hold for a path whose folder may be gone: it is made again.
func holdMade(path string) (*held, error) {
	return holdBy(path, makeFolder)
}

func holdBy(path string, open func(dir string) (*os.File, error)) (*held, error) {
	dir, err := open(filepath.Dir(path))
	if errors.Is(err, errLinked) {
		return nil, refuse(api.FileChanging, "%s: %v", path, err)
	}
	if err != nil {
		return nil, local("open the folder of", path, err)
	}
	return &held{path: path, name: filepath.Base(path), dir: dir}, nil
}

// holdAgain holds what an earlier request inspected, or answers api.FileChanging.
// A single file itself may be another one by now: applications write by rename.
func holdAgain(s workerapi.Spot) (*held, error) {
	path, err := checkPath(s.Path)
	if err != nil {
		return nil, err
	}
	h, err := hold(path)
	if err != nil {
		if api.CodeOf(err) == api.PathNotFound || api.CodeOf(err) == api.PathNotRegular {
			err = refuse(api.FileChanging, "the folder of %s is gone since the save began", path)
		}
		return nil, err
	}
	h.tree = s.Tree
	now, err := h.spot()
	if err == nil && now.Folder != s.Folder {
		err = refuse(api.FileChanging, "the folder of %s is another one since the save began", path)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// spot says where the path led, for holdAgain.
func (h *held) spot() (workerapi.Spot, error) {
	st, err := statOpen(h.dir)
	if err != nil {
		return workerapi.Spot{}, local("look at the folder of", h.path, err)
	}
	return workerapi.Spot{Path: h.path, Folder: fileID(st), Tree: h.tree}, nil
}

// beside is another name in the folder of h, held as long as h is.
func (h *held) beside(name string) *held {
	return &held{path: filepath.Join(filepath.Dir(h.path), name), name: name, dir: h.dir}
}

func (h *held) lstat() (os.FileInfo, error) { return statAt(h.dir, h.name) }

// open opens the path, a single file, for reading.
func (h *held) open() (*os.File, error) { return openAt(h.dir, h.name) }

// folder is the folder that the path lies in; the caller closes it.
func (h *held) folder() (*os.Root, error) {
	root, err := rootAt(h.dir, ".")
	return root, local("open the folder of", h.path, err)
}

func (h *held) close() {
	if h.dir != nil {
		_ = h.dir.Close() // never written to
		h.dir = nil
	}
}

func fileID(st os.FileInfo) workerapi.FileID {
	id := identify(st)
	return workerapi.FileID{Dev: id.Dev, Ino: id.Ino}
}
