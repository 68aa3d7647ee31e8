package files

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// stalePart is after how long the part of an open that was never repeated goes.
const stalePart = 24 * time.Hour

// partName is what tempName makes, and nothing else.
var partName = regexp.MustCompile(`^\.iscdesk-[0-9a-f]{16}\.part$`)

// sweepParts removes the parts in the workspace that nothing has touched for a
// day. It runs before the worker's first open, so none of this worker's is among
// them. A part that the ledger names as one side of a switch may hold the user's
// work; so may any, once a damaged ledger was set aside. What cannot be removed
// now is tried again by the next worker.
func (r *Room) sweepParts(ctx context.Context, ws *workplace) {
	dir, err := r.private()
	if err != nil {
		return
	}
	if aside, err := filepath.Glob(filepath.Join(dir, "ledger.log.damaged-*")); err != nil || len(aside) > 0 {
		return
	}
	named, trees := make(map[string]bool), make(map[string]bool)
	err = r.withLedger(func(l *ledger) error {
		for _, e := range l.byPath {
			if e.Aside != nil {
				named[pathKey(filepath.Join(filepath.Dir(e.Path), e.Aside.Temp))] = true
			}
			trees[pathKey(e.Path)] = e.Kind == cloudapi.KindAssembly
		}
		return nil
	})
	if err != nil {
		return
	}
	var stale []string
	_ = fs.WalkDir(ws.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil // a folder that cannot be read holds no part of ours that could be removed
		}
		path := pathKey(filepath.Join(ws.path, filepath.FromSlash(rel)))
		switch {
		case partName.MatchString(d.Name()):
			if !named[path] && r.untouchedFor(ws.Root, rel, stalePart) {
				stale = append(stale, rel)
			}
		case !d.IsDir() || !trees[path]:
			return nil
		}
		if d.IsDir() {
			return fs.SkipDir // parts lie beside objects, never in them
		}
		return nil
	})
	for _, rel := range stale {
		_ = ws.RemoveAll(filepath.FromSlash(rel))
	}
}

// untouchedFor says that no file or folder of a tree changed for so long. Only the
// change time tells: a part's files have the version's own modification times.
func (r *Room) untouchedFor(ws *os.Root, rel string, age time.Duration) bool {
	old := true
	err := fs.WalkDir(ws.FS(), rel, func(rel string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := statEntry(ws, rel, d)
		if err != nil {
			return err
		}
		id := identify(st)
		if r.cfg.Clock.Now().Sub(time.Unix(0, max(id.CTime, id.MTime))) < age {
			old = false
			return fs.SkipAll
		}
		return nil
	})
	return old && err == nil
}
