package metatest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func commit(t *testing.T, d *drive) {
	editor := d.who(dEditor)
	folder, err := d.AddFolder(d.ctx, editor, d.space, "", "Parts")
	ok(t, err)
	first := d.stored(t, d.space, "one", cloudapi.KindAssembly)
	made, err := d.Commit(d.ctx, editor, d.scope("op-1", ""), meta.Commit{Manifest: first, Folder: folder.ID, Name: "Pump",
		Kind: cloudapi.KindAssembly, Until: d.now.Add(meta.DefaultCheckout)})
	ok(t, err)
	if made.Version != 1 || made.Checkout == nil || made.Checkout.Fence != 1 || made.Checkout.Account != dEditor {
		t.Fatalf("new object: %+v", made)
	}
	second := d.stored(t, d.space, "two", cloudapi.KindAssembly)
	done, err := d.Commit(d.ctx, editor, d.scope("op-2", made.Object), meta.Commit{Manifest: second, Object: made.Object, Base: 1, Fence: 1})
	ok(t, err)
	if done.Object != made.Object || done.Version != 2 || done.Checkout == nil || done.Checkout.Fence != 1 {
		t.Errorf("second version: %+v", done)
	}
	p, err := d.Object(d.ctx, d.who(dViewer), made.Object)
	ok(t, err)
	if p.Item.Version != 2 || p.Item.Size != 20 || p.Item.By != dEditor || p.Item.Parent != folder.ID || len(p.Path) != 1 || p.Path[0].Name != "Parts" || p.Space.Name != "Pumps" {
		t.Errorf("object: %+v", p)
	}
	versions, err := d.Versions(d.ctx, d.who(dViewer), made.Object, 0, 10)
	ok(t, err)
	if len(versions) != 2 || versions[0].Number != 2 || versions[0].Manifest != second || versions[1].Manifest != first || versions[1].Machine != "machine of dev_1" {
		t.Errorf("versions: %+v", versions)
	}
	older, err := d.Versions(d.ctx, d.who(dViewer), made.Object, 2, 10)
	ok(t, err)
	if len(older) != 1 || older[0].Number != 1 {
		t.Errorf("versions before 2: %+v", older)
	}
}

func commitRefused(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	good := d.stored(t, d.space, "good", cloudapi.KindFile)
	tree := d.stored(t, d.space, "tree", cloudapi.KindAssembly)
	loose := sumOf("loose")
	ok(t, d.AddManifest(d.ctx, d.space, meta.Manifest{Sum: loose, Kind: cloudapi.KindFile, Size: 1}))
	lease := d.checkout(t, d.who(dEditor), object)
	replace := meta.Commit{Manifest: good, Object: object, Base: 1, Fence: lease.Fence}
	fresh := meta.Commit{Manifest: good, Name: "b.stl", Kind: cloudapi.KindFile}
	with := func(c meta.Commit, change func(*meta.Commit)) meta.Commit { change(&c); return c }
	for _, c := range []struct {
		name  string
		who   meta.Who
		scope meta.Scope
		c     meta.Commit
		want  string
	}{
		{"without a fence", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Fence = 0 }), cloudapi.ErrNotCheckedOut},
		{"older fence", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Fence = -1 }), cloudapi.ErrCheckoutLost},
		{"invented fence", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Fence = 2 }), cloudapi.ErrCheckoutLost},
		{"another device", d.on(dEditor, "dev_2"), d.scope("r", object), replace, cloudapi.ErrCheckoutLost},
		{"another account", d.who(dOwner), d.scope("r", object), replace, cloudapi.ErrCheckoutLost},
		{"older base", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Base = 0 }), cloudapi.ErrConflict},
		{"base from the future", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Base = 2 }), cloudapi.ErrConflict},
		{"manifest with missing chunks", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Manifest = loose }), cloudapi.ErrChunksMissing},
		{"manifest not stored", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Manifest = sumOf("no") }), cloudapi.ErrChunksMissing},
		{"manifest of another kind", d.who(dEditor), d.scope("r", object), with(replace, func(c *meta.Commit) { c.Manifest = tree }), cloudapi.ErrInvalid},
		{"scope of another object", d.who(dEditor), d.scope("r", d.object(t, "other.stl")), replace, cloudapi.ErrForbidden},
		{"scope of a new object", d.who(dEditor), d.scope("r", ""), replace, cloudapi.ErrForbidden},
		{"scope of an old object", d.who(dEditor), d.scope("r", object), fresh, cloudapi.ErrForbidden},
		{"viewer", d.who(dViewer), d.scope("r", ""), fresh, cloudapi.ErrForbidden},
		{"stranger", d.who(dStranger), d.scope("r", ""), fresh, cloudapi.ErrNotFound},
		{"other organisation", d.who(dOther), d.scope("r", ""), fresh, cloudapi.ErrNotFound},
		{"new under a taken name", d.who(dEditor), d.scope("r", ""), with(fresh, func(c *meta.Commit) { c.Name = "A.STL" }), cloudapi.ErrNameExists},
		{"new in no folder", d.who(dEditor), d.scope("r", ""), with(fresh, func(c *meta.Commit) { c.Folder = "fld_none" }), cloudapi.ErrNotFound},
		{"new of kind folder", d.who(dEditor), d.scope("r", ""), with(fresh, func(c *meta.Commit) { c.Kind = cloudapi.KindFolder }), cloudapi.ErrInvalid},
		{"new of another kind", d.who(dEditor), d.scope("r", ""), with(fresh, func(c *meta.Commit) { c.Kind = cloudapi.KindAssembly }), cloudapi.ErrInvalid},
		{"new with missing chunks", d.who(dEditor), d.scope("r", ""), with(fresh, func(c *meta.Commit) { c.Manifest = loose }), cloudapi.ErrChunksMissing},
	} {
		_, err := d.Commit(d.ctx, c.who, c.scope, c.c)
		code(t, c.name, err, c.want)
		if _, found, err := d.Committed(d.ctx, d.who(dEditor), c.scope); err != nil || found {
			t.Errorf("%s: a refused commit is kept: %v", c.name, err)
		}
	}
	p, err := d.Object(d.ctx, d.who(dViewer), object)
	ok(t, err)
	if p.Item.Version != 1 {
		t.Errorf("version %d after refusals", p.Item.Version)
	}
	_, entries, _, err := d.Folder(d.ctx, d.who(dViewer), d.space, "", "", 10)
	ok(t, err)
	if len(entries) != 2 {
		t.Errorf("%d entries after refusals", len(entries))
	}
}

// commitRace has many clients of one holder commit on the same base: one wins.
func commitRace(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	lease := d.checkout(t, d.who(dEditor), object)
	sums := make([]meta.Hash, 8)
	for i := range sums {
		sums[i] = d.stored(t, d.space, fmt.Sprint("race ", i), cloudapi.KindFile)
	}
	for round := range int64(10) {
		won := make([]bool, len(sums))
		var wg sync.WaitGroup
		for i, sum := range sums {
			wg.Go(func() {
				_, err := d.Commit(d.ctx, d.who(dEditor), d.scope(fmt.Sprintf("race-%d-%d", round, i), object),
					meta.Commit{Manifest: sum, Object: object, Base: round + 1, Fence: lease.Fence})
				if won[i] = err == nil; !won[i] {
					if meta.CodeOf(err) != cloudapi.ErrConflict {
						t.Errorf("round %d: %v", round, err)
					}
				}
			})
		}
		wg.Wait()
		versions, err := d.Versions(d.ctx, d.who(dViewer), object, 0, 1)
		ok(t, err)
		i := slices.Index(won, true)
		if i < 0 || slices.Contains(won[i+1:], true) || versions[0].Number != round+2 || versions[0].Manifest != sums[i] {
			t.Fatalf("round %d: winners %v, newest %+v", round, won, versions[0])
		}
	}
	// The same new name from many at once: one object.
	var wg sync.WaitGroup
	for i, sum := range sums {
		wg.Go(func() {
			_, err := d.Commit(d.ctx, d.who(dEditor), d.scope(fmt.Sprint("name-race-", i), ""), meta.Commit{Manifest: sum, Name: "same.stl", Kind: cloudapi.KindFile})
			if err != nil && meta.CodeOf(err) != cloudapi.ErrNameExists {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	_, entries, _, err := d.Folder(d.ctx, d.who(dViewer), d.space, "", "", 10)
	ok(t, err)
	if len(entries) != 2 {
		t.Errorf("%d entries", len(entries))
	}
}

// commitRepeated: the answer was lost, the client asks again, also at the same time, also
// after the world has moved on.
func commitRepeated(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	lease := d.checkout(t, d.who(dEditor), object)
	c := meta.Commit{Manifest: d.stored(t, d.space, "v2", cloudapi.KindFile), Object: object, Base: 1, Fence: lease.Fence}
	scope := d.scope("lost-answer", object)
	answers := make([]meta.Committed, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = d.Commit(d.ctx, d.who(dEditor), scope, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ok(t, d.Checkin(d.ctx, d.who(dEditor), object, lease.Fence))
	d.checkout(t, d.who(dOwner), object)
	last, err := d.Commit(d.ctx, d.who(dEditor), scope, c)
	ok(t, err)
	other, err := d.Commit(d.ctx, d.who(dEditor), scope, meta.Commit{Manifest: sumOf("something else"), Object: object})
	ok(t, err)
	for _, a := range append(answers, last, other) {
		if a.Object != object || a.Version != 2 || a.Checkout == nil || a.Checkout.Fence != lease.Fence {
			t.Errorf("answer %+v", a)
		}
	}
	versions, err := d.Versions(d.ctx, d.who(dViewer), object, 0, 10)
	ok(t, err)
	if len(versions) != 2 {
		t.Errorf("%d versions", len(versions))
	}
	if ended, err := d.Permit(d.ctx, d.who(dEditor), scope); err != nil || !ended {
		t.Errorf("the operation has not ended: %v", err)
	}
	if ended, err := d.Permit(d.ctx, d.who(dOwner), scope); err != nil || ended {
		t.Errorf("another account's operation of the same name has ended: %v", err)
	}
	// Whoever lost the role does not get the answer any more.
	ok(t, d.Unset(d.ctx, d.who(dOwner), d.space, dEditor, meta.Entry{}))
	_, err = d.Commit(d.ctx, d.who(dEditor), scope, c)
	code(t, "repeated without a role", err, cloudapi.ErrNotFound)
	_, _, err = d.Committed(d.ctx, d.who(dEditor), scope)
	code(t, "asked without a role", err, cloudapi.ErrNotFound)
}

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
