package files

import (
	"context"
	"errors"
	"io/fs"
	"os"

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

// compare says what stands at e.Path. remote is the digest of the content that is
// about to come, or empty; base is how the tree is called at its place. Whatever
// cannot be read is unsaved work.
func (r *Room) compare(ctx context.Context, e entry, known bool, base, remote string) (treeState, error) {
	st, err := os.Lstat(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return unsaved, local("look at", e.Path, err)
	}
	kind := cloudapi.KindFile
	if st.IsDir() {
		kind = cloudapi.KindAssembly
	}
	if known && kind == e.Kind && r.untouched(ctx, e) {
		return clean, nil
	}
	got, err := r.snapshot(ctx, target{path: e.Path, base: base, kind: kind, name: e.Name}, nil)
	switch {
	case ctx.Err() != nil:
		return unsaved, context.Cause(ctx)
	case err != nil:
		return unsaved, nil
	case known && got.content == e.Content:
		return clean, nil
	case got.content == remote:
		return same, nil
	}
	return unsaved, nil
}

// untouched compares identities only: no byte is read.
func (r *Room) untouched(ctx context.Context, e entry) bool {
	t, err := scan(ctx, e.Path, e.Kind)
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
