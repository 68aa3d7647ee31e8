package files

import (
	"context"
	"errors"
	"io/fs"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// localTree is what stands at a path, seen against the ledger and the cloud.
type localTree struct {
	state treeState
	entry entry // what the ledger knows of the path
	known bool
}

type treeState int

const (
	absent  treeState = iota
	clean             // the base, as the ledger's entry names it
	same              // not the base, but the content that is about to come
	unsaved           // bytes that no version is known to hold
)

// coming is the content that is about to land: its digest, and its lock-named files.
type coming struct {
	content string
	own     names
}

// compare says what stands at a path of which the ledger has e. base is how the
// tree is called at its place; next may be empty. Whatever cannot be read is
// unsaved work.
func (r *Room) compare(ctx context.Context, at *held, e entry, known bool, base string, next coming) (treeState, error) {
	st, err := at.lstat()
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return unsaved, local("look at", at.path, err)
	}
	kind := cloudapi.KindFile
	if st.IsDir() {
		kind = cloudapi.KindAssembly
	}
	if known && kind == e.Kind && r.untouched(ctx, at, e) {
		return clean, nil
	}
	look := target{at: at, base: base, kind: kind, name: e.Name, own: lockNamed(e.Files)}
	got, err := r.snapshot(ctx, look, nil)
	if err == nil && len(next.own) > 0 && (!known || got.content != e.Content) {
		look.own = next.own // what the base leaves out may be what comes
		got, err = r.snapshot(ctx, look, nil)
	}
	switch {
	case ctx.Err() != nil:
		return unsaved, context.Cause(ctx)
	case err != nil:
		return unsaved, nil
	case known && got.content == e.Content:
		return clean, nil
	case got.content == next.content:
		return same, nil
	}
	return unsaved, nil
}

// untouched compares identities only: no byte is read.
func (r *Room) untouched(ctx context.Context, at *held, e entry) bool {
	t, err := scan(ctx, at, e.Kind, lockNamed(e.Files))
	if err != nil {
		return false
	}
	defer t.close()
	if len(t.files) != len(e.Files) || len(e.Files) == 0 {
		return false
	}
	states := make(map[string]identity, len(e.Files))
	for _, f := range e.Files {
		states[f.Path] = f.ID
	}
	for _, f := range t.files {
		if id, ok := states[f.Path]; !ok || id != f.ID {
			return false
		}
	}
	return true
}
