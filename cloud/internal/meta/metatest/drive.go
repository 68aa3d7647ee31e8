package metatest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Drive tries the contract of meta.Drive and meta.Content. open makes an empty store.
func Drive(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, d *drive)
	}{
		{"spaces", spaces},
		{"owners", owners},
		{"names", names},
		{"paging", paging},
		{"ten thousand entries", manyEntries},
		{"check-out", checkOut},
		{"check-out ends", checkOutEnds},
		{"release by force", force},
		{"check-out race", checkOutRace},
		{"commit", commit},
		{"commit refused", commitRefused},
		{"commit race", commitRace},
		{"commit repeated", commitRepeated},
		{"index is per space", perSpace},
		{"what an object needs", needs},
		{"roles", driveRoles},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, furnish(t, open(t))) })
	}
}

// drive is a store with two organisations, their accounts, two devices and one space.
type drive struct {
	meta.Store
	ctx   context.Context
	now   time.Time
	space string
}

const (
	dOwner, dEditor, dViewer, dStranger, dOther = "owner", "editor", "viewer", "stranger", "other"
)

func furnish(t *testing.T, s meta.Store) *drive {
	t.Helper()
	d := &drive{Store: s, ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	code := meta.HashOf("code")
	ok(t, s.SetSetupCode(d.ctx, code, d.now.Add(time.Hour)))
	account := func(name, org, role string) meta.Account {
		return meta.Account{Account: name, Name: strings.ToUpper(name), Role: role, Org: org, OrgName: org, Created: d.now}
	}
	ok(t, s.Setup(d.ctx, meta.Bootstrap{Code: code, Account: account(dOwner, "org_a", meta.RoleAdmin), Now: d.now}))
	for _, name := range []string{dEditor, dViewer, dStranger} {
		ok(t, s.AddMember(d.ctx, account(name, "org_a", meta.RoleMember), meta.Entry{}))
	}
	ok(t, s.AddOrganisation(d.ctx, account(dOther, "org_b", meta.RoleAdmin), meta.Entry{}))
	for _, id := range []string{"dev_1", "dev_2"} {
		_, err := s.Enrol(d.ctx, meta.Device{ID: id, Thumb: id, Key: []byte("{}"), Name: "machine of " + id, Platform: "linux/amd64", Created: d.now, Seen: d.now},
			meta.Nonce{Hash: meta.HashOf(id), Expires: d.now.Add(time.Hour)}, meta.Entry{})
		ok(t, err)
	}
	sp, err := s.AddSpace(d.ctx, d.who(dOwner), "Pumps", meta.Entry{})
	ok(t, err)
	d.space = sp.ID
	ok(t, s.SetRole(d.ctx, d.who(dOwner), sp.ID, dEditor, cloudapi.RoleEditor, meta.Entry{}))
	ok(t, s.SetRole(d.ctx, d.who(dOwner), sp.ID, dViewer, cloudapi.RoleViewer, meta.Entry{}))
	return d
}

func (d *drive) who(account string) meta.Who { return d.on(account, "dev_1") }

func (d *drive) on(account, device string) meta.Who {
	w := meta.Who{Account: account, Org: "org_a", Device: device, Now: d.now}
	if account == dOther {
		w.Org = "org_b"
	}
	return w
}

// stored puts a pack with one chunk and a complete manifest of it into a space.
func (d *drive) stored(t *testing.T, space, seed, kind string) meta.Hash {
	t.Helper()
	pack, id, sum := sumOf("pack "+seed), sumOf("chunk "+seed), sumOf("manifest "+seed)
	ok(t, d.AddPack(d.ctx, space, meta.Pack{Sum: pack, Size: 100, Chunks: []meta.PackedChunk{{ID: id, Offset: 49, Stored: 10, Size: 20}}}))
	ok(t, d.AddManifest(d.ctx, space, meta.Manifest{Sum: sum, Kind: kind, Size: 20}))
	ok(t, d.Complete(d.ctx, space, sum, []meta.ChunkRef{{ID: id, Size: 20}}))
	return sum
}

// object makes a single-file object as the editor, not checked out.
func (d *drive) object(t *testing.T, name string) string {
	t.Helper()
	done, err := d.Commit(d.ctx, d.who(dEditor), d.scope("new-"+name, ""),
		meta.Commit{Manifest: d.stored(t, d.space, name, cloudapi.KindFile), Name: name, Kind: cloudapi.KindFile})
	ok(t, err)
	return done.Object
}

func (d *drive) scope(operation, object string) meta.Scope {
	return meta.Scope{Space: d.space, Write: true, Operation: operation, Object: object}
}

func sumOf(s string) meta.Hash { return sha256.Sum256([]byte(s)) }

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

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// code compares a refusal's code; "" stands for success.
func code(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := meta.CodeOf(err); got != want || (err != nil) != (want != "") {
		t.Errorf("%s: %v instead of %q", what, err, want)
	}
	var r *meta.Refusal
	if errors.As(err, &r) && r.Message == "" {
		t.Errorf("%s: no message", what)
	}
}
