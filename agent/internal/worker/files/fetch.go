package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
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
	rel, err := r.where(ws, f)
	if err != nil {
		return workerapi.Fetched{}, err
	}
	if err := ws.MkdirAll(filepath.Dir(rel), 0o700); err != nil {
		return workerapi.Fetched{}, local("make folder", filepath.Join(ws.Name(), filepath.Dir(rel)), err)
	}
	parent, err := ws.OpenRoot(filepath.Dir(rel))
	if err != nil {
		return workerapi.Fetched{}, local("open", filepath.Join(ws.Name(), filepath.Dir(rel)), err)
	}
	defer parent.Close()
	shown := filepath.Join(ws.Name(), rel)
	path, err := canonical(shown)
	if err != nil {
		return workerapi.Fetched{}, err
	}
	release, err := r.claim(path)
	if err != nil {
		return workerapi.Fetched{}, err
	}
	defer release()
	done, err := r.fetchTo(ctx, parent, path, f)
	done.MainFile = shown
	return done, err
}

// fetchTo is Fetch with the path claimed.
func (r *Room) fetchTo(ctx context.Context, parent *os.Root, path string, f workerapi.Fetch) (workerapi.Fetched, error) {
	var done workerapi.Fetched
	old := localTree{}
	var err error
	if old.entry, old.known, err = r.lookup(path); err != nil {
		return done, err
	}
	told := old.entry.Copy
	if old.entry, err = r.repair(ctx, old.entry); err != nil {
		return done, err
	}
	if c := old.entry.Copy; c != "" && (c != told || old.entry.CopyOp == int64(f.Operation)) {
		done.ConflictCopy = c // found only now, or told to this operation before a kill took the answer
	}
	// What the ledger only notes because of a switch over an unknown file is no base.
	old.known = old.known && old.entry.Manifest != ""
	e := entry{
		Path: path, Object: f.Object, Space: f.Space, SpaceName: f.SpaceName, Kind: f.Kind, Name: f.Name,
		Account: f.Account, Version: f.Version.Number, Manifest: f.Version.Manifest, Op: int64(f.Operation),
	}
	if f.Checkout != nil {
		e.Fence, e.Until = f.Checkout.Fence, f.Checkout.Until
	}
	if done.ConflictCopy != "" {
		e.Copy, e.CopyOp = done.ConflictCopy, e.Op
	}
	sameBase := old.known && old.entry.Object == f.Object && old.entry.Manifest == f.Version.Manifest
	if sameBase && r.untouched(ctx, old.entry) {
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
	e.Content = digest(m)
	look := old.entry
	if !old.known {
		look = entry{Path: path, Kind: f.Kind, Name: f.Name}
	}
	if old.state, err = r.compare(ctx, look, old.known, filepath.Base(path), e.Content); err != nil {
		return done, err
	}
	switch {
	case old.state == same, old.state == clean && sameBase:
		return done, r.adopt(ctx, e)
	case old.state == unsaved && sameBase:
		e.Files = old.entry.Files
		done.KeptLocal = true
		return done, r.note(e)
	}
	temp := tempName(f.Object, f.Version.Manifest, path)
	l := newLanding(filepath.Dir(path), parent, temp, filepath.Base(path), f.Name, m)
	if e.Files, err = l.run(ctx, c.Chunks, r.progress(f.Operation, m.Size()).add); err != nil {
		if !away(err) && !resumable(ctx) {
			err = errors.Join(err, parent.RemoveAll(temp)) // nothing half-done stays, nor fills the disk
		}
		return done, err
	}
	conflict, err := r.switchIn(ctx, parent, temp, e, old)
	if err != nil {
		return done, err
	}
	if conflict != "" {
		done.ConflictCopy = filepath.Join(filepath.Dir(path), conflict)
		e.Copy, e.CopyOp = done.ConflictCopy, e.Op
	}
	return done, r.landed(e)
}

// resumable says that a part is worth keeping: the operation was not cancelled,
// but the worker is about to end, or ended, under it.
func resumable(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.Canceled)
}

// landed notes the version that was just switched in. A single file's change time
// is the rename's; if anything else differs, someone wrote to it already, and the
// state from before the switch stays its base.
func (r *Room) landed(e entry) error {
	if e.Kind == cloudapi.KindFile && len(e.Files) == 1 {
		if st, err := os.Lstat(e.Path); err == nil {
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
func (r *Room) adopt(ctx context.Context, e entry) error {
	got, err := r.snapshot(ctx, target{path: e.Path, base: filepath.Base(e.Path), kind: e.Kind, name: e.Name}, nil)
	if err != nil {
		return err
	}
	e.Files = got.files
	return r.note(e)
}

func (r *Room) note(e entry) error {
	return r.withLedger(func(l *ledger) error { return l.put(e) })
}

// workspace opens ~/ISCDesk. It may be a link of the user's own; nothing below
// it leads out of it.
func (r *Room) workspace() (*os.Root, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	path := filepath.Join(r.cfg.Home, workspace)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, local("make folder", path, err)
	}
	ws, err := os.OpenRoot(path)
	return ws, local("open", path, err)
}

// where says which path below the workspace an object gets: the one that it has
// already, even when it was renamed in the cloud since, or its place. Two spaces
// of one name get different folders.
func (r *Room) where(ws *os.Root, f workerapi.Fetch) (string, error) {
	base, err := filepath.EvalSymlinks(ws.Name())
	if err != nil {
		return "", local("find", ws.Name(), err)
	}
	rel := place(f.SpaceName, f.Path, f.Name)
	err = r.withLedger(func(l *ledger) error {
		for _, e := range l.of(f.Object) {
			in, err := filepath.Rel(base, e.Path)
			if err != nil || !filepath.IsLocal(in) || strings.HasPrefix(filepath.Base(in), hidden) {
				continue
			}
			if _, err := ws.Lstat(in); err == nil {
				rel = in
				return nil
			}
		}
		if e, ok := l.byPath[filepath.Join(base, rel)]; ok && e.Space != f.Space {
			sum := sha256.Sum256([]byte(f.Space))
			rel = place(safeName(f.SpaceName)+" ~"+hex.EncodeToString(sum[:4]), f.Path, f.Name)
		}
		return nil
	})
	return rel, err
}

// Inspect tells what the ledger knows of a path, before a save, and refuses what
// cannot be saved. api.PathNotFound, PathDenied, PathNotRegular, NameInvalid,
// TooLarge, AssemblyMainMissing, InvalidArgument.
func (r *Room) Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	path, err := checkPath(i.Path)
	if err != nil {
		return workerapi.Inspected{}, err
	}
	if path, err = canonical(path); err != nil {
		return workerapi.Inspected{}, err
	}
	kind := cloudapi.KindFile
	if i.Assembly {
		kind = cloudapi.KindAssembly
	}
	e, ok, err := r.lookup(path)
	if err != nil {
		return workerapi.Inspected{}, err
	}
	if e.Aside != nil {
		if err := r.mend(ctx, e); err != nil {
			return workerapi.Inspected{}, err
		}
	}
	t, err := r.look(ctx, path, kind)
	if err != nil {
		return workerapi.Inspected{}, err
	}
	if kind == cloudapi.KindFile {
		in, err := t.open("")
		if err != nil {
			return workerapi.Inspected{}, local("open", path, err)
		}
		_ = in.Close() // only tried
	}
	done := workerapi.Inspected{Path: path}
	first, waits, err := r.maker(path, e.Op)
	if err != nil {
		return workerapi.Inspected{}, err
	}
	if waits {
		if err := checkKind(first.Kind, i.Assembly); err != nil {
			return workerapi.Inspected{}, err
		}
		done.Space, done.Kind, done.Account = first.Store.Space, first.Kind, first.Store.Account
		done.After, done.Name = first.Store.Key, first.Name
		return done, nil
	}
	if !ok || e.Manifest == "" {
		return done, nil
	}
	if err := checkKind(e.Kind, i.Assembly); err != nil {
		return workerapi.Inspected{}, err
	}
	done.Object, done.Space, done.Kind, done.Account = e.Object, e.Space, e.Kind, e.Account
	done.Version, done.Fence, done.Until = e.Version, e.Fence, e.Until
	return done, nil
}

// mend repairs a switch that was cut, unless an operation is at it.
func (r *Room) mend(ctx context.Context, e entry) error {
	release, err := r.claim(e.Path)
	if err != nil {
		return err
	}
	defer release()
	_, err = r.repair(ctx, e)
	return err
}

// Forget marks every local copy of an object as read-only again.
func (r *Room) Forget(ctx context.Context, f workerapi.Forget) error {
	return r.withLedger(func(l *ledger) error {
		for _, e := range l.of(f.Object) {
			if e.Fence == 0 {
				continue
			}
			e.Fence, e.Until = 0, time.Time{}
			if err := l.put(e); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}
