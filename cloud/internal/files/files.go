// Package files is the drive's logic between the front door and the two stores: it
// brings packs and manifests in, verified, and makes versions of them. Package
// httpapi is its only user. The order is always bytes first, index second, version
// last, each durable before the next begins, so that whatever ends the process, nothing
// half stored is visible. Bytes that no index row names, and packs that no version
// needs, are garbage and harmless; nothing removes them yet.
//
// It never trusts a checksum, a length or a name that a client sent, and never answers
// with bytes that the token's object does not need.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// manifestsAtOnce bounds the memory that manifests take: each needs a few times its
// encoded length, which may be 64 MiB.
const manifestsAtOnce = 3

// Files is the room. Make it with New; all methods may be called from several goroutines.
type Files struct {
	index meta.Content
	blobs blob.Store
	slots chan struct{} // one for each manifest that is in memory
}

// New furnishes the room. It owns neither store.
func New(index meta.Content, blobs blob.Store) *Files {
	return &Files{index: index, blobs: blobs, slots: make(chan struct{}, manifestsAtOnce)}
}

// PutPack verifies and stores a pack while it arrives, then indexes its chunks. A repetition is
// nil; its body is read and thrown away. Refusals: content_damaged, too_large,
// storage_full; an error of body comes back wrapped.
func (f *Files) PutPack(ctx context.Context, space string, sum meta.Hash, body io.Reader) error {
	have, err := f.index.HasPack(ctx, space, sum)
	if err != nil {
		return err
	}
	if have {
		if _, err := io.Copy(io.Discard, body); err != nil {
			return fmt.Errorf("read pack: %w", err)
		}
		return nil
	}
	v := verify(body)
	err = f.blobs.Put(ctx, blob.Name{Space: space, Kind: blob.Pack, Sum: sum}, v)
	v.end()
	if err != nil {
		return refuse(err)
	}
	return f.index.AddPack(ctx, space, meta.Pack{Sum: sum, Size: v.read, Chunks: v.chunks})
}

// Pack opens length bytes (all when negative) of a pack that the scope's object needs, and tells the
// pack's size. The caller closes the reader. Refusals: not_found; blob.ErrRange.
func (f *Files) Pack(ctx context.Context, s meta.Scope, sum meta.Hash, offset, length int64) (io.ReadCloser, int64, error) {
	ok, err := f.index.PackOf(ctx, s.Space, s.Object, sum)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, meta.Refuse(cloudapi.ErrNotFound, "there is no such pack")
	}
	return f.get(ctx, blob.Name{Space: s.Space, Kind: blob.Pack, Sum: sum}, offset, length)
}

// PutManifest stores a manifest, then checks it, and only then notes it in the index. Its chunks
// may still be on their way: Commit asks for them. The bytes go to the store first because a
// client may take minutes to send them, and nobody may hold one of the few slots that
// long. Refusals: content_damaged, name_invalid, too_large, storage_full; an error of body comes
// back wrapped.
func (f *Files) PutManifest(ctx context.Context, space string, sum meta.Hash, body io.Reader) error {
	name := blob.Name{Space: space, Kind: blob.Manifest, Sum: sum}
	if err := f.blobs.Put(ctx, name, body); err != nil {
		return refuse(err)
	}
	m, err := f.decode(ctx, name)
	if err != nil {
		if err = refuse(err); meta.CodeOf(err) != "" {
			err = errors.Join(err, f.blobs.Delete(ctx, name)) // wrong for everyone, so nobody needs it
		}
		return err
	}
	return f.index.AddManifest(ctx, space, meta.Manifest{Sum: sum, Kind: m.Kind, Size: m.Size()})
}

// decode reads a stored manifest, verified, in one of the slots.
func (f *Files) decode(ctx context.Context, n blob.Name) (chunk.Manifest, error) {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return chunk.Manifest{}, context.Cause(ctx)
	}
	defer func() { <-f.slots }()
	r, _, err := f.get(ctx, n, 0, -1)
	if err != nil {
		return chunk.Manifest{}, err
	}
	b, err := io.ReadAll(io.LimitReader(r, chunk.MaxManifest+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return chunk.Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if chunk.Sum(b) != chunk.ID(n.Sum) {
		return chunk.Manifest{}, fmt.Errorf("read manifest: %w: not its checksum", chunk.ErrDamaged)
	}
	return chunk.DecodeManifest(b)
}

// Manifest opens a manifest of one of the object's versions and tells its size. The caller closes the
// reader. Refusal not_found.
func (f *Files) Manifest(ctx context.Context, s meta.Scope, sum meta.Hash) (io.ReadCloser, int64, error) {
	ok, err := f.index.ManifestOf(ctx, s.Space, s.Object, sum)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, meta.Refuse(cloudapi.ErrNotFound, "there is no such manifest")
	}
	return f.get(ctx, blob.Name{Space: s.Space, Kind: blob.Manifest, Sum: sum}, 0, -1)
}

// Commit makes a version of a stored manifest, after it has made sure that every chunk is
// stored in the space. A repeated operation gets its first answer before anything is
// looked at. Refusals: those of meta.Content's Complete and Commit.
func (f *Files) Commit(ctx context.Context, who meta.Who, s meta.Scope, c meta.Commit) (meta.Committed, error) {
	first, found, err := f.index.Committed(ctx, who, s)
	if err != nil || found {
		return first, err
	}
	if err := f.complete(ctx, s.Space, c.Manifest); err != nil {
		return meta.Committed{}, err
	}
	return f.index.Commit(ctx, who, s, c)
}

func (f *Files) complete(ctx context.Context, space string, sum meta.Hash) error {
	m, err := f.index.Manifest(ctx, space, sum)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		return meta.Refuse(cloudapi.ErrChunksMissing, "the manifest is not stored")
	}
	if err != nil || m.Complete {
		return err
	}
	full, err := f.decode(ctx, blob.Name{Space: space, Kind: blob.Manifest, Sum: sum})
	if err != nil {
		// It was whole when it was stored: this is the cloud's damage, not the client's.
		return fmt.Errorf("read stored manifest: %w", err)
	}
	refs := full.Refs()
	asked := make([]meta.ChunkRef, len(refs))
	for i, r := range refs {
		asked[i] = meta.ChunkRef{ID: meta.Hash(r.ID), Size: r.Size}
	}
	return f.index.Complete(ctx, space, sum, asked)
}

func (f *Files) get(ctx context.Context, n blob.Name, offset, length int64) (io.ReadCloser, int64, error) {
	info, err := f.blobs.Stat(ctx, n)
	if err != nil {
		return nil, 0, lost(err)
	}
	r, err := f.blobs.Get(ctx, n, offset, length)
	return r, info.Size, lost(err)
}

// lost keeps a blob that the index knows but the store does not from looking like a
// client's mistake: it is an error of the cloud.
func lost(err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("blob is indexed but lost: %w", err)
	}
	return err
}

// refuse turns what is wrong with a client's bytes, and a full store, into refusals.
func refuse(err error) error {
	switch {
	case errors.Is(err, chunk.ErrName):
		return meta.Refuse(cloudapi.ErrNameInvalid, err.Error())
	case errors.Is(err, chunk.ErrTooLarge), errors.Is(err, blob.ErrTooLarge):
		return meta.Refuse(cloudapi.ErrTooLarge, err.Error())
	case errors.Is(err, chunk.ErrDamaged), errors.Is(err, blob.ErrDamaged):
		return meta.Refuse(cloudapi.ErrContentDamaged, err.Error())
	case errors.Is(err, blob.ErrFull):
		return meta.Refuse(cloudapi.ErrStorageFull, "the cloud's store is full")
	}
	return err
}
