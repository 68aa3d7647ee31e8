package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Fetch brings a version into the workspace.
//
// What happens to a local copy: untouched since it was the base, it is replaced
// (or kept, when it is the version asked for); with unsaved work on the same
// version, it stays (KeptLocal); with unsaved work on another version, it is put
// beside as a conflict copy. Whatever ends Fetch, at the path stands either what
// was there or the whole version.
//
// Refusals: api.DiskFull, PathDenied, PathInUse, ContentDamaged, Cancelled and the
// cloud's own.
func (r *Room) Fetch(ctx context.Context, f workerapi.Fetch) (workerapi.Fetched, error) {
	if f.Object == "" || f.Space == "" || f.Version.Number < 1 || len(f.Path) > chunk.MaxDepth {
		return workerapi.Fetched{}, refuse(api.InvalidArgument, "an open without object, space or version")
	}
	if f.Kind != cloudapi.KindFile && f.Kind != cloudapi.KindAssembly {
		return workerapi.Fetched{}, refuse(api.InvalidArgument, "cannot open a %.32q", f.Kind)
	}
	ws, err := r.workspace()
	if err != nil {
		return workerapi.Fetched{}, err
	}
	defer ws.Close()
	r.swept.Do(func() { r.sweepParts(ctx, ws) })
	rel, known, err := r.where(ws, f)
	if err != nil {
		return workerapi.Fetched{}, err
	}
	done, err := r.fetchAt(ctx, ws, rel, f)
	if errors.Is(err, errTooLong) && !known && rel != shortPlace(f) {
		return r.fetchAt(ctx, ws, shortPlace(f), f)
	}
	return done, err
}

// fetchAt is Fetch to a path below the workspace.
func (r *Room) fetchAt(ctx context.Context, ws *workplace, rel string, f workerapi.Fetch) (workerapi.Fetched, error) {
	if err := ws.MkdirAll(filepath.Dir(rel), 0o700); err != nil {
		return workerapi.Fetched{}, local("make folder", filepath.Join(ws.shown, filepath.Dir(rel)), err)
	}
	parent, err := ws.OpenRoot(filepath.Dir(rel))
	if err != nil {
		return workerapi.Fetched{}, local("open", filepath.Join(ws.shown, filepath.Dir(rel)), err)
	}
	defer parent.Close()
	at, err := find(filepath.Join(ws.path, rel))
	if err != nil {
		return workerapi.Fetched{}, err
	}
	defer at.close()
	if err := sameFolder(parent, at); err != nil {
		return workerapi.Fetched{}, err
	}
	release, err := r.claim(at.path)
	if err != nil {
		return workerapi.Fetched{}, err
	}
	defer release()
	done, err := r.fetchTo(ctx, parent, at, filepath.Join(ws.shown, rel), f)
	done.MainFile = filepath.Join(ws.shown, rel)
	return done, err
}

// sameFolder refuses when the folder that is written to, which the workspace
// keeps in, is not the one whose files are compared.
func sameFolder(parent *os.Root, at *held) error {
	in, err := statIn(parent, ".")
	if err != nil {
		return local("look at the folder of", at.path, err)
	}
	now, err := at.spot()
	if err == nil && now.Folder != fileID(in) {
		err = refuse(api.FileChanging, "the folder of %s is being moved", at.path)
	}
	return err
}

// fetchTo is Fetch with the path claimed, which the user knows as shown.
func (r *Room) fetchTo(ctx context.Context, parent *os.Root, at *held, shown string, f workerapi.Fetch) (workerapi.Fetched, error) {
	var done workerapi.Fetched
	path := at.path
	old, conflict, err := r.before(ctx, path, f.Operation)
	if err != nil {
		return done, err
	}
	e := fetchedEntry(path, f)
	if conflict != "" {
		done.ConflictCopy = conflict
		e.Copy, e.CopyOp = conflict, e.Op
	}
	sameBase := old.known && old.entry.Object == f.Object && old.entry.Manifest == f.Version.Manifest
	if sameBase && r.untouched(ctx, at, old.entry) {
		e.Content, e.Files = old.entry.Content, old.entry.Files
		return done, r.note(e)
	}
	c := r.client(f.Operation, f.Space, f.Token)
	m, err := c.Manifest(ctx, f.Version.Manifest)
	if err != nil {
		return done, err
	}
	if m.Kind != f.Kind {
		return done, refuse(api.ContentDamaged, "version %d of %s is a %s, not a %s", f.Version.Number, f.Object, m.Kind, f.Kind)
	}
	if err := r.fits(shown, at.name, f, m); err != nil {
		return done, err
	}
	e.Content = digest(m)
	look := old.entry
	if !old.known {
		look = entry{Path: path, Kind: f.Kind, Name: f.Name}
	}
	next := coming{content: e.Content, own: lockNamedIn(m, f.Name, at.name)}
	if old.state, err = r.compare(ctx, at, look, old.known, at.name, next); err != nil {
		return done, err
	}
	switch {
	case old.state == same, old.state == clean && sameBase:
		return done, r.adopt(ctx, at, next.own, e)
	case old.state == unsaved && sameBase:
		e.Files = old.entry.Files
		done.KeptLocal = true
		return done, r.note(e)
	}
	conflict, err = r.bring(ctx, c, parent, at, m, e, old)
	if conflict != "" {
		done.ConflictCopy = conflict
	}
	return done, err
}

// before is what stands at the path as the ledger has it, with a switch that was
// cut repaired. conflict is the copy that such a switch has put beside, when op is
// to be told of it.
func (r *Room) before(ctx context.Context, path string, op api.Operation) (old localTree, conflict string, err error) {
	if old.entry, old.known, err = r.lookup(path); err != nil {
		return old, "", err
	}
	told := old.entry.Copy
	if old.entry, err = r.repair(ctx, old.entry); err != nil {
		return old, "", err
	}
	if c := old.entry.Copy; c != told || old.entry.CopyOp == int64(op) {
		conflict = c // found only now, or told to this operation before a kill took the answer
	}
	// What the ledger only notes because of a switch over an unknown file is no base.
	old.known = old.known && old.entry.Manifest != ""
	return old, conflict, nil
}

// fetchedEntry is what the ledger will hold of a fetched version, but for its
// content.
func fetchedEntry(path string, f workerapi.Fetch) entry {
	e := entry{
		Path: path, Object: f.Object, Space: f.Space, SpaceName: f.SpaceName, Kind: f.Kind, Name: f.Name,
		Account: f.Account, Version: f.Version.Number, Manifest: f.Version.Manifest, Op: int64(f.Operation),
	}
	if f.Checkout != nil {
		e.Fence, e.Until = f.Checkout.Fence, f.Checkout.Until
	}
	return e
}

// bring fetches the version m of e beside the path, switches it in, and notes it.
// conflictCopy is where unsaved work was put, if there was any.
func (r *Room) bring(ctx context.Context, c *transfer.Client, parent *os.Root, at *held, m chunk.Manifest, e entry, old localTree) (conflictCopy string, err error) {
	dir, base := filepath.Split(e.Path)
	temp := tempName(e.Object, e.Manifest, e.Path)
	l := newLanding(filepath.Clean(dir), parent, temp, base, e.Name, m)
	if e.Files, err = l.run(ctx, c.Chunks, r.progress(api.Operation(e.Op), m.Size()).add); err != nil {
		if !cloudhttp.AwayOrBusy(err) && !resumable(ctx) {
			err = errors.Join(err, parent.RemoveAll(temp)) // nothing half-done stays, nor fills the disk
		}
		return "", err
	}
	conflict, err := r.switchIn(ctx, parent, at, temp, e, old)
	if err != nil {
		return "", err
	}
	if conflict != "" {
		conflictCopy = filepath.Join(dir, conflict)
		e.Copy, e.CopyOp = conflictCopy, e.Op
	}
	return conflictCopy, r.landed(at, e)
}

// resumable says that a part is worth keeping: the operation was not cancelled,
// but the worker is about to end, or ended, under it.
func resumable(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.Canceled)
}

// landed notes the version that was just switched in. A single file's change time
// is the rename's; if anything else differs, someone wrote to it already, and the
// state from before the switch stays its base.
func (r *Room) landed(at *held, e entry) error {
	if e.Kind == cloudapi.KindFile && len(e.Files) == 1 {
		if st, err := at.lstat(); err == nil {
			now, was := identify(st), e.Files[0].ID
			was.CTime = now.CTime
			if now == was {
				e.Files[0].ID = now
			}
		}
	}
	return r.note(e)
}

// adopt notes that the local files hold e's content already.
func (r *Room) adopt(ctx context.Context, at *held, own names, e entry) error {
	got, err := r.snapshot(ctx, target{at: at, base: at.name, kind: e.Kind, name: e.Name, own: own}, nil)
	if err != nil {
		return err
	}
	e.Files = got.files
	return r.note(e)
}

func (r *Room) note(e entry) error {
	return r.withLedger(func(l *ledger) error { return l.put(e) })
}
