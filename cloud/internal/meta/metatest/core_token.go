package metatest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func tokens(t *testing.T, c *core) {
	c.accounts(t)
	c.device(t, "dev_1")
	full := c.token("a", meta.KindTransfer, "ann", time.Hour)
	full.Device, full.Scope = "dev_1", []byte(`{"space":"s"}`)
	ok(t, c.AddToken(c.ctx, full))
	b, err := c.Bearer(c.ctx, full.Hash, c.now)
	ok(t, err)
	if !reflect.DeepEqual(b.Token, full) || b.Account.Account != "ann" || b.Account.Org != "org_a" || b.Account.OrgName != "Works" || b.Account.Password != "" {
		t.Errorf("bearer %+v", b)
	}
	find := func(secret string, at time.Time) error {
		_, err := c.Bearer(c.ctx, meta.HashOf(secret), at)
		return err
	}
	code(t, "just before its end", find("a", c.now.Add(time.Hour-time.Millisecond)), "")
	code(t, "at its end", find("a", c.now.Add(time.Hour)), cloudapi.ErrUnauthenticated)
	code(t, "unknown", find("b", c.now), cloudapi.ErrUnauthenticated)
	ok(t, c.ProlongToken(c.ctx, full.Hash, c.now.Add(2*time.Hour), c.now.Add(time.Hour))) // has ended: stays so
	code(t, "prolonged too late", find("a", c.now.Add(time.Hour)), cloudapi.ErrUnauthenticated)
	ok(t, c.ProlongToken(c.ctx, full.Hash, c.now.Add(2*time.Hour), c.now))
	ok(t, c.ProlongToken(c.ctx, full.Hash, c.now.Add(time.Minute), c.now)) // never shortens
	ok(t, c.ProlongToken(c.ctx, meta.HashOf("b"), c.now.Add(time.Hour), c.now))
	code(t, "prolonged", find("a", c.now.Add(2*time.Hour-time.Millisecond)), "")
	code(t, "at its new end", find("a", c.now.Add(2*time.Hour)), cloudapi.ErrUnauthenticated)
	other := c.token("other", meta.KindUser, "ann", time.Hour)
	other.Family = "fam_other"
	ok(t, c.AddToken(c.ctx, other))
	ok(t, c.AddToken(c.ctx, c.token("bob", meta.KindUser, "bob", time.Hour)))
	ok(t, c.RevokeFamily(c.ctx, "fam_ann", c.why("logout")))
	code(t, "of a revoked family", find("a", c.now), cloudapi.ErrUnauthenticated)
	code(t, "of another family", find("other", c.now), "")
	ok(t, c.RevokeMember(c.ctx, "org_a", "ann", meta.Entry{}))
	code(t, "of a revoked member", find("other", c.now), cloudapi.ErrUnauthenticated)
	code(t, "of another member", find("bob", c.now), "")
	ok(t, c.SetPassword(c.ctx, "bob", "new", meta.Entry{}))
	code(t, "after a new password", find("bob", c.now), cloudapi.ErrUnauthenticated)
}

func (c *core) rotate(attempt, refresh, next string, at time.Time) error {
	life := func(secret, kind string) meta.Token {
		return meta.Token{Hash: meta.HashOf(secret), Kind: kind, Created: at, Expires: at.Add(time.Hour)}
	}
	_, err := c.Rotate(c.ctx, meta.Rotation{Refresh: meta.HashOf(refresh), Attempt: attempt, Now: at,
		Access: life("access "+next, meta.KindUser), Next: life(next, meta.KindRefresh)})
	return err
}

func rotation(t *testing.T, c *core) {
	c.accounts(t)
	find := func(secret string) error {
		_, err := c.Bearer(c.ctx, meta.HashOf(secret), c.now)
		return err
	}
	ok(t, c.AddToken(c.ctx, c.token("r1", meta.KindRefresh, "ann", time.Hour)))
	ok(t, c.AddToken(c.ctx, c.token("u1", meta.KindUser, "ann", time.Hour)))
	code(t, "an access token as refresh token", c.rotate("try", "u1", "x", c.now), cloudapi.ErrUnauthenticated)
	code(t, "first use", c.rotate("try", "r1", "r2", c.now), "")
	code(t, "a repetition", c.rotate("try", "r1", "r2", c.now), "")
	later := c.now.Add(2 * time.Minute)
	code(t, "a later one", c.rotate("try", "r1", "r2", later), "")
	b, err := c.Bearer(c.ctx, meta.HashOf("access r2"), later.Add(time.Hour-time.Millisecond))
	ok(t, err)
	if b.Token.Account != "ann" || b.Token.Family == "" {
		t.Errorf("successor %+v", b.Token)
	}
	code(t, "its successor", c.rotate("other", "r2", "r3", c.now), "")
	code(t, "access token of the second exchange", find("access r3"), "")
	code(t, "a repetition after the successor was used", c.rotate("try", "r1", "r2", c.now), cloudapi.ErrUnauthenticated)
	for _, secret := range []string{"u1", "access r2", "access r3", "r3"} {
		code(t, "of the family that was given up: "+secret, find(secret), cloudapi.ErrUnauthenticated)
	}
}

// After a long pause the access token of a lost answer has ended and was swept; the
// attempt is answered again all the same.
func lateRotation(t *testing.T, c *core) {
	c.accounts(t)
	long := c.token("l1", meta.KindRefresh, "ann", 30*24*time.Hour)
	long.Family = "fam_long"
	ok(t, c.AddToken(c.ctx, long))
	next := func(at time.Time) meta.Rotation {
		return meta.Rotation{Refresh: long.Hash, Attempt: "try", Now: at,
			Access: meta.Token{Hash: meta.HashOf("la"), Kind: meta.KindUser, Created: at, Expires: at.Add(time.Hour)},
			Next:   meta.Token{Hash: meta.HashOf("l2"), Kind: meta.KindRefresh, Created: at, Expires: at.Add(30 * 24 * time.Hour)}}
	}
	_, err := c.Rotate(c.ctx, next(c.now))
	ok(t, err)
	week := c.now.Add(7 * 24 * time.Hour)
	_, err = c.Sweep(c.ctx, week)
	ok(t, err)
	_, err = c.Bearer(c.ctx, meta.HashOf("la"), week)
	code(t, "the access token of the lost answer", err, cloudapi.ErrUnauthenticated)
	_, err = c.Rotate(c.ctx, next(week))
	ok(t, err)
	for _, secret := range []string{"la", "l2"} {
		b, err := c.Bearer(c.ctx, meta.HashOf(secret), week)
		ok(t, err)
		if b.Token.Family != "fam_long" || b.Token.Account != "ann" {
			t.Errorf("after a week: %+v", b.Token)
		}
	}
	other := next(week)
	other.Attempt, other.Access.Hash, other.Next.Hash = "another", meta.HashOf("xa"), meta.HashOf("x2")
	_, err = c.Rotate(c.ctx, other)
	code(t, "another attempt", err, cloudapi.ErrUnauthenticated)
	for _, secret := range []string{"la", "l2", "xa", "x2"} {
		_, err := c.Bearer(c.ctx, meta.HashOf(secret), week)
		code(t, "after another attempt: "+secret, err, cloudapi.ErrUnauthenticated)
	}
}

func refreshRace(t *testing.T, c *core) {
	c.accounts(t)
	ok(t, c.AddToken(c.ctx, c.token("r", meta.KindRefresh, "ann", time.Hour)))
	got := atOnce(16, func(i int) error { return c.rotate(fmt.Sprint("attempt ", i), "r", fmt.Sprint("next ", i), c.now) })
	if got[""] != 1 || got[cloudapi.ErrUnauthenticated] != 15 {
		t.Errorf("16 attempts with one token: %v", got)
	}
	for i := range 16 {
		if _, err := c.Bearer(c.ctx, meta.HashOf(fmt.Sprint("access next ", i)), c.now); err == nil {
			t.Errorf("a token of attempt %d lives on", i)
		}
	}
}
