package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// drive is a cloud with one space and an account for every role.
type drive struct {
	*apitest.Cloud
	space                                  string
	owner, editor, viewer, stranger, other http.Header
	n                                      int
}

func newDrive(t testing.TB) *drive {
	t.Helper()
	d := &drive{Cloud: apitest.Start(t)}
	login := func(tokens cloudapi.Tokens) http.Header { return apitest.Bearer(tokens.AccessToken) }
	d.owner = login(d.Boss)
	d.editor, d.viewer, d.stranger = login(d.Member(t, "eve", "member")), login(d.Member(t, "vic", "member")), login(d.Member(t, "sam", "member"))
	d.other = login(d.Stranger(t, "oz"))
	var sp cloudapi.Space
	d.Must(t, "POST", "/v1/spaces", d.owner, cloudapi.NewSpace{Name: "Pumps"}, &sp, http.StatusCreated)
	d.space = sp.ID
	d.Must(t, "PUT", d.at("/members/eve"), d.owner, cloudapi.SpaceRole{Role: "editor"}, nil, http.StatusNoContent)
	d.Must(t, "PUT", d.at("/members/vic"), d.owner, cloudapi.SpaceRole{Role: "viewer"}, nil, http.StatusNoContent)
	return d
}

// at is a path in the drive's space.
func (d *drive) at(rest string) string { return "/v1/spaces/" + d.space + rest }

func (d *drive) operation() string {
	d.n++
	return fmt.Sprintf("operation-%08d", d.n)
}

// transfer gets a transfer token for a new operation.
func (d *drive) transfer(t testing.TB, who http.Header, mode, object string) (header http.Header, operation string) {
	t.Helper()
	operation = d.operation()
	var out cloudapi.TransferToken
	d.Must(t, "POST", d.at("/transfer"), who, cloudapi.NewTransfer{Mode: mode, Operation: operation, Object: object}, &out, http.StatusCreated)
	return apitest.Bearer(out.Token), operation
}

// content is one file cut, packed and described.
type content struct {
	pack, manifest       []byte
	packSum, manifestSum string
	chunks               []chunk.PackedChunk
	data                 []byte
}

func newContent(t testing.TB, name string, data []byte) content {
	t.Helper()
	var buf bytes.Buffer
	w := chunk.NewPack(&buf)
	f := chunk.File{Path: name, Size: int64(len(data)), Mode: 0o644, ModTime: time.Unix(1700000000, 0)}
	err := new(chunk.Cutter).Cut(bytes.NewReader(data), func(b []byte) error {
		id := chunk.Sum(b)
		f.Chunks = append(f.Chunks, chunk.Ref{ID: id, Size: int64(len(b))})
		w.Fast = len(f.Chunks)%2 == 0 // one codec, then the other
		_, err := w.Add(id, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	manifest, id, err := chunk.Manifest{Kind: chunk.KindFile, Files: []chunk.File{f}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return content{pack: buf.Bytes(), manifest: manifest, packSum: info.SHA256.String(), manifestSum: id.String(), chunks: info.Chunks, data: data}
}

// put stores pack and manifest with a write token.
func (d *drive) put(t testing.TB, token http.Header, c content) {
	t.Helper()
	d.Must(t, "PUT", d.at("/packs/"+c.packSum), token, c.pack, nil, http.StatusNoContent)
	d.Must(t, "PUT", d.at("/manifests/"+c.manifestSum), token, c.manifest, nil, http.StatusNoContent)
}

// create makes an object of new content as the editor.
func (d *drive) create(t *testing.T, name, text string) (string, content) {
	t.Helper()
	token, operation := d.transfer(t, d.editor, "write", "")
	c := newContent(t, name, []byte(strings.Repeat(text+"\n", 1000)))
	d.put(t, token, c)
	var out cloudapi.Committed
	d.Must(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Name: name, Kind: "file"}, &out, http.StatusOK)
	return out.Object, c
}

func TestDriveWholeWay(t *testing.T) {
	d := newDrive(t)
	var folder cloudapi.Entry
	d.Must(t, "POST", d.at("/folders"), d.editor, cloudapi.NewFolder{Name: "Parts"}, &folder, http.StatusCreated)
	token, operation := d.transfer(t, d.editor, "write", "")
	c := newContent(t, "wheel.stl", bytes.Repeat([]byte("facet normal 0 0 1\n"), 200_000))
	var ids cloudapi.Chunks
	for _, k := range c.chunks {
		ids.IDs = append(ids.IDs, k.ID.String())
	}
	var missing cloudapi.Chunks
	d.Must(t, "POST", d.at("/chunks/missing"), token, ids, &missing, http.StatusOK)
	if len(missing.IDs) != len(ids.IDs) {
		t.Errorf("%d of %d missing before", len(missing.IDs), len(ids.IDs))
	}
	// Nothing that is stored is visible before the commit, and the commit needs all of it.
	commit := cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Folder: folder.ID, Name: "wheel.stl", Kind: "file", Checkout: true}
	d.Refused(t, "POST", d.at("/commits"), token, commit, cloudapi.ErrChunksMissing)
	d.Must(t, "PUT", d.at("/manifests/"+c.manifestSum), token, c.manifest, nil, http.StatusNoContent)
	d.Refused(t, "POST", d.at("/commits"), token, commit, cloudapi.ErrChunksMissing)
	d.Must(t, "PUT", d.at("/packs/"+c.packSum), token, c.pack, nil, http.StatusNoContent)
	d.put(t, token, c) // again: 204
	d.Must(t, "POST", d.at("/chunks/missing"), token, ids, &missing, http.StatusOK)
	if len(missing.IDs) != 0 {
		t.Errorf("%d missing after", len(missing.IDs))
	}
	d.Refused(t, "GET", d.at("/packs/"+c.packSum), token, nil, cloudapi.ErrNotFound)
	var list cloudapi.Listing
	d.Must(t, "GET", d.at("/entries?folder="+folder.ID), d.viewer, nil, &list, http.StatusOK)
	if len(list.Entries) != 0 || len(list.Path) != 1 {
		t.Errorf("before the commit: %+v", list)
	}
	var made cloudapi.Committed
	d.Must(t, "POST", d.at("/commits"), token, commit, &made, http.StatusOK)
	if made.Version != 1 || made.Checkout == nil || made.Checkout.Fence != 1 {
		t.Fatalf("committed: %+v", made)
	}
	var again cloudapi.Committed
	d.Must(t, "POST", d.at("/commits"), token, commit, &again, http.StatusOK)
	if again.Object != made.Object || again.Version != 1 {
		t.Errorf("the lost answer again: %+v", again)
	}
	// And back, as a viewer, range by range.
	d.Must(t, "GET", d.at("/entries?folder="+folder.ID), d.viewer, nil, &list, http.StatusOK)
	if len(list.Entries) != 1 || list.Entries[0].Size != int64(len(c.data)) || list.Entries[0].Checkout == nil {
		t.Fatalf("after the commit: %+v", list)
	}
	var versions cloudapi.Versions
	d.Must(t, "GET", "/v1/objects/"+made.Object+"/versions", d.viewer, nil, &versions, http.StatusOK)
	if got := d.fetch(t, d.viewer, made.Object, versions.Versions[0].Manifest); !bytes.Equal(got, c.data) {
		t.Errorf("%d other bytes came back", len(got))
	}
}

// fetch reads a single-file version as a worker does.
func (d *drive) fetch(t *testing.T, who http.Header, object, manifest string) []byte {
	t.Helper()
	token, _ := d.transfer(t, who, "read", object)
	a := d.Do(t, "GET", d.at("/manifests/"+manifest), token, nil)
	m, err := chunk.DecodeManifest(a.Body)
	if err != nil {
		t.Fatalf("manifest, status %d: %v", a.Status, err)
	}
	var ask cloudapi.Chunks
	for _, r := range m.Refs() {
		ask.IDs = append(ask.IDs, r.ID.String())
	}
	var found cloudapi.Locations
	d.Must(t, "POST", d.at("/chunks/locate"), token, ask, &found, http.StatusOK)
	at := map[string]cloudapi.Location{}
	for _, l := range found.Locations {
		at[l.ID] = l
	}
	var data []byte
	for _, r := range m.Files[0].Chunks {
		l, ok := at[r.ID.String()]
		if !ok {
			t.Fatalf("chunk %s is nowhere", r.ID)
		}
		h := token.Clone()
		h.Set("Range", fmt.Sprintf("bytes=%d-%d", l.Offset, l.Offset+l.Stored-1))
		part := d.Do(t, "GET", d.at("/packs/"+l.Pack), h, nil)
		plain, err := chunk.UnpackInto(nil, part.Body, l.Size, r.ID)
		if err != nil || part.Status != http.StatusPartialContent {
			t.Fatalf("chunk, status %d: %v", part.Status, err)
		}
		data = append(data, plain...)
	}
	return data
}

// TestDriveRoles is every path of the drive against every kind of caller.
func TestDriveRoles(t *testing.T) {
	d := newDrive(t)
	const yes, no, hidden, who = "", cloudapi.ErrForbidden, cloudapi.ErrNotFound, cloudapi.ErrUnauthenticated
	object, _ := d.create(t, "fixed.stl", "fixed")
	d.Member(t, "spare", "member")
	for _, c := range []struct {
		method, path          string
		body                  any
		owner, editor, viewer string
		before                func()
	}{
		{"GET", d.at("/entries"), nil, yes, yes, yes, nil},
		{"POST", d.at("/folders"), func() any { d.n++; return cloudapi.NewFolder{Name: fmt.Sprint("folder ", d.n)} }, yes, yes, no, nil},
		{"PUT", d.at("/members/spare"), cloudapi.SpaceRole{Role: "viewer"}, yes, no, no, nil},
		{"DELETE", d.at("/members/spare"), nil, yes, no, no, func() {
			d.Must(t, "PUT", d.at("/members/spare"), d.owner, cloudapi.SpaceRole{Role: "viewer"}, nil, http.StatusNoContent)
		}},
		{"GET", "/v1/objects/" + object, nil, yes, yes, yes, nil},
		{"GET", "/v1/objects/" + object + "/versions", nil, yes, yes, yes, nil},
		{"PUT", "/v1/objects/" + object + "/checkout", cloudapi.NewCheckout{}, yes, yes, no, func() {
			d.Must(t, "DELETE", "/v1/objects/"+object+"/checkout?force=1", d.owner, nil, nil, http.StatusNoContent)
		}},
		{"DELETE", "/v1/objects/" + object + "/checkout?force=1", nil, yes, no, no, nil},
		{"POST", d.at("/transfer"), cloudapi.NewTransfer{Mode: "read", Operation: "operation-of-a-reader", Object: object}, yes, yes, yes, nil},
		{"POST", d.at("/transfer"), cloudapi.NewTransfer{Mode: "write", Operation: "operation-of-a-writer", Object: object}, yes, yes, no, nil},
		{"POST", d.at("/transfer"), cloudapi.NewTransfer{Mode: "write", Operation: "operation-of-a-maker"}, yes, yes, no, nil},
	} {
		for _, caller := range []struct {
			name   string
			header http.Header
			want   string
		}{{"owner", d.owner, c.owner}, {"editor", d.editor, c.editor}, {"viewer", d.viewer, c.viewer},
			{"stranger", d.stranger, hidden}, {"other organisation", d.other, hidden}, {"nobody", nil, who}} {
			if c.before != nil {
				c.before()
			}
			body := c.body
			if f, ok := body.(func() any); ok {
				body = f()
			}
			if got := d.Do(t, c.method, c.path, caller.header, body); got.Code() != caller.want {
				t.Errorf("%s %s by %s: status %d %s", c.method, c.path, caller.name, got.Status, got.Body)
			}
		}
	}
	// Who may not is told so before the body is looked at.
	for path, want := range map[string]string{d.at("/folders"): no, d.at("/transfer"): cloudapi.ErrInvalid} {
		if got := d.Do(t, "POST", path, d.viewer, json.RawMessage("{")); got.Code() != want {
			t.Errorf("%s with half a body: %s", path, got.Body)
		}
	}
}

func TestCheckOutOverHTTP(t *testing.T) {
	d := newDrive(t)
	object, _ := d.create(t, "a.stl", "a")
	path := "/v1/objects/" + object + "/checkout"
	var lease cloudapi.Checkout
	d.Must(t, "PUT", path, d.editor, nil, &lease, http.StatusOK)
	if want := d.Clock.Now().Add(7 * 24 * time.Hour); lease.Fence != 1 || !lease.Until.Equal(want) {
		t.Errorf("lease %+v, want until %v", lease, want)
	}
	e := d.Refused(t, "PUT", path, d.owner, cloudapi.NewCheckout{Seconds: 60}, cloudapi.ErrHeldByOther)
	if e.Params["holder"] != "Member eve" || e.Params["until"] == "" {
		t.Errorf("told %v", e.Params)
	}
	for _, seconds := range []int64{-1, 90*24*3600 + 1, 1 << 62} {
		d.Refused(t, "PUT", path, d.editor, cloudapi.NewCheckout{Seconds: seconds}, cloudapi.ErrInvalid)
	}
	d.Refused(t, "DELETE", path+"?fence=2", d.editor, nil, cloudapi.ErrCheckoutLost)
	d.Refused(t, "DELETE", path+"?fence=x", d.editor, nil, cloudapi.ErrInvalid)
	d.Refused(t, "DELETE", path+"?force=0", d.owner, nil, cloudapi.ErrInvalid)
	d.Must(t, "DELETE", path+"?force=1", d.owner, nil, nil, http.StatusNoContent)
	var trail cloudapi.Audit
	d.Must(t, "GET", "/v1/audit", d.owner, nil, &trail, http.StatusOK)
	last := trail.Entries[len(trail.Entries)-1]
	if last.Action != "checkout.forced" || last.Account != "boss" || last.Params["holder"] != "eve" || last.Params["object"] != object {
		t.Errorf("recorded %+v", last)
	}
	// The holder's save is refused, and stays possible as a new object.
	token, operation := d.transfer(t, d.editor, "write", object)
	c := newContent(t, "a.stl", []byte("work of a week"))
	d.put(t, token, c)
	d.Refused(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Object: object, Base: 1, Fence: 1}, cloudapi.ErrCheckoutLost)
	token, operation = d.transfer(t, d.editor, "write", "")
	var copied cloudapi.Committed
	d.Must(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Name: "a (eve).stl", Kind: "file"}, &copied, http.StatusOK)
	// An ended lease is as lost as a forced one.
	d.Must(t, "PUT", path, d.editor, cloudapi.NewCheckout{Seconds: 600}, &lease, http.StatusOK)
	if lease.Fence != 2 {
		t.Errorf("fence %d", lease.Fence)
	}
	token, operation = d.transfer(t, d.editor, "write", object)
	d.Clock.Advance(10 * time.Minute)
	d.Refused(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Object: object, Base: 1, Fence: 2}, cloudapi.ErrCheckoutLost)
}

func TestFolderPagesOverHTTP(t *testing.T) {
	d := newDrive(t)
	const count = cloudapi.MaxEntries + 1
	var org string
	if b, err := d.Store.Account(t.Context(), "eve"); err == nil {
		org = b.Org
	}
	for i := range count { // beside the door: the pages are what is tried
		who := meta.Who{Account: "eve", Org: org, Now: d.Clock.Now()}
		if _, err := d.Store.AddFolder(t.Context(), who, d.space, "", fmt.Sprintf("f%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var first, second cloudapi.Listing
	d.Must(t, "GET", d.at("/entries"), d.viewer, nil, &first, http.StatusOK)
	d.Must(t, "GET", d.at("/entries?after="+first.Next), d.viewer, nil, &second, http.StatusOK)
	if len(first.Entries) != cloudapi.MaxEntries || len(second.Entries) != 1 || second.Next != "" || second.Entries[0].Name != "f0500" {
		t.Errorf("pages of %d and %d entries", len(first.Entries), len(second.Entries))
	}
	d.Refused(t, "GET", d.at("/entries?after=nonsense"), d.viewer, nil, cloudapi.ErrInvalid)
	d.Refused(t, "GET", d.at("/entries?folder=fld_none"), d.viewer, nil, cloudapi.ErrNotFound)
}
