// Package metatest is the contract of package meta as tests: one suite, run on each back
// end by that back end's own tests. Nothing else imports it. It never looks behind the
// interface.
package metatest

import (
	"context"
	"fmt"
	"strings"
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
		{"rotation", rotation},
		{"rotation after a long pause", lateRotation},
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
	code(t, "the last administrator as member", c.SetMemberRole(c.ctx, "org_a", "boss", meta.RoleMember, meta.Entry{}), cloudapi.ErrForbidden)
	code(t, "the last administrator as administrator", c.SetMemberRole(c.ctx, "org_a", "boss", meta.RoleAdmin, meta.Entry{}), "")
	code(t, "role of another organisation's member", c.SetMemberRole(c.ctx, "org_b", "ann", meta.RoleAdmin, meta.Entry{}), cloudapi.ErrNotFound)
	ok(t, c.SetMemberRole(c.ctx, "org_a", "ann", meta.RoleAdmin, meta.Entry{}))
	code(t, "one of two administrators as member", c.SetMemberRole(c.ctx, "org_a", "ann", meta.RoleMember, meta.Entry{}), "")
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
