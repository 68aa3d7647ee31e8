package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
	"github.com/iscdesk/iscdesk/cloud/internal/blob/blobtest"
	"github.com/iscdesk/iscdesk/cloud/internal/blob/disk"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// room is a Files over real stores, with faults to plant between.
type room struct {
	*Files
	store *sqlite.Store
	blobs *blobtest.Faulty
	who   meta.Who
	space string
}

// open opens the stores of a folder; the first time it makes an account and a space.
func open(t testing.TB, dir string) *room {
	t.Helper()
	ctx := t.Context()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "cloud.db"))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	blobs, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "blobs"), Max: cloudapi.MaxManifest})
	must(t, err)
	r := &room{store: store, blobs: &blobtest.Faulty{Store: blobs}, who: meta.Who{Account: "owner", Org: "org", Now: time.Unix(1_780_000_000, 0)}}
	r.Files = New(store, r.blobs)
	if done, err := store.SetupDone(ctx); err == nil && !done {
		code := meta.HashOf("code")
		must(t, store.SetSetupCode(ctx, code, r.who.Now.Add(time.Hour)))
		must(t, store.Setup(ctx, meta.Bootstrap{Code: code, Now: r.who.Now,
			Account: meta.Account{Account: "owner", Name: "Owner", Role: meta.RoleAdmin, Org: "org", OrgName: "org", Created: r.who.Now}}))
		_, err := store.AddSpace(ctx, r.who, "Space", meta.Entry{})
		must(t, err)
	}
	spaces, err := store.Spaces(ctx, r.who)
	must(t, err)
	r.space = spaces[0].ID
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := meta.CodeOf(err); got != want || (err != nil) != (want != "") {
		t.Errorf("%s: %v instead of %q", what, err, want)
	}
}

// saved is one save of one file: what is sent and what it must become.
type saved struct {
	name               string
	data               []byte
	pack, manifest     []byte
	packSum, manifestS meta.Hash
	refs               []chunk.Ref
}

func newSave(t testing.TB, name string, data []byte) saved {
	t.Helper()
	s := saved{name: name, data: data}
	var buf bytes.Buffer
	w := chunk.NewPack(&buf)
	f := chunk.File{Path: name, Size: int64(len(data)), Mode: 0o644, ModTime: time.Unix(1_700_000_000, 0)}
	must(t, new(chunk.Cutter).Cut(bytes.NewReader(data), func(b []byte) error {
		id := chunk.Sum(b)
		f.Chunks = append(f.Chunks, chunk.Ref{ID: id, Size: int64(len(b))})
		w.Fast = len(f.Chunks)%2 == 0 // one codec, then the other
		_, err := w.Add(id, b)
		return err
	}))
	info, err := w.Close()
	must(t, err)
	s.pack, s.packSum, s.refs = buf.Bytes(), meta.Hash(info.SHA256), f.Chunks
	b, id, err := chunk.Manifest{Kind: chunk.KindFile, Files: []chunk.File{f}}.Encode()
	must(t, err)
	s.manifest, s.manifestS = b, meta.Hash(id)
	return s
}

func (r *room) commit(ctx context.Context, s saved) (meta.Committed, error) {
	return r.Commit(ctx, r.who, meta.Scope{Space: r.space, Write: true, Operation: "save " + s.name},
		meta.Commit{Manifest: s.manifestS, Name: s.name, Kind: cloudapi.KindFile})
}

func (r *room) save(ctx context.Context, s saved) (meta.Committed, error) {
	if err := r.PutPack(ctx, r.space, s.packSum, bytes.NewReader(s.pack)); err != nil {
		return meta.Committed{}, err
	}
	if err := r.PutManifest(ctx, r.space, s.manifestS, bytes.NewReader(s.manifest)); err != nil {
		return meta.Committed{}, err
	}
	return r.commit(ctx, s)
}

// content reads an object's newest version as a reader of it may.
func (r *room) content(ctx context.Context, object string) ([]byte, error) {
	versions, err := r.store.Versions(ctx, r.who, object, 0, 1)
	if err != nil {
		return nil, err
	}
	scope := meta.Scope{Space: r.space, Object: object}
	in, _, err := r.Manifest(ctx, scope, versions[0].Manifest)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	m, err := chunk.DecodeManifest(b)
	if err != nil {
		return nil, err
	}
	var data []byte
	for _, ref := range m.Files[0].Chunks {
		at, err := r.store.Locate(ctx, r.space, object, []meta.Hash{meta.Hash(ref.ID)})
		if err != nil || len(at) != 1 {
			return nil, fmt.Errorf("locate %s: %d places, %w", ref.ID, len(at), err)
		}
		in, _, err := r.Files.Pack(ctx, scope, at[0].Pack, at[0].Offset, at[0].Stored)
		if err != nil {
			return nil, err
		}
		stored, err := io.ReadAll(in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, err
		}
		plain, err := chunk.UnpackInto(nil, stored, at[0].Size, ref.ID)
		if err != nil {
			return nil, err
		}
		data = append(data, plain...)
	}
	return data, nil
}

func (r *room) names(t *testing.T) (names []string) {
	t.Helper()
	_, entries, _, err := r.store.Folder(t.Context(), r.who, r.space, "", "", 1000)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func sample(n byte) []byte { return bytes.Repeat([]byte{n, 'x', n / 2, '\n'}, 300_000) }

func TestSaveAndRead(t *testing.T) {
	r := open(t, t.TempDir())
	s := newSave(t, "a.stl", sample(1))
	done, err := r.save(t.Context(), s)
	must(t, err)
	got, err := r.content(t.Context(), done.Object)
	if err != nil || !bytes.Equal(got, s.data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestFaultsOfTheStore: each planted fault is met, is told, shows nothing, and is over when
// the client asks again.
func TestFaultsOfTheStore(t *testing.T) {
	lost := errors.New("the answer was lost")
	for _, c := range []struct {
		name  string
		point blobtest.Point
		after int // calls at the point that go well before
		err   error
		code  string
	}{
		{"pack, full disk", blobtest.BeforePut, 0, fmt.Errorf("write: %w", blob.ErrFull), cloudapi.ErrStorageFull},
		{"pack, not stored", blobtest.BeforePut, 0, lost, ""},
		{"pack, stored but not told", blobtest.AfterPut, 0, lost, ""},
		{"manifest, full disk", blobtest.BeforePut, 1, fmt.Errorf("write: %w", blob.ErrFull), cloudapi.ErrStorageFull},
		{"manifest, not stored", blobtest.BeforePut, 1, lost, ""},
		{"manifest, stored but not told", blobtest.AfterPut, 1, lost, ""},
		{"manifest, half read back", blobtest.InGet, 0, lost, ""},
		{"manifest, cannot be asked for", blobtest.InStat, 0, lost, ""},
		{"manifest, gone", blobtest.InStat, 0, blob.ErrNotFound, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, t.TempDir())
			s := newSave(t, "a.stl", sample(2))
			r.blobs.Plant(c.point, append(make([]error, c.after), c.err)...)
			_, err := r.save(t.Context(), s)
			if err == nil || meta.CodeOf(err) != c.code {
				t.Errorf("save: %v instead of %q", err, c.code)
			}
			if names := r.names(t); len(names) != 0 {
				t.Errorf("visible after a fault: %v", names)
			}
			if r.blobs.Fired(c.point) != c.after+1 {
				t.Fatal("the planted fault was not met")
			}
			done, err := r.save(t.Context(), s)
			must(t, err)
			if got, err := r.content(t.Context(), done.Object); err != nil || !bytes.Equal(got, s.data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestBodiesThatEndInAnError(t *testing.T) {
	r := open(t, t.TempDir())
	s := newSave(t, "a.stl", sample(3))
	torn := errors.New("torn")
	for n := 0; n <= len(s.pack); n += max(1, len(s.pack)/7) {
		body := io.MultiReader(bytes.NewReader(s.pack[:n]), iotest.ErrReader(torn))
		if err := r.PutPack(t.Context(), r.space, s.packSum, body); !errors.Is(err, torn) || meta.CodeOf(err) != "" {
			t.Errorf("torn after %d bytes: %v", n, err)
		}
	}
	if err := r.PutManifest(t.Context(), r.space, s.manifestS, iotest.ErrReader(torn)); !errors.Is(err, torn) {
		t.Errorf("torn manifest: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.PutPack(ended, r.space, s.packSum, bytes.NewReader(s.pack)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if have, err := r.store.HasPack(t.Context(), r.space, s.packSum); err != nil || have {
		t.Errorf("a refused pack is indexed: %v", err)
	}
	wantCode(t, "one byte at a time", r.PutPack(t.Context(), r.space, s.packSum, iotest.OneByteReader(bytes.NewReader(s.pack))), "")
	wantCode(t, "again, torn", r.PutPack(t.Context(), r.space, s.packSum, bytes.NewReader(s.pack[:1])), "")
}

// TestStoreKeepsNoUnverifiedPack: a pack under its own right checksum with one wrong chunk must
// not even become a blob.
func TestStoreKeepsNoUnverifiedPack(t *testing.T) {
	r := open(t, t.TempDir())
	s := newSave(t, "a.stl", sample(4))
	for _, at := range []int{0, 8, 9, 45, len(s.pack) - 1, len(s.pack) - 5} {
		bad := slices.Clone(s.pack)
		bad[at] ^= 0x41
		sum := meta.Hash(chunk.Sum(bad))
		err := r.PutPack(t.Context(), r.space, sum, bytes.NewReader(bad))
		if code := meta.CodeOf(err); code != cloudapi.ErrContentDamaged && code != cloudapi.ErrTooLarge {
			t.Errorf("byte %d changed: %v", at, err)
		}
		if _, err := r.blobs.Stat(t.Context(), blob.Name{Space: r.space, Kind: blob.Pack, Sum: sum}); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("byte %d changed: stored: %v", at, err)
		}
	}
}

func TestSavesTogether(t *testing.T) {
	r := open(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			// Two of each: the same content under two names.
			s := newSave(t, fmt.Sprintf("part %d.stl", w), sample(byte(w/2)))
			done, err := r.save(t.Context(), s)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := r.content(t.Context(), done.Object); err != nil || !bytes.Equal(got, s.data) {
				t.Errorf("%s: %d bytes, %v", s.name, len(got), err)
			}
		})
	}
	wg.Wait()
	if names := r.names(t); len(names) != 6 || !strings.HasPrefix(names[0], "part") {
		t.Errorf("names %v", names)
	}
}

// TestManifestsThatAreNone leave neither an index row nor a blob.
func TestManifestsThatAreNone(t *testing.T) {
	r := open(t, t.TempDir())
	good := newSave(t, "a.stl", sample(5))
	for body, want := range map[string]string{
		strings.Replace(string(good.manifest), "a.stl", "../a.stl", 1): cloudapi.ErrNameInvalid,
		string(good.manifest) + "\n":                                   cloudapi.ErrContentDamaged,
		"":                                                             cloudapi.ErrContentDamaged,
	} {
		sum := meta.Hash(chunk.Sum([]byte(body)))
		wantCode(t, body, r.PutManifest(t.Context(), r.space, sum, strings.NewReader(body)), want)
		if _, err := r.blobs.Stat(t.Context(), blob.Name{Space: r.space, Kind: blob.Manifest, Sum: sum}); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%q is stored: %v", body, err)
		}
		_, err := r.store.Manifest(t.Context(), r.space, sum)
		wantCode(t, "index of "+body, err, cloudapi.ErrNotFound)
	}
	// Clients that send slowly hold nobody up.
	held := make([]*io.PipeWriter, manifestsAtOnce+2)
	var wg sync.WaitGroup
	for i := range held {
		body, w := io.Pipe()
		held[i] = w
		wg.Go(func() { _ = r.PutManifest(t.Context(), r.space, good.manifestS, body) })
	}
	if err := r.PutManifest(t.Context(), r.space, good.manifestS, bytes.NewReader(good.manifest)); err != nil {
		t.Error(err)
	}
	for _, w := range held {
		w.CloseWithError(io.ErrUnexpectedEOF)
	}
	wg.Wait()
}
