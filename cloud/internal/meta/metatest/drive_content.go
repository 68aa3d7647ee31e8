package metatest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func perSpace(t *testing.T, d *drive) {
	second, err := d.AddSpace(d.ctx, d.who(dOwner), "Valves", meta.Entry{})
	ok(t, err)
	d.stored(t, d.space, "x", cloudapi.KindFile)
	id := sumOf("chunk x")
	asked := []meta.Hash{sumOf("none"), id, sumOf("none either"), id}
	for space, want := range map[string][]meta.Hash{d.space: {asked[0], asked[2]}, second.ID: asked} {
		got, err := d.Missing(d.ctx, space, asked)
		ok(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("%d missing in %s", len(got), space)
		}
	}
	if have, err := d.HasPack(d.ctx, second.ID, sumOf("pack x")); err != nil || have {
		t.Errorf("the pack is in the other space: %v", err)
	}
	// Naming a chunk of another space in a manifest gives nothing.
	sum := sumOf("thief")
	ok(t, d.AddManifest(d.ctx, second.ID, meta.Manifest{Sum: sum, Kind: cloudapi.KindFile, Size: 20}))
	code(t, "complete with another space's chunk", d.Complete(d.ctx, second.ID, sum, []meta.ChunkRef{{ID: id, Size: 20}}), cloudapi.ErrChunksMissing)
	_, err = d.Manifest(d.ctx, second.ID, sumOf("manifest x"))
	code(t, "another space's manifest", err, cloudapi.ErrNotFound)
	_, err = d.Commit(d.ctx, d.who(dOwner), meta.Scope{Space: second.ID, Write: true, Operation: "thief"},
		meta.Commit{Manifest: sumOf("manifest x"), Name: "x", Kind: cloudapi.KindFile})
	code(t, "commit of another space's manifest", err, cloudapi.ErrChunksMissing)
	code(t, "a wrong length", d.Complete(d.ctx, d.space, sumOf("manifest x"), []meta.ChunkRef{{ID: id, Size: 21}}), cloudapi.ErrContentDamaged)
	_, err = d.Missing(d.ctx, "spc_none", asked)
	code(t, "no such space", err, cloudapi.ErrNotFound)
}

func needs(t *testing.T, d *drive) {
	one, two := d.object(t, "one"), d.object(t, "two")
	for _, c := range []struct {
		object, seed string
		want         bool
	}{{one, "one", true}, {one, "two", false}, {two, "two", true}, {two, "one", false}, {"", "one", false}, {"obj_none", "one", false}} {
		pack, err := d.PackOf(d.ctx, d.space, c.object, sumOf("pack "+c.seed))
		ok(t, err)
		manifest, err := d.ManifestOf(d.ctx, d.space, c.object, sumOf("manifest "+c.seed))
		ok(t, err)
		found, err := d.Locate(d.ctx, d.space, c.object, []meta.Hash{sumOf("none"), sumOf("chunk " + c.seed)})
		ok(t, err)
		if pack != c.want || manifest != c.want || len(found) == 1 != c.want {
			t.Errorf("%q and %s: pack %v, manifest %v, chunks %v", c.object, c.seed, pack, manifest, found)
		}
		if c.want && (found[0].ID != sumOf("chunk "+c.seed) || found[0].Pack != sumOf("pack "+c.seed) || found[0].Offset != 49 || found[0].Stored != 10 || found[0].Size != 20) {
			t.Errorf("location %+v", found[0])
		}
	}
	// A chunk that comes again in another pack keeps its first place.
	again := meta.PackedChunk{ID: sumOf("chunk one"), Offset: 77, Stored: 9, Size: 20}
	ok(t, d.AddPack(d.ctx, d.space, meta.Pack{Sum: sumOf("later"), Size: 99, Chunks: []meta.PackedChunk{again}}))
	found, err := d.Locate(d.ctx, d.space, one, []meta.Hash{again.ID})
	ok(t, err)
	if len(found) != 1 || found[0].Pack != sumOf("pack one") || found[0].Offset != 49 {
		t.Errorf("moved to %+v", found)
	}
}

// driveRoles is every call against every kind of caller.
func driveRoles(t *testing.T, d *drive) {
	const yes, no, hidden = "", cloudapi.ErrForbidden, cloudapi.ErrNotFound
	ok(t, d.AddMember(d.ctx, meta.Account{Account: "spare", Org: "org_a", Name: "S", Role: meta.RoleMember, Created: d.now}, meta.Entry{}))
	n := 0
	fresh := func() string { n++; return d.object(t, fmt.Sprint("object ", n)) }
	for _, c := range []struct {
		name                  string
		call                  func(who meta.Who) error
		owner, editor, viewer string
	}{
		{"Folder", func(w meta.Who) error { _, _, _, err := d.Folder(d.ctx, w, d.space, "", "", 9); return err }, yes, yes, yes},
		{"Object", func(w meta.Who) error { _, err := d.Object(d.ctx, w, fresh()); return err }, yes, yes, yes},
		{"Versions", func(w meta.Who) error { _, err := d.Versions(d.ctx, w, fresh(), 0, 9); return err }, yes, yes, yes},
		{"AddFolder", func(w meta.Who) error { n++; _, err := d.AddFolder(d.ctx, w, d.space, "", fmt.Sprint(n)); return err }, yes, yes, no},
		{"Checkout", func(w meta.Who) error {
			_, err := d.Checkout(d.ctx, w, fresh(), d.now.Add(meta.DefaultCheckout))
			return err
		}, yes, yes, no},
		{"Release", func(w meta.Who) error { return d.Release(d.ctx, w, fresh(), meta.Entry{}) }, yes, no, no},
		{"SetRole", func(w meta.Who) error {
			return d.SetRole(d.ctx, w, d.space, dViewer, cloudapi.RoleViewer, meta.Entry{})
		}, yes, no, no},
		{"Unset", func(w meta.Who) error {
			ok(t, d.SetRole(d.ctx, d.who(dOwner), d.space, "spare", cloudapi.RoleViewer, meta.Entry{}))
			return d.Unset(d.ctx, w, d.space, "spare", meta.Entry{})
		}, yes, no, no},
		{"Permit read", func(w meta.Who) error {
			_, err := d.Permit(d.ctx, w, meta.Scope{Space: d.space, Operation: "r", Object: fresh()})
			return err
		}, yes, yes, yes},
		{"Permit write", func(w meta.Who) error { _, err := d.Permit(d.ctx, w, d.scope("w", fresh())); return err }, yes, yes, no},
		{"Committed", func(w meta.Who) error { _, _, err := d.Committed(d.ctx, w, d.scope("w", "")); return err }, yes, yes, no},
		{"Commit", func(w meta.Who) error {
			n++
			name := fmt.Sprint("new ", n)
			_, err := d.Commit(d.ctx, w, d.scope(name, ""), meta.Commit{Manifest: d.stored(t, d.space, name, cloudapi.KindFile), Name: name, Kind: cloudapi.KindFile})
			return err
		}, yes, yes, no},
	} {
		for account, want := range map[string]string{dOwner: c.owner, dEditor: c.editor, dViewer: c.viewer, dStranger: hidden, dOther: hidden} {
			code(t, c.name+" by "+account, c.call(d.who(account)), want)
		}
	}
}
