package files

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// workspace is the folder below the user's home that holds opened files.
const workspace = "ISCDesk"

// place is where an object belongs: the workspace, then one element for the space
// and for each folder and the name. Elements are relative, safe and never empty.
func place(spaceName string, folders []string, name string) string {
	parts := []string{safeName(spaceName)}
	for _, f := range folders {
		parts = append(parts, safeName(f))
	}
	return filepath.Join(append(parts, safeName(name))...)
}

// safeName maps a name of the cloud to one that this system, and Windows, can
// store. Names that are fine stay as they are; others lose what is not storable
// and gain a mark made from the original, so that two never become one.
func safeName(name string) string {
	if chunk.CheckName(name) == nil {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	mark := "~" + hex.EncodeToString(sum[:4])
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(name, "_") {
		if chunk.CheckName("a"+string(c)+"a") != nil {
			c = '_'
		}
		b.WriteRune(c)
		if b.Len() > chunk.MaxName-len(mark)-utf8.UTFMax {
			break
		}
	}
	base := strings.Trim(b.String(), ". ")
	ext := filepath.Ext(base)
	if len(ext) > 16 {
		ext = ""
	}
	// The mark stands before the extension, so that applications know the kind.
	safe := strings.TrimSuffix(base, ext) + mark + ext
	if chunk.CheckName(safe) != nil {
		safe = "_" + mark // a device's name, or nothing left
	}
	return safe
}

// hidden begins the names of our own temporary files beside a destination. No name
// of the cloud begins so: chunk.CheckName refuses it.
const hidden = chunk.Hidden

// tempName names what is under way towards a version of an object: the same
// again after a kill, so that the work goes on.
func tempName(object, manifest, path string) string {
	sum := sha256.Sum256([]byte(object + "\x00" + manifest + "\x00" + path))
	return hidden + hex.EncodeToString(sum[:8]) + ".part"
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

// workplace is the open workspace. Close it.
type workplace struct {
	*os.Root
	shown string // as the user knows it
	path  string // canonical
}

// workspace opens ~/ISCDesk. It may be a link of the user's own; nothing below
// it leads out of it.
func (r *Room) workspace() (*workplace, error) {
	shown := filepath.Join(r.cfg.Home, workspace)
	if err := os.MkdirAll(shown, 0o700); err != nil {
		return nil, local("make folder", shown, err)
	}
	path, err := resolved(shown)
	if err != nil {
		return nil, local("find", shown, err)
	}
	dir, err := openFolder(path)
	if errors.Is(err, errLinked) {
		return nil, refuse(api.FileChanging, "%s: %v", path, err)
	}
	if err != nil {
		return nil, local("open", path, err)
	}
	defer dir.Close()
	root, err := rootAt(dir, ".")
	if err != nil {
		return nil, local("open", path, err)
	}
	return &workplace{Root: root, shown: shown, path: path}, nil
}

// where says which path below the workspace an object gets: the one that it has
// already (known), even when it was renamed in the cloud since, or its place. Two
// spaces of one name get different folders.
func (r *Room) where(ws *workplace, f workerapi.Fetch) (rel string, known bool, err error) {
	rel = place(f.SpaceName, f.Path, f.Name)
	err = r.withLedger(func(l *ledger) error {
		for _, e := range l.of(f.Object) {
			in, err := filepath.Rel(ws.path, e.Path)
			if err != nil || !filepath.IsLocal(in) || strings.HasPrefix(filepath.Base(in), hidden) {
				continue
			}
			if _, err := ws.Lstat(in); err == nil {
				rel, known = in, true
				return nil
			}
		}
		if e, ok := l.byPath[pathKey(filepath.Join(ws.path, rel))]; ok && e.Space != f.Space {
			sum := sha256.Sum256([]byte(f.Space))
			rel = place(safeName(f.SpaceName)+" ~"+hex.EncodeToString(sum[:4]), f.Path, f.Name)
		}
		return nil
	})
	return rel, known, err
}
