package files

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// upload snapshots the journal's path into the cloud.
func (r *Room) upload(ctx context.Context, c *transfer.Client, j journal, look target, total int64) (shot, error) {
	var got shot
	err := r.send(ctx, c, j.Store.Operation, total, func(ctx context.Context, up *transfer.Upload) (err error) {
		got, err = r.snapshot(ctx, look, up)
		return err
	})
	return got, err
}

// resend brings the chunks that the cloud lacks from the outbox, or from the
// local files where those are still what they were.
func (r *Room) resend(ctx context.Context, c *transfer.Client, j journal, m chunk.Manifest) error {
	ids := make([]chunk.ID, 0, len(m.Files))
	for _, ref := range m.Refs() {
		ids = append(ids, ref.ID)
	}
	missing, err := c.Missing(ctx, ids)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !j.Whole {
		return r.resendLocal(ctx, c, j, m)
	}
	return r.send(ctx, c, j.Store.Operation, m.Size(), func(_ context.Context, up *transfer.Upload) error {
		return r.replay(j, up)
	})
}

// resendLocal reads the local files again. They are compared before a byte of them
// is sent: the path may hold something else by now, which nobody asked to be sent.
func (r *Room) resendLocal(ctx context.Context, c *transfer.Client, j journal, m chunk.Manifest) error {
	at, err := hold(j.Local)
	if err != nil {
		return err
	}
	defer at.close()
	look := j.target(at, lockNamed(j.Files))
	got, err := r.snapshot(ctx, look, nil)
	if err == nil && got.content == j.Content {
		got, err = r.upload(ctx, c, j, look, m.Size())
	}
	if err == nil && got.content != j.Content {
		err = refuse(api.FileChanging, "%s changed after the save began, and the save was cut short", j.Local)
	}
	return err
}

// send uploads what give adds, and reports the progress as operation op's. What
// stopped give is the error, unless it was the cloud that went away under it.
func (r *Room) send(ctx context.Context, c *transfer.Client, op api.Operation, total int64, give func(context.Context, *transfer.Upload) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	up := c.Upload(ctx, r.progress(op, total).add)
	err := give(ctx, up)
	if err != nil {
		stop(err) // what is still queued need not be sent
	}
	if sendErr := up.Close(); sendErr != nil && (err == nil || cloudhttp.AwayOrBusy(sendErr)) {
		err = sendErr
	}
	return err
}
