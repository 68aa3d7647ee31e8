package metatest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func spaces(t *testing.T, d *drive) {
	for account, want := range map[string]string{dOwner: cloudapi.RoleOwner, dEditor: cloudapi.RoleEditor, dViewer: cloudapi.RoleViewer, dStranger: "", dOther: ""} {
		list, err := d.Spaces(d.ctx, d.who(account))
		ok(t, err)
		got := ""
		if len(list) == 1 {
			got = list[0].Role
		}
		if got != want {
			t.Errorf("%s: role %q instead of %q", account, got, want)
		}
	}
	_, err := d.AddSpace(d.ctx, d.who(dStranger), "pUMPS", meta.Entry{})
	code(t, "same name in another case", err, cloudapi.ErrNameExists)
	_, err = d.AddSpace(d.ctx, d.who(dOther), "Pumps", meta.Entry{})
	code(t, "same name in another organisation", err, "")
	_, err = d.AddSpace(d.ctx, d.who(dOwner), "a/b", meta.Entry{})
	code(t, "a path", err, cloudapi.ErrNameInvalid)
	code(t, "an unknown role", d.SetRole(d.ctx, d.who(dOwner), d.space, dViewer, "king", meta.Entry{}), cloudapi.ErrInvalid)
	code(t, "an account of another organisation", d.SetRole(d.ctx, d.who(dOwner), d.space, dOther, cloudapi.RoleViewer, meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "an unknown account", d.SetRole(d.ctx, d.who(dOwner), d.space, "nobody", cloudapi.RoleViewer, meta.Entry{}), cloudapi.ErrNotFound)
}

func owners(t *testing.T, d *drive) {
	code(t, "last owner leaves", d.Unset(d.ctx, d.who(dOwner), d.space, dOwner, meta.Entry{}), cloudapi.ErrConflict)
	code(t, "last owner steps down", d.SetRole(d.ctx, d.who(dOwner), d.space, dOwner, cloudapi.RoleViewer, meta.Entry{}), cloudapi.ErrConflict)
	ok(t, d.SetRole(d.ctx, d.who(dOwner), d.space, dEditor, cloudapi.RoleOwner, meta.Entry{}))
	ok(t, d.Unset(d.ctx, d.who(dOwner), d.space, dOwner, meta.Entry{}))
	_, _, _, err := d.Folder(d.ctx, d.who(dOwner), d.space, "", "", 10)
	code(t, "who left looks in", err, cloudapi.ErrNotFound)
	ok(t, d.Unset(d.ctx, d.who(dViewer), d.space, dViewer, meta.Entry{}))
	code(t, "who is not in it is put out", d.Unset(d.ctx, d.who(dEditor), d.space, dStranger, meta.Entry{}), cloudapi.ErrNotFound)
	// An account that is removed takes its roles with it.
	ok(t, d.SetRole(d.ctx, d.who(dEditor), d.space, dStranger, cloudapi.RoleViewer, meta.Entry{}))
	ok(t, d.RemoveMember(d.ctx, "org_a", dStranger, meta.Entry{}))
	_, err = d.Object(d.ctx, d.who(dStranger), "obj_none")
	code(t, "a removed account", err, cloudapi.ErrNotFound)
	// And a space whose last owner is removed goes to an administrator.
	ok(t, d.RemoveMember(d.ctx, "org_a", dEditor, meta.Entry{Org: "org_a", Account: dOwner, Time: d.now, Action: "member.removed"}))
	list, err := d.Spaces(d.ctx, d.who(dOwner))
	ok(t, err)
	if len(list) != 1 || list[0].Role != cloudapi.RoleOwner {
		t.Errorf("the administrator has %v", list)
	}
}

func names(t *testing.T, d *drive) {
	editor := d.who(dEditor)
	f, err := d.AddFolder(d.ctx, editor, d.space, "", "Parts")
	ok(t, err)
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "con", "LPT1.txt", "end.", "end ", "a\x00", "a:b", strings.Repeat("n", 256)} {
		_, err := d.AddFolder(d.ctx, editor, d.space, f.ID, name)
		code(t, fmt.Sprintf("folder %q", name), err, cloudapi.ErrNameInvalid)
		_, err = d.Commit(d.ctx, editor, d.scope("name", ""), meta.Commit{Manifest: d.stored(t, d.space, "n", cloudapi.KindFile), Name: name, Kind: cloudapi.KindFile})
		code(t, fmt.Sprintf("object %q", name), err, cloudapi.ErrNameInvalid)
	}
	for _, name := range []string{"Parts", "PARTS", "parts"} {
		_, err := d.AddFolder(d.ctx, editor, d.space, "", name)
		code(t, name, err, cloudapi.ErrNameExists)
	}
	_, err = d.Commit(d.ctx, editor, d.scope("clash", ""), meta.Commit{Manifest: d.stored(t, d.space, "c", cloudapi.KindFile), Name: "pArts", Kind: cloudapi.KindFile})
	code(t, "object named like a folder", err, cloudapi.ErrNameExists)
	_, err = d.AddFolder(d.ctx, editor, d.space, "", "caf\u00e9")
	ok(t, err)
	_, err = d.AddFolder(d.ctx, editor, d.space, "", "CAFE\u0301")
	code(t, "the same letters composed otherwise", err, cloudapi.ErrNameExists)
	for _, parent := range []string{"fld_none", d.object(t, "not a folder")} {
		_, err = d.AddFolder(d.ctx, editor, d.space, parent, "x")
		code(t, "in "+parent, err, cloudapi.ErrNotFound)
	}
	at := ""
	for depth := 0; ; depth++ {
		f, err := d.AddFolder(d.ctx, editor, d.space, at, fmt.Sprint("level ", depth))
		if err != nil {
			code(t, "too deep", err, cloudapi.ErrInvalid)
			if depth < 16 {
				t.Errorf("only %d levels", depth)
			}
			break
		}
		if depth > 100 {
			t.Fatal("no bound on depth")
		}
		at = f.ID
	}
}

func paging(t *testing.T, d *drive) {
	editor := d.who(dEditor)
	d.object(t, "zeta.stl")
	d.object(t, "Alpha.stl")
	for _, name := range []string{"b", "C", "a"} {
		_, err := d.AddFolder(d.ctx, editor, d.space, "", name)
		ok(t, err)
	}
	want := []string{"a", "b", "C", "Alpha.stl", "zeta.stl"}
	for size := 1; size <= 6; size++ {
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			_, entries, next, err := d.Folder(d.ctx, editor, d.space, "", after, size)
			ok(t, err)
			for _, e := range entries {
				got = append(got, e.Name)
			}
			if next == "" {
				break
			}
			if pages > 10 || len(entries) != size {
				t.Fatalf("page %d of size %d has %d entries", pages, size, len(entries))
			}
			after = next
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	for _, after := range []string{"x", "!!", "MQ", "Mngg", "../.."} {
		_, _, _, err := d.Folder(d.ctx, editor, d.space, "", after, 5)
		code(t, "cursor "+after, err, cloudapi.ErrInvalid)
	}
	// An entry that vanishes behind the cursor, or comes before it, does not disturb the rest.
	_, _, next, err := d.Folder(d.ctx, editor, d.space, "", "", 2)
	ok(t, err)
	_, err = d.AddFolder(d.ctx, editor, d.space, "", "aa")
	ok(t, err)
	_, entries, _, err := d.Folder(d.ctx, editor, d.space, "", next, 1)
	ok(t, err)
	if len(entries) != 1 || entries[0].Name != "C" {
		t.Errorf("after a new entry: %v", entries)
	}
}

func manyEntries(t *testing.T, d *drive) {
	const count = 10_000
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for i := w; i < count; i += 50 {
				if _, err := d.AddFolder(d.ctx, d.who(dEditor), d.space, "", fmt.Sprintf("f%05d", i)); err != nil {
					t.Errorf("add %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	seen, after := 0, ""
	for {
		_, entries, next, err := d.Folder(d.ctx, d.who(dViewer), d.space, "", after, cloudapi.MaxEntries)
		ok(t, err)
		for _, e := range entries {
			if want := fmt.Sprintf("f%05d", seen); e.Name != want {
				t.Fatalf("entry %q instead of %q", e.Name, want)
			}
			seen++
		}
		if after = next; next == "" {
			break
		}
	}
	if seen != count {
		t.Errorf("%d entries", seen)
	}
}
