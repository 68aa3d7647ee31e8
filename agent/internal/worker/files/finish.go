package files

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// finish ends a save that the outbox holds: queued, or cut by a kill. It sends
// exactly the snapshot that was taken then. The same key gets the first answer
// again when the commit had been made. op is the operation that asks now.
func (r *Room) finish(ctx context.Context, j journal, op api.Operation) (workerapi.Stored, error) {
	manifest, m, err := r.manifestOf(j)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if j.Store.After != "" {
		if _, waits, err := r.readJournal(j.Store.After); err != nil || waits {
			return queued(j, refuse(api.CloudUnreachable, "the save that makes the object of %s is still to be sent", j.Local)), err
		}
		return workerapi.Stored{}, refuse(api.NotCloudFile, "the save that was to make the object of %s was refused", j.Local)
	}
	if j.Store.Token == "" {
		return queued(j, refuse(api.CloudUnreachable, "the cloud is still away")), nil
	}
	c := r.client(op, j.Store.Space, j.Store.Token)
	// Asked first: when the commit was made before a kill, this is its answer, and
	// the operation's token is good for nothing else any more.
	committing := context.WithoutCancel(ctx) // as in fresh
	done, err := r.commit(committing, c, j)
	if cloudhttp.CloudCode(err) == cloudapi.ErrChunksMissing {
		if err = r.resend(ctx, c, j, m); err == nil {
			done, err = r.describeAndCommit(committing, c, j, manifest)
		}
	}
	if cloudhttp.AwayOrBusy(err) && ctx.Err() == nil {
		return queued(j, err), nil
	}
	return done, err
}

// Pending lists the saves of the outbox in the order in which they began.
func (r *Room) Pending(ctx context.Context) (workerapi.Pending, error) {
	all, err := r.journals()
	if err != nil {
		return workerapi.Pending{}, err
	}
	p := workerapi.Pending{Stores: make([]workerapi.Store, 0, len(all))}
	for _, j := range all {
		p.Stores = append(p.Stores, j.Store)
	}
	return p, ctx.Err()
}
