// Package metatest is the contract of package meta as tests: one suite, run on each back
// end by that back end's own tests. Nothing else imports it. It never looks behind the
// interface.
package metatest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Core tries the contract of accounts, devices, licences and the audit trail. open makes an empty store.
func Core(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"one-time code", oneTimeCode},
		{"one first administrator", oneAdministrator},
		{"members", members},
		{"failures", failures},
		{"tokens", tokens},
		{"refresh race", refreshRace},
		{"devices", devices},
		{"enrolment race", enrolRace},
		{"instances", instances},
		{"seat race", seatRace},
		{"device race", deviceRace},
		{"issued content", issued},
		{"removal takes everything along", removal},
		{"audit", audit},
		{"sweep", sweep},
		{"ended context", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		})
	}
}

type core struct {
	meta.Store
	ctx context.Context
	now time.Time
}

func (c *core) why(action string) meta.Entry {
	return meta.Entry{Org: "org_a", Time: c.now, Account: "boss", Action: action, Params: map[string]string{"k": "v"}}
}

// accounts makes organisation org_a with the administrator boss and the members ann and bob.
func (c *core) accounts(t *testing.T) {
	t.Helper()
	ok(t, c.SetSetupCode(c.ctx, meta.HashOf("code"), c.now.Add(time.Hour)))
	ok(t, c.Setup(c.ctx, meta.Bootstrap{Code: meta.HashOf("code"), Account: c.account("boss", meta.RoleAdmin), Now: c.now}))
	ok(t, c.AddMember(c.ctx, c.account("ann", meta.RoleMember), meta.Entry{}))
	ok(t, c.AddMember(c.ctx, c.account("bob", meta.RoleMember), meta.Entry{}))
}

func (c *core) account(name, role string) meta.Account {
	return meta.Account{Account: name, Name: strings.ToUpper(name), Role: role, Org: "org_a", OrgName: "Works", Password: "hash of " + name, Created: c.now}
}

func (c *core) token(secret, kind, account string, life time.Duration) meta.Token {
	return meta.Token{Hash: meta.HashOf(secret), Kind: kind, Account: account, Family: "fam_" + account, Created: c.now, Expires: c.now.Add(life)}
}

func (c *core) device(t *testing.T, id string) {
	t.Helper()
	_, err := c.Enrol(c.ctx, meta.Device{ID: id, Thumb: "thumb " + id, Key: []byte("{}"), Name: id, Platform: "linux/amd64", Created: c.now, Seen: c.now},
		meta.Nonce{Hash: meta.HashOf("enrol " + id), Expires: c.now.Add(time.Hour)}, meta.Entry{})
	ok(t, err)
}

// atOnce runs f n times at the same moment and counts the codes of the results, "" for success.
func atOnce(n int, f func(i int) error) map[string]int {
	var wg sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; errs[i] = f(i) })
	}
	close(start)
	wg.Wait()
	out := map[string]int{}
	for _, err := range errs {
		c := meta.CodeOf(err)
		if err != nil && c == "" {
			c = err.Error()
		}
		out[c]++
	}
	return out
}

func oneTimeCode(t *testing.T, c *core) {
	b := meta.Bootstrap{Code: meta.HashOf("code"), Account: c.account("boss", meta.RoleAdmin), Now: c.now, Why: c.why("setup")}
	code(t, "without a code", c.Setup(c.ctx, b), cloudapi.ErrWrongCredentials)
	ok(t, c.SetSetupCode(c.ctx, meta.HashOf("old"), c.now.Add(time.Hour)))
	ok(t, c.SetSetupCode(c.ctx, meta.HashOf("code"), c.now))
	code(t, "at its end", c.Setup(c.ctx, b), cloudapi.ErrWrongCredentials)
	ok(t, c.SetSetupCode(c.ctx, meta.HashOf("code"), c.now.Add(time.Millisecond)))
	b.Code = meta.HashOf("old")
	code(t, "a replaced code", c.Setup(c.ctx, b), cloudapi.ErrWrongCredentials)
	done, err := c.SetupDone(c.ctx)
	ok(t, err)
	if done {
		t.Error("set up before anyone was")
	}
	b.Code = meta.HashOf("code")
	ok(t, c.Setup(c.ctx, b))
	code(t, "the used code", c.Setup(c.ctx, b), cloudapi.ErrSetupDone)
	code(t, "a code afterwards", c.SetSetupCode(c.ctx, meta.HashOf("new"), c.now.Add(time.Hour)), cloudapi.ErrSetupDone)
	if done, err = c.SetupDone(c.ctx); err != nil || !done {
		t.Errorf("set up: %v, %v", done, err)
	}
}

func oneAdministrator(t *testing.T, c *core) {
	ok(t, c.SetSetupCode(c.ctx, meta.HashOf("code"), c.now.Add(time.Hour)))
	got := atOnce(16, func(i int) error {
		a := c.account(fmt.Sprintf("boss%d", i), meta.RoleAdmin)
		a.Org = fmt.Sprintf("org_%d", i)
		return c.Setup(c.ctx, meta.Bootstrap{Code: meta.HashOf("code"), Account: a, Now: c.now})
	})
	if got[""] != 1 || got[cloudapi.ErrSetupDone] != 15 {
		t.Errorf("16 at once with one code: %v", got)
	}
}

func members(t *testing.T, c *core) {
	c.accounts(t)
	a, err := c.Account(c.ctx, "ann")
	ok(t, err)
	if want := c.account("ann", meta.RoleMember); a != want {
		t.Errorf("account %+v, want %+v", a, want)
	}
	_, err = c.Account(c.ctx, "nobody")
	code(t, "unknown account", err, cloudapi.ErrNotFound)
	code(t, "account twice", c.AddMember(c.ctx, c.account("ann", meta.RoleMember), meta.Entry{}), cloudapi.ErrNameExists)
	list, err := c.Members(c.ctx, "org_a")
	ok(t, err)
	if len(list) != 3 || list[0].Account != "ann" || list[2].Account != "boss" || list[0].Password != "" {
		t.Errorf("members %+v", list)
	}
	code(t, "remove the last administrator", c.RemoveMember(c.ctx, "org_a", "boss", meta.Entry{}), cloudapi.ErrForbidden)
	code(t, "remove from another organisation", c.RemoveMember(c.ctx, "org_b", "ann", meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "revoke in another organisation", c.RevokeMember(c.ctx, "org_b", "ann", meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "password of nobody", c.SetPassword(c.ctx, "nobody", "x", meta.Entry{}), cloudapi.ErrNotFound)
	ok(t, c.AddMember(c.ctx, c.account("vice", meta.RoleAdmin), meta.Entry{}))
	got := atOnce(2, func(i int) error { return c.RemoveMember(c.ctx, "org_a", []string{"boss", "vice"}[i], meta.Entry{}) })
	if got[""] != 1 || got[cloudapi.ErrForbidden] != 1 {
		t.Errorf("two administrators who remove each other: %v", got)
	}
}

func failures(t *testing.T, c *core) {
	c.accounts(t)
	for _, account := range []string{"ann", "nobody"} {
		for n := range 3 {
			f, err := c.LoginFailures(c.ctx, account)
			ok(t, err)
			if f.Count != n {
				t.Errorf("%s: %d failures, want %d", account, f.Count, n)
			}
			ok(t, c.LoginFailed(c.ctx, account, c.now.Add(time.Duration(n)*time.Second), meta.Entry{}))
		}
		f, err := c.LoginFailures(c.ctx, account)
		ok(t, err)
		if f.Count != 3 || !f.Until.Equal(c.now.Add(2*time.Second)) {
			t.Errorf("%s: %+v", account, f)
		}
	}
	ok(t, c.SignIn(c.ctx, meta.SignIn{Account: "ann", Now: c.now}))
	if f, err := c.LoginFailures(c.ctx, "ann"); err != nil || f.Count != 0 {
		t.Errorf("after a sign-in: %+v, %v", f, err)
	}
	code(t, "sign-in of nobody", c.SignIn(c.ctx, meta.SignIn{Account: "nobody", Now: c.now}), cloudapi.ErrNotFound)
}

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
	c.rotation(t)
}

func (c *core) rotate(attempt, refresh, next string, at time.Time) error {
	life := func(secret, kind string) meta.Token {
		return meta.Token{Hash: meta.HashOf(secret), Kind: kind, Created: at, Expires: at.Add(time.Hour)}
	}
	_, err := c.Rotate(c.ctx, meta.Rotation{Refresh: meta.HashOf(refresh), Attempt: attempt, Now: at,
		Access: life("access "+next, meta.KindUser), Next: life(next, meta.KindRefresh)})
	return err
}

func (c *core) rotation(t *testing.T) {
	t.Helper()
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

	// A long pause: the access token of the lost answer has ended and was swept.
	long := c.token("l1", meta.KindRefresh, "ann", 30*24*time.Hour)
	long.Family = "fam_long"
	ok(t, c.AddToken(c.ctx, long))
	next := func(at time.Time) meta.Rotation {
		return meta.Rotation{Refresh: long.Hash, Attempt: "try", Now: at,
			Access: meta.Token{Hash: meta.HashOf("la"), Kind: meta.KindUser, Created: at, Expires: at.Add(time.Hour)},
			Next:   meta.Token{Hash: meta.HashOf("l2"), Kind: meta.KindRefresh, Created: at, Expires: at.Add(30 * 24 * time.Hour)}}
	}
	_, err = c.Rotate(c.ctx, next(c.now))
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

func devices(t *testing.T, c *core) {
	d := meta.Device{ID: "dev_1", Thumb: "thumb", Key: []byte(`{"k":1}`), Name: "desk", Platform: "linux/amd64", Identity: "id", Created: c.now, Seen: c.now}
	n := func(s string) meta.Nonce { return meta.Nonce{Hash: meta.HashOf(s), Expires: c.now.Add(time.Hour)} }
	got, err := c.Enrol(c.ctx, d, n("1"), meta.Entry{})
	ok(t, err)
	if !reflect.DeepEqual(got, d) {
		t.Errorf("enrolled %+v", got)
	}
	_, err = c.Enrol(c.ctx, d, n("1"), c.why("device.enrolled"))
	code(t, "a used nonce", err, cloudapi.ErrUnauthenticated)
	again := d
	again.ID, again.Name, again.Seen = "dev_2", "renamed", c.now.Add(time.Hour)
	got, err = c.Enrol(c.ctx, again, n("2"), meta.Entry{})
	ok(t, err)
	if got.ID != "dev_1" || got.Name != "renamed" || !got.Created.Equal(c.now) || !got.Seen.Equal(again.Seen) {
		t.Errorf("same key again: %+v", got)
	}
	found, err := c.Device(c.ctx, "dev_1")
	ok(t, err)
	if !reflect.DeepEqual(found, got) {
		t.Errorf("found %+v", found)
	}
	_, err = c.Device(c.ctx, "dev_2")
	code(t, "unknown device", err, cloudapi.ErrNotFound)
	token := meta.Token{Hash: meta.HashOf("d"), Kind: meta.KindDevice, Device: "dev_1", Family: "f", Created: c.now, Expires: c.now.Add(time.Hour)}
	code(t, "token with a used nonce", c.DeviceToken(c.ctx, token, n("2")), cloudapi.ErrUnauthenticated)
	ok(t, c.DeviceToken(c.ctx, token, n("3")))
	b, err := c.Bearer(c.ctx, token.Hash, c.now)
	ok(t, err)
	if b.Token.Device != "dev_1" || b.Account.Account != "" {
		t.Errorf("device token %+v", b)
	}
	token.Hash, token.Device = meta.HashOf("e"), "dev_2"
	code(t, "token of an unknown device", c.DeviceToken(c.ctx, token, n("4")), cloudapi.ErrNotFound)
	token.Device = "dev_1"
	code(t, "the nonce of a refused command is not used up", c.DeviceToken(c.ctx, token, n("4")), "")
}

func enrolRace(t *testing.T, c *core) {
	ids := make([]string, 16)
	got := atOnce(16, func(i int) error {
		d, err := c.Enrol(c.ctx, meta.Device{ID: fmt.Sprint("dev_", i), Thumb: "one", Key: []byte("{}"), Created: c.now, Seen: c.now},
			meta.Nonce{Hash: meta.HashOf(fmt.Sprint(i)), Expires: c.now.Add(time.Hour)}, meta.Entry{})
		ids[i] = d.ID
		return err
	})
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key became several devices: %v %v", ids, got)
		}
	}
}
