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
