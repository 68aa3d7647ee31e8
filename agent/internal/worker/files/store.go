package files

import (
	"context"
	"errors"
	"path/filepath"

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
		return workerapi.Stored{}, refuse(api.PathNotFound, "the outbox holds no save of operation %d", s.Operation)
	}
	var at *held
	if !found {
		if j, at, err = newSave(s); err != nil {
			return workerapi.Stored{}, err
		}
		defer at.close()
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
	return r.fresh(ctx, j, at, s.Token)
}

// base is what the ledger has of the journal's path. It fills in what the service
// could not ask the cloud for, because it is away: the object's name, and its
// space's.
func (r *Room) base(j *journal) (entry, error) {
	e, ok, err := r.lookup(j.Local)
	if err == nil && ok && j.Store.Object != "" && j.Store.Name == "" && e.Object == j.Store.Object {
		j.Name, j.Store.SpaceName = e.Name, e.SpaceName
	}
	return e, err
}

// newSave checks a request and says what it will be called in the outbox, and
// holds what it will read.
func newSave(s workerapi.Store) (j journal, at *held, err error) {
	if j, err = checkSave(s); err != nil {
		return journal{}, nil, err
	}
	if s.At == (workerapi.Spot{}) {
		at, err = find(s.Path)
	} else {
		at, err = holdAgain(s.At)
	}
	if err != nil {
		return journal{}, nil, err
	}
	j.Local = at.path
	return j, at, nil
}

func checkSave(s workerapi.Store) (journal, error) {
	path, err := checkPath(s.Path)
	if err != nil {
		return journal{}, err
	}
	j := journal{Store: s, Kind: cloudapi.KindFile, Name: s.Name}
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
func (r *Room) fresh(ctx context.Context, j journal, at *held, token string) (workerapi.Stored, error) {
	e, err := r.base(&j)
	if err != nil {
		return workerapi.Stored{}, err
	}
	look := j.target(at, lockNamed(e.Files))
	t, err := r.look(ctx, at, j.Kind, look.own)
	if err != nil {
		return workerapi.Stored{}, err
	}
	if token == "" {
		return r.stage(ctx, j, look, refuse(api.CloudUnreachable, "the cloud was away when the save began"))
	}
	c := r.client(j.Store.Operation, j.Store.Space, token)
	got, err := r.upload(ctx, c, j, look, t.total())
	if cloudhttp.AwayOrBusy(err) {
		return r.stage(ctx, j, look, err)
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
	case cloudhttp.AwayOrBusy(err):
		return r.fill(ctx, j, look, err)
	case cloudhttp.CloudCode(err) == cloudapi.ErrChunksMissing:
		j.Store.Token = token
		return r.finish(ctx, j, j.Store.Operation)
	}
	return workerapi.Stored{}, errors.Join(err, r.removeJournal(j.Store.Key))
}

// stage makes the whole snapshot durable and answers Queued.
func (r *Room) stage(ctx context.Context, j journal, look target, why error) (workerapi.Stored, error) {
	drop := func(err error) (workerapi.Stored, error) {
		return workerapi.Stored{}, errors.Join(err, r.removeJournal(j.Store.Key))
	}
	to, err := r.newStaged(j.Store.Key)
	if err != nil {
		return drop(err)
	}
	got, err := r.snapshot(ctx, look, to)
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
func (r *Room) fill(ctx context.Context, j journal, look target, why error) (workerapi.Stored, error) {
	to, err := r.newStaged(j.Store.Key)
	if err != nil {
		return queued(j, why), nil
	}
	got, err := r.snapshot(ctx, look, to)
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
	return workerapi.Stored{Queued: true, Why: cause, Total: j.size()}
}
