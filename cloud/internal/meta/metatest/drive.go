package metatest

import (
	"context"
	"crypto/sha256"
	"strings"
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
