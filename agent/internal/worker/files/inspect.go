package files

import (
	"context"
	"os"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Inspect tells what the ledger knows of a path, before a save, and refuses what
// cannot be saved. api.PathNotFound, PathDenied, PathNotRegular, NameInvalid,
// TooLarge, AssemblyMainMissing, InvalidArgument.
func (r *Room) Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	at, err := find(i.Path)
	if err != nil {
		return workerapi.Inspected{}, err
	}
	defer at.close()
	path := at.path
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
	t, err := r.look(ctx, at, kind, lockNamed(e.Files))
	if err != nil {
		return workerapi.Inspected{}, err
	}
	at.tree = t.id
	if kind == cloudapi.KindFile {
		var in *os.File
		if err := r.patiently(ctx, func() (err error) { in, err = t.open(""); return err }); err != nil {
			return workerapi.Inspected{}, local("open", path, err)
		}
		_ = in.Close() // only tried
	}
	done := workerapi.Inspected{Path: path}
	if done.At, err = at.spot(); err != nil {
		return workerapi.Inspected{}, err
	}
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

// checkKind refuses a tree of the other kind.
func checkKind(kind string, assembly bool) error {
	if (kind == cloudapi.KindAssembly) != assembly {
		return refuse(api.InvalidArgument, "the object is of kind %s", kind)
	}
	return nil
}
