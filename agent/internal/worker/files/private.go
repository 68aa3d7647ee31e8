package files

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// private is the folder of the ledger, the outbox and licence files, made when
// it is missing. Only the user may enter it.
func (r *Room) private() (string, error) {
	dir := privateDir(r.cfg.Home)
	if err := atomicfile.MkdirPrivate(dir); err != nil {
		return "", local("make folder", dir, err)
	}
	return dir, local("close folder", dir, closeDir(dir))
}

var errHeld = errors.New("held by another operation")

// ledgerLock is the byte of the lock file that guards the ledger; the others are
// spread over paths by their hash.
const ledgerLock = 0

func pathLock(path string) int64 {
	sum := sha256.Sum256([]byte(pathKey(path)))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 2) // positive, room for the ledger's byte below
}

// lock takes one byte of the lock file. Locks are the kernel's, by open file: they
// hold between goroutines, between workers of one user, and end with a kill.
func (r *Room) lock(dir string, at int64, wait bool) (unlock func(), err error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, local("open", path, err)
	}
	if err := lockRange(f, at, wait); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, errHeld) {
			return nil, err
		}
		return nil, local("lock", path, err)
	}
	return func() { _ = f.Close() }, nil
}

// claim keeps every other operation off a path until release. api.PathInUse.
func (r *Room) claim(path string) (release func(), err error) {
	dir, err := r.private()
	if err != nil {
		return nil, err
	}
	release, err = r.lock(dir, 1+pathLock(path), false)
	if errors.Is(err, errHeld) {
		return nil, refuse(api.PathInUse, "another operation works on %s", path)
	}
	return release, err
}

// Bounds of WriteFile.
const (
	maxPrivateFile  = cloudapi.MaxLicenseFile
	maxPrivateDepth = 4
)

// WriteFile writes a small file that only this user can read, such as a licence,
// into the private folder and returns its absolute path. It replaces an older one
// in one step.
func (r *Room) WriteFile(ctx context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error) {
	if len(w.Data) > maxPrivateFile {
		return workerapi.WrittenFile{}, refuse(api.TooLarge, "a private file of %d bytes, at most %d", len(w.Data), maxPrivateFile)
	}
	parts := append(strings.Split(w.Dir, "/"), w.Name)
	if len(parts) > maxPrivateDepth {
		return workerapi.WrittenFile{}, refuse(api.NameInvalid, "private folder %q is too deep", w.Dir)
	}
	for _, p := range parts {
		if err := chunk.CheckName(p); err != nil {
			return workerapi.WrittenFile{}, refuse(api.NameInvalid, "private file %q in %q: %v", w.Name, w.Dir, err)
		}
	}
	if parts[0] != "licenses" || len(parts) < 2 {
		return workerapi.WrittenFile{}, refuse(api.InvalidArgument, "private folder %q is not for such files", w.Dir)
	}
	dir, err := r.private()
	if err != nil {
		return workerapi.WrittenFile{}, err
	}
	path := filepath.Join(append([]string{dir}, parts...)...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return workerapi.WrittenFile{}, local("make folder", filepath.Dir(path), err)
	}
	if err := ctx.Err(); err != nil {
		return workerapi.WrittenFile{}, err
	}
	if err := atomicfile.WriteFile(path, w.Data, 0o600); err != nil {
		return workerapi.WrittenFile{}, local("write", path, err)
	}
	return workerapi.WrittenFile{Path: path}, nil
}
