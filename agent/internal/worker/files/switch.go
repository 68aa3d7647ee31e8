package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A landed version is switched in by exchanging two names, so that the path is
// there at every moment, and the tree that it held gets a name of its own before
// anything is removed. What is under way stands in the ledger (aside), and repair
// ends it after a kill. A hidden name holds what a version in the cloud holds
// too; anything else that was at the path gets a name that the user sees.

// switchIn puts the tree at temp in the place of name. old says what is there now.
// It returns the conflict copy's name in parent, if there is one.
func (r *Room) switchIn(ctx context.Context, parent *os.Root, at *held, temp string, e entry, old localTree) (conflict string, err error) {
	name := filepath.Base(e.Path)
	dir, err := parent.Open(".")
	if err != nil {
		return "", local("open", filepath.Dir(e.Path), err)
	}
	defer dir.Close()
	if old.state == absent {
		err := r.patiently(ctx, func() error { return renameNew(dir, temp, name) })
		return "", local("put in place", e.Path, errors.Join(err, syncNames(dir)))
	}
	st, err := statIn(parent, name)
	if err != nil {
		return "", local("look at", e.Path, err)
	}
	kind := cloudapi.KindFile
	if st.IsDir() {
		kind = cloudapi.KindAssembly
	}
	id := identify(st)
	a := &aside{Temp: temp, Name: hiddenOld(temp), Dev: id.Dev, Ino: id.Ino, Op: e.Op}
	if old.state == unsaved {
		a.Conflict = true
		if a.Name, err = beside(parent, name, kind, r.cfg.Clock.Now()); err != nil {
			return "", err
		}
	}
	// Until the new entry is written, the path is what it was: the old base, or,
	// for a file that the ledger did not know, no base at all.
	note := old.entry
	if !old.known {
		note = e
		note.Manifest, note.Content, note.Files = "", "", nil
	}
	note.Aside = a
	if err := r.withLedger(func(l *ledger) error { return l.put(note) }); err != nil {
		return "", err
	}
	if err := r.swap(ctx, parent, dir, name, a); err != nil {
		return "", local("put in place", e.Path, err)
	}
	return r.settleAside(ctx, parent, at, note)
}

// hiddenOld is the name of a replaced tree on its way out.
func hiddenOld(temp string) string { return temp + ".old" }

// swap exchanges name and a.Temp and gives the old tree its name.
func (r *Room) swap(ctx context.Context, parent *os.Root, dir *os.File, name string, a *aside) error {
	if err := parent.RemoveAll(hiddenOld(a.Temp)); err != nil {
		return err
	}
	if err := makeAround(parent, a.Name); err != nil {
		return err
	}
	err := exchange(dir, a.Temp, name)
	switch {
	case err == nil:
		err = parent.Rename(a.Temp, a.Name)
	case errors.Is(err, errors.ErrUnsupported):
		// A system without exchange: repair puts the old tree back when a kill comes
		// between the two, and a failure of the second puts it back here.
		err = r.patiently(ctx, func() error { return renameNew(dir, name, a.Name) })
		if err != nil {
			return errHindered(err)
		}
		err = r.patiently(ctx, func() error { return renameNew(dir, a.Temp, name) })
		if err != nil {
			err = errors.Join(err, r.patiently(ctx, func() error { return renameNew(dir, a.Name, name) }))
		}
	}
	return errors.Join(err, syncNames(dir))
}

// makeAround makes the folder that name lies in, if it is not parent itself: an
// assembly's conflict copy has one of its own.
func makeAround(parent *os.Root, name string) error {
	around := filepath.Dir(name)
	if around == "." {
		return nil
	}
	return local("make folder", around, parent.MkdirAll(around, 0o700))
}

// settleAside ends a switch whose old tree stands at its own name: what a version
// holds is removed, everything else is kept where the user sees it.
func (r *Room) settleAside(ctx context.Context, parent *os.Root, at *held, e entry) (conflict string, err error) {
	a := e.Aside
	if a.Conflict {
		return a.Name, nil
	}
	// Looked at again, because an application may have written between the look
	// and the switch.
	old := at.beside(a.Name)
	state, err := r.compare(ctx, old, e, true, at.name, coming{})
	if err != nil {
		return "", err
	}
	if state == clean && carry(ctx, parent, old, at.name, e) {
		return "", local("remove", old.path, r.patiently(ctx, func() error { return parent.RemoveAll(a.Name) }))
	}
	name, err := beside(parent, filepath.Base(e.Path), e.Kind, r.cfg.Clock.Now())
	if err != nil {
		return "", err
	}
	if err := makeAround(parent, name); err != nil {
		return "", err
	}
	return name, local("put aside", e.Path, parent.Rename(a.Name, name))
}

// carry moves what saves leave out, lock files and what looks like them, from a
// replaced tree into the new one: no version holds it, and it may be someone's
// work. It says whether nothing of it is left; a kill in its middle is gone on with.
func carry(ctx context.Context, parent *os.Root, old *held, name string, e entry) bool {
	if e.Kind != cloudapi.KindAssembly {
		return true
	}
	t, err := scan(ctx, old, e.Kind, lockNamed(e.Files))
	if err != nil {
		return false
	}
	defer t.close()
	for _, rel := range t.skips {
		from, to := filepath.Join(old.name, filepath.FromSlash(rel)), filepath.Join(name, filepath.FromSlash(rel))
		if there(parent, to) { // the new version's own, or an application's since
			return false
		}
		if parent.MkdirAll(filepath.Dir(to), 0o700) != nil || parent.Rename(from, to) != nil || syncDir(parent, filepath.Dir(to)) != nil {
			return false
		}
	}
	return true
}

// repair ends what a kill cut in the middle of a switch and returns the entry as it
// is then; a conflict copy that came of it is noted there. The caller holds the
// path's claim.
func (r *Room) repair(ctx context.Context, e entry) (entry, error) {
	if e.Aside == nil {
		return e, nil
	}
	at, err := hold(e.Path)
	if api.CodeOf(err) == api.PathNotFound {
		e.Aside = nil // the folder was removed: nothing to put right
		return e, nil
	}
	if err != nil {
		return e, err
	}
	defer at.close()
	parent, err := at.folder()
	if err != nil {
		return e, err
	}
	defer parent.Close()
	a, name := e.Aside, filepath.Base(e.Path)
	isOld := func(name string) bool {
		st, err := statIn(parent, name)
		if err != nil {
			return false
		}
		id := identify(st)
		return id.Dev == a.Dev && id.Ino == a.Ino
	}
	if isOld(a.Temp) { // exchanged, not yet renamed
		if err := makeAround(parent, a.Name); err != nil {
			return e, err
		}
		if err := parent.Rename(a.Temp, a.Name); err != nil {
			return e, local("put aside", e.Path, err)
		}
	}
	if isOld(a.Name) {
		if _, err := parent.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			if err := parent.Rename(a.Name, name); err != nil {
				return e, local("put back", e.Path, err)
			}
		} else {
			conflict, err := r.settleAside(ctx, parent, at, e)
			if err != nil {
				return e, err
			}
			if conflict != "" {
				e.Copy, e.CopyOp = filepath.Join(filepath.Dir(e.Path), conflict), a.Op
			}
		}
	}
	if err := syncDir(parent, "."); err != nil {
		return e, err
	}
	e.Aside = nil
	return e, r.withLedger(func(l *ledger) error {
		if e.Manifest == "" && e.Copy == "" {
			return l.drop(e.Path) // noted for the switch only: what stood there was unknown
		}
		return l.put(e)
	})
}
