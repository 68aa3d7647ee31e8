package files

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Store saves a file or an assembly's folder as a version.
//
// The bytes are sent while they are read; what the snapshot was (its manifest) is
// durable in the outbox before the commit is asked for, so that a kill after it
// can always be answered truthfully. When the cloud is away the whole snapshot
// goes to the outbox and the answer is Queued. The service calls Discard when it
// has told the end. Errors leave the local files, and the ledger, as they were.
//
// Refusals: api.PathNotFound, PathDenied, PathNotRegular, NameInvalid, TooLarge,
// AssemblyMainMissing, FileChanging, DiskFull, PathInUse, and the cloud's own
// (Conflict, CheckoutLost, NotCheckedOut, NameExists, Forbidden, NotFound, …).
func (r *Room) Store(ctx context.Context, s workerapi.Store) (workerapi.Stored, error) {
	if err := checkKey(s.Key); err != nil {
		return workerapi.Stored{}, err
	}
	j, found, err := r.readJournal(s.Key)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if !found && s.Staged {
		return workerapi.Stored{}, refuse(api.NotFound, "the outbox holds no save of operation %d", s.Operation)
	}
	if !found {
		if j, err = newSave(s); err != nil {
			return workerapi.Stored{}, err
		}
	}
	release, err := r.claim(j.Local)
	if err != nil {
		return workerapi.Stored{}, err
	}
	defer release()
	if found {
		j.Store.Token = s.Token
		return r.finish(ctx, j, s.Operation)
	}
	if err := r.named(&j); err != nil {
		return workerapi.Stored{}, err
	}
	return r.fresh(ctx, j, s.Token)
}

// named fills in what the service could not ask the cloud for, because it is away:
// the object's name, and its space's.
func (r *Room) named(j *journal) error {
	if j.Store.Object == "" || j.Store.Name != "" {
		return nil
	}
	e, ok, err := r.lookup(j.Local)
	if err == nil && ok && e.Object == j.Store.Object {
		j.Name, j.Store.SpaceName = e.Name, e.SpaceName
	}
	return err
}

// newSave checks a request and says what it will be called in the outbox.
func newSave(s workerapi.Store) (journal, error) {
	path, err := checkPath(s.Path)
	if err != nil {
		return journal{}, err
	}
	j := journal{Store: s, Kind: cloudapi.KindFile, Name: s.Name}
	if j.Local, err = canonical(path); err != nil {
		return journal{}, err
	}
	if s.Assembly {
		j.Kind = cloudapi.KindAssembly
	}
	if j.Name == "" {
		j.Name = filepath.Base(path)
	}
	if err := chunk.CheckName(j.Name); err != nil {
		return journal{}, refuse(api.NameInvalid, "%v", err)
	}
	if s.Space == "" {
		return journal{}, refuse(api.InvalidArgument, "a save without a space")
	}
	return j, nil
}

// fresh saves what lies on the disk now.
func (r *Room) fresh(ctx context.Context, j journal, token string) (workerapi.Stored, error) {
	t, err := r.look(ctx, j.Local, j.Kind)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if token == "" {
		return r.stage(ctx, j, refuse(api.CloudUnreachable, "the cloud was away when the save began"))
	}
	c := r.client(j.Store.Operation, j.Store.Space, token)
	got, err := r.upload(ctx, c, j, t.total())
	if away(err) {
		return r.stage(ctx, j, err)
	}
	if err != nil {
		return workerapi.Stored{}, err
	}
	manifest, err := j.take(got)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if err := r.newJournal(j, manifest); err != nil {
		return workerapi.Stored{}, errors.Join(err, r.removeJournal(j.Store.Key))
	}
	// From here on it is too late to cancel: the version may appear at any moment,
	// and the answer must tell.
	ctx = context.WithoutCancel(ctx)
	done, err := r.describeAndCommit(ctx, c, j, manifest)
	switch {
	case err == nil:
		done.Skipped = skipped(got.skips)
		return done, nil
	case away(err):
		return r.fill(ctx, j, err)
	case cloudhttp.CloudCode(err) == cloudapi.ErrChunksMissing:
		j.Store.Token = token
		return r.finish(ctx, j, j.Store.Operation)
	}
	return workerapi.Stored{}, errors.Join(err, r.removeJournal(j.Store.Key))
}

func (j *journal) target() target {
	return target{path: j.Local, base: filepath.Base(j.Local), kind: j.Kind, name: j.Name}
}

// take notes a snapshot in the journal and encodes its manifest.
func (j *journal) take(s shot) ([]byte, error) {
	b, id, err := s.manifest.Encode()
	if err != nil {
		return nil, local("describe", j.Local, err)
	}
	j.Manifest, j.Content, j.Files = id, s.content, s.files
	return b, nil
}

// upload snapshots the journal's path into the cloud.
func (r *Room) upload(ctx context.Context, c *transfer.Client, j journal, total int64) (shot, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := r.progress(j.Store.Operation, total)
	up := c.Upload(ctx, p.add)
	got, err := r.snapshot(ctx, j.target(), up)
	if err != nil {
		stop(err) // what is still queued need not be sent
	}
	if sendErr := up.Close(); sendErr != nil && (err == nil || away(sendErr)) {
		err = sendErr
	}
	return got, err
}

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
	var total int64
	for _, f := range j.Files {
		total += f.ID.Size
	}
	return workerapi.Stored{Object: done.Object, Version: done.Version, Checkout: done.Checkout, Sent: c.Sent(), Total: total}, nil
}

// committed gives the path its new base, and the saves that were staged after
// this one of the same base theirs: they are this user's later states of it.
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
		old, known := l.byPath[e.Path]
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
	later, err := r.journals()
	if err != nil {
		return err
	}
	for _, k := range later {
		if k.Local != j.Local || k.Store.Operation <= s.Operation {
			continue
		}
		switch {
		case k.Store.Object == done.Object && s.Object != "" && k.Store.Base == s.Base:
			k.Store.Base = done.Version
		case k.Store.After == s.Key:
			k.Store.After, k.Store.Object, k.Store.Base, k.Store.Fence = "", done.Object, done.Version, e.Fence
		default:
			continue
		}
		if err := r.writeJournal(k); err != nil {
			return err
		}
	}
	return nil
}

// stage makes the whole snapshot durable and answers Queued.
func (r *Room) stage(ctx context.Context, j journal, why error) (workerapi.Stored, error) {
	drop := func(err error) (workerapi.Stored, error) {
		return workerapi.Stored{}, errors.Join(err, r.removeJournal(j.Store.Key))
	}
	to, err := r.newStaged(j.Store.Key)
	if err != nil {
		return drop(err)
	}
	got, err := r.snapshot(ctx, j.target(), to)
	if err == nil {
		err = to.close()
	}
	if err != nil {
		return drop(err)
	}
	manifest, err := j.take(got)
	if err != nil {
		return drop(err)
	}
	j.Whole = true
	if err := r.newJournal(j, manifest); err != nil {
		return drop(err)
	}
	done := queued(j, why)
	done.Skipped = skipped(got.skips)
	return done, nil
}

// fill adds the chunks to a journal whose commit was asked for and not answered.
// The version may exist already, so the journal stays what it is; when the files
// have changed since, it stays without chunks, which the cloud has anyway.
func (r *Room) fill(ctx context.Context, j journal, why error) (workerapi.Stored, error) {
	to, err := r.newStaged(j.Store.Key)
	if err != nil {
		return queued(j, why), nil
	}
	got, err := r.snapshot(ctx, j.target(), to)
	if err == nil {
		err = to.close()
	}
	if err == nil && got.content == j.Content {
		whole := j
		whole.Whole = true
		if r.writeJournal(whole) == nil {
			j = whole
		}
	}
	return queued(j, why), nil
}

// maxSkipped bounds the names of left-out lock files in an answer.
const maxSkipped = 32

func skipped(names []string) []string { return names[:min(len(names), maxSkipped)] }

func queued(j journal, why error) workerapi.Stored {
	var cause *api.Error
	if !errors.As(why, &cause) {
		cause = refuse(api.CloudUnreachable, "%v", why)
	}
	var total int64
	for _, f := range j.Files {
		total += f.ID.Size
	}
	return workerapi.Stored{Queued: true, Why: cause, Total: total}
}

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
	if away(err) && ctx.Err() == nil {
		return queued(j, err), nil
	}
	return done, err
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
		got, err := r.upload(ctx, c, j, m.Size())
		if err == nil && got.content != j.Content {
			err = refuse(api.FileChanging, "%s changed after the save began, and the save was cut short", j.Local)
		}
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	up := c.Upload(ctx, r.progress(j.Store.Operation, m.Size()).add)
	err = r.replay(j, up)
	if err != nil {
		stop(err)
	}
	if sendErr := up.Close(); sendErr != nil && (err == nil || away(sendErr)) {
		err = sendErr
	}
	return err
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
