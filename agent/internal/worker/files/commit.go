package files

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// describeAndCommit is commit for a manifest that the cloud may not have yet.
func (r *Room) describeAndCommit(ctx context.Context, c *transfer.Client, j journal, manifest []byte) (workerapi.Stored, error) {
	if err := c.PutManifest(ctx, j.Manifest, manifest); err != nil {
		return workerapi.Stored{}, err
	}
	return r.commit(ctx, c, j)
}

// commit asks for the version and notes it in the ledger.
func (r *Room) commit(ctx context.Context, c *transfer.Client, j journal) (workerapi.Stored, error) {
	s := j.Store
	ask := cloudapi.Commit{Operation: s.Key, Manifest: j.Manifest.String()}
	if s.Object != "" {
		ask.Object, ask.Base, ask.Fence = s.Object, s.Base, s.Fence
	} else {
		ask.Folder, ask.Name, ask.Kind, ask.Checkout = s.Folder, j.Name, j.Kind, true
	}
	done, err := c.Commit(ctx, ask)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if err := r.committed(j, done); err != nil {
		return workerapi.Stored{}, err
	}
	return workerapi.Stored{Object: done.Object, Version: done.Version, Checkout: done.Checkout, Sent: c.Sent(), Total: j.size()}, nil
}

// committed gives the path, and the saves that were staged after this one, their
// new base.
func (r *Room) committed(j journal, done cloudapi.Committed) error {
	s := j.Store
	e := entry{
		Path: j.Local, Object: done.Object, Space: s.Space, SpaceName: s.SpaceName, Kind: j.Kind, Name: j.Name,
		Account: s.Account, Version: done.Version, Manifest: j.Manifest.String(), Content: j.Content,
		Fence: s.Fence, Files: j.Files, Op: int64(s.Operation),
	}
	if done.Checkout != nil {
		e.Fence, e.Until = done.Checkout.Fence, done.Checkout.Until
	}
	err := r.withLedger(func(l *ledger) error {
		old, known := l.byPath[pathKey(e.Path)]
		if known && old.Op > e.Op {
			return nil // a later operation has the path by now
		}
		if known && old.Object == e.Object && done.Checkout == nil {
			e.Until = old.Until
		}
		return l.put(e)
	})
	if err != nil {
		return err
	}
	return r.rebaseLater(j, done, e.Fence)
}

// rebaseLater gives the saves of j's path that were staged after j, on the same
// base or waiting for j's object, the version that j has made as their base: they
// are this user's later states of it.
func (r *Room) rebaseLater(j journal, done cloudapi.Committed, fence int64) error {
	s := j.Store
	later, err := r.journals()
	if err != nil {
		return err
	}
	for _, k := range later {
		if pathKey(k.Local) != pathKey(j.Local) || k.Store.Operation <= s.Operation {
			continue
		}
		switch {
		case k.Store.Object == done.Object && s.Object != "" && k.Store.Base == s.Base:
			k.Store.Base = done.Version
		case k.Store.After == s.Key:
			k.Store.After, k.Store.Object, k.Store.Base, k.Store.Fence = "", done.Object, done.Version, fence
		default:
			continue
		}
		if err := r.writeJournal(k); err != nil {
			return err
		}
	}
	return nil
}
