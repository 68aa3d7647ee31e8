package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempMark stands in the names of files that are being written: ".NAME.tmp-<hex>".
const tempMark = ".tmp-"

// WriteFile replaces path by data, whole or not at all, with mode perm from the
// first moment; on Windows a mode that lets others in is the folder's access list,
// and one that does not is a list of the owner and the system. When it returns nil the new content survives a power loss; when
// it fails the old content is untouched, or, if only the folder's sync failed,
// the new one stands but may not be durable. A link at path is replaced, never
// followed. Safe from any goroutine; of two writers of one path the later wins.
func WriteFile(path string, data []byte, perm os.FileMode) error {
	return Disk{}.WriteFile(path, data, perm)
}

// WriteFile is the package's WriteFile on this disk.
func (d Disk) WriteFile(path string, data []byte, perm os.FileMode) error {
	f, err := d.temp(path, perm)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = d.write(f, data)
	if err == nil {
		err = d.sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first failure is what matters; Clean finds what stays
		return fmt.Errorf("write %s: %w", path, err)
	}
	return d.syncDir(filepath.Dir(path))
}

// temp creates a file beside path that no one else writes.
func (d Disk) temp(path string, perm os.FileMode) (*os.File, error) {
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	return d.create(filepath.Join(dir, "."+name+tempMark+hex.EncodeToString(salt[:])), perm)
}

// Clean removes what killed writers left in dir: files named as only this
// package names its unfinished ones. Call it at start, before any writer.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clean folder: %w", err)
	}
	var failed error
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), ".") && strings.Contains(e.Name(), tempMark) {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return failed
}

// ErrTooLarge is a file over the reader's bound.
var ErrTooLarge = errors.New("file too large")

// ErrNotRegular is a link, folder, pipe or device where a file is expected.
var ErrNotRegular = errors.New("not a regular file")

// ReadFile reads a regular file of at most max bytes without following a link
// at the last path element. A missing file is os.ErrNotExist.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("read %s, limit %d bytes: %w", path, max, ErrTooLarge)
	}
	return b, nil
}

// openRegular opens path and makes sure that what was opened is a plain file.
func openRegular(path string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := openFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", path, ErrNotRegular)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// SetAside renames path to the first free path.damaged-N and returns that name:
// bytes that cannot be read are kept for support, never deleted.
func (d Disk) SetAside(path string) (string, error) {
	for n := 1; n < 10000; n++ {
		aside := fmt.Sprintf("%s.damaged-%d", path, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set aside %s: %w", path, err)
		}
		if err := d.rename(path, aside); err != nil {
			return "", fmt.Errorf("set aside %s: %w", path, err)
		}
		return aside, d.syncDir(filepath.Dir(path))
	}
	return "", fmt.Errorf("set aside %s: too many damaged copies lie beside it", path)
}
