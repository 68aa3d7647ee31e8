package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Keep sees to it that a staged save which the cloud refused at last is not lost:
// when its path no longer holds exactly that content, the snapshot is laid beside
// it as a conflict copy. The outbox keeps its own until Discard. The same save
// gets the same copy, also when a kill cut the first try.
//
// Empty are the answers for a save that the outbox does not hold, and for one cut
// by a kill before its snapshot was whole there, which nobody was told is queued.
//
// Refusals: api.DiskFull, PathDenied, PathInUse, StoreDamaged, Cancelled.
func (r *Room) Keep(ctx context.Context, s workerapi.Staged) (workerapi.Kept, error) {
	j, found, err := r.readJournal(s.Key)
	if err != nil || !found {
		return workerapi.Kept{}, err
	}
	release, err := r.claim(j.Local)
	if err != nil {
		return workerapi.Kept{}, err
	}
	defer release()
	same, err := r.holds(ctx, j)
	if err != nil || same || !j.Whole {
		return workerapi.Kept{}, err
	}
	// The folder may be gone with all that was in it; the work comes back into it.
	dir := filepath.Dir(j.Local)
	at, err := holdMade(j.Local)
	if err != nil {
		return workerapi.Kept{}, err
	}
	defer at.close()
	parent, err := at.folder()
	if err != nil {
		return workerapi.Kept{}, err
	}
	defer parent.Close()
	name, err := r.layBeside(ctx, parent, j)
	if err != nil {
		return workerapi.Kept{}, err
	}
	return workerapi.Kept{ConflictCopy: filepath.Join(dir, name)}, nil
}

// holds says that the journal's path has exactly the content that was staged.
// What cannot be read does not.
func (r *Room) holds(ctx context.Context, j journal) (bool, error) {
	at, err := hold(j.Local)
	if api.CodeOf(err) == api.PathNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer at.close()
	if r.untouched(ctx, at, entry{Path: j.Local, Kind: j.Kind, Files: j.Files}) {
		return true, nil
	}
	got, err := r.snapshot(ctx, j.target(at, lockNamed(j.Files)), nil)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil && got.content == j.Content, nil
}

// layBeside makes the conflict copy of a journal and returns its name in parent.
// The name is in the journal before it is on the disk, and the temporary tree is
// there until then: so a repeat knows whether the copy is this one.
func (r *Room) layBeside(ctx context.Context, parent *os.Root, j journal) (string, error) {
	_, m, err := r.manifestOf(j)
	if err != nil {
		return "", err
	}
	base := filepath.Base(j.Local)
	temp := tempName(j.Store.Key, j.Manifest.String(), j.Local)
	if j.Copy != "" && there(parent, j.Copy) && !there(parent, temp) {
		return j.Copy, nil
	}
	l := newLanding(filepath.Dir(j.Local), parent, temp, base, j.Name, m)
	if _, err := l.run(ctx, r.fromOutbox(j), r.progress(j.Store.Operation, m.Size()).add); err != nil {
		if !resumable(ctx) {
			err = errors.Join(err, parent.RemoveAll(temp))
		}
		return "", err
	}
	if j.Copy, err = beside(parent, base, j.Kind, r.cfg.Clock.Now()); err != nil {
		return "", err
	}
	if err := r.writeJournal(j); err != nil {
		return "", err
	}
	if err := makeAround(parent, j.Copy); err != nil {
		return "", err
	}
	dir, err := parent.Open(".")
	if err != nil {
		return "", local("open the folder of", j.Local, err)
	}
	defer dir.Close()
	if err := r.patiently(ctx, func() error { return renameNew(dir, temp, j.Copy) }); err != nil {
		return "", local("put beside", j.Local, err)
	}
	return j.Copy, errors.Join(syncDir(parent, filepath.Dir(j.Copy)), local("sync the folder of", j.Local, syncNames(dir)))
}

func there(parent *os.Root, name string) bool {
	_, err := parent.Lstat(name)
	return err == nil
}

// plainCopy says that a journal's copy is a name that layBeside makes.
func plainCopy(name string) bool {
	return name == "" || filepath.IsLocal(name) && strings.Count(filepath.ToSlash(name), "/") <= 1
}

// fromOutbox is where a journal's own packs are the source of its chunks.
func (r *Room) fromOutbox(j journal) source {
	return func(ctx context.Context, refs []chunk.Ref, each func(c chunk.Ref, plain []byte) error) error {
		want := make(map[chunk.ID]bool, len(refs))
		for _, c := range refs {
			want[c.ID] = true
		}
		err := r.replay(j, picked(func(id chunk.ID, plain []byte) error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if !want[id] {
				return nil
			}
			delete(want, id)
			return each(chunk.Ref{ID: id, Size: int64(len(plain))}, plain)
		}))
		if err == nil && len(want) > 0 {
			err = refuse(api.StoreDamaged, "the outbox lacks %d chunks of the save of %s", len(want), j.Local)
		}
		return err
	}
}

// picked is a sink of one function.
type picked func(id chunk.ID, plain []byte) error

// Add hands a chunk on.
func (p picked) Add(id chunk.ID, plain []byte) error { return p(id, plain) }

// Discard forgets the outbox's save of an operation that has ended.
func (r *Room) Discard(ctx context.Context, s workerapi.Staged) error {
	if err := checkKey(s.Key); err != nil {
		return err
	}
	return errors.Join(r.removeJournal(s.Key), ctx.Err())
}
