package metatest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// instance adds an instance of product cad (added when it is new).
func (c *core) instance(t *testing.T, id string, seats int) meta.Instance {
	t.Helper()
	if err := c.AddProduct(c.ctx, meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}); err != nil {
		code(t, "product again", err, cloudapi.ErrNameExists)
	}
	i := meta.Instance{ID: id, Org: "org_a", Product: "cad", Features: []string{"draw", "export"}, Seats: seats, From: c.now.Add(-time.Hour),
		Until: c.now.Add(time.Hour), Status: meta.StatusActive}
	ok(t, c.AddInstance(c.ctx, i, meta.Entry{}))
	return i
}

func (c *core) grant(instance, account, device string) meta.Grant {
	return meta.Grant{Instance: instance, Account: account, Device: device, Until: c.now.Add(time.Minute), Now: c.now, Devices: 2}
}

func instances(t *testing.T, c *core) {
	c.accounts(t)
	c.device(t, "dev_1")
	first := c.instance(t, "ins_1", 1)
	second := c.instance(t, "ins_0", 5)
	code(t, "instance of an unknown product", c.AddInstance(c.ctx, meta.Instance{ID: "x", Org: "org_a", Product: "none", Seats: 1, Status: meta.StatusActive}, meta.Entry{}),
		cloudapi.ErrProductUnknown)
	products, err := c.Products(c.ctx)
	ok(t, err)
	if !reflect.DeepEqual(products, []meta.Product{{ID: "cad", Name: "CAD"}}) {
		t.Errorf("products %+v", products)
	}
	code(t, "without a seat", c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_1")), cloudapi.ErrLicenseNone)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{})) // again
	code(t, "one seat too many", c.Assign(c.ctx, "org_a", "ins_1", "bob", meta.Entry{}), cloudapi.ErrConflict)
	code(t, "unknown account", c.Assign(c.ctx, "org_a", "ins_0", "nobody", meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "unknown instance", c.Assign(c.ctx, "org_a", "none", "bob", meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "instance of another organisation", c.Assign(c.ctx, "org_b", "ins_0", "bob", meta.Entry{}), cloudapi.ErrNotFound)
	list, err := c.Instances(c.ctx, "org_a")
	ok(t, err)
	first.Assigned = []string{"ann"}
	if !reflect.DeepEqual(list, []meta.Instance{first, second}) {
		t.Errorf("instances %+v", list)
	}
	mine, err := c.Assigned(c.ctx, "ann", "cad")
	ok(t, err)
	if len(mine) != 1 || mine[0].ID != "ins_1" {
		t.Errorf("assigned %+v", mine)
	}
	_, err = c.Assigned(c.ctx, "ann", "none")
	code(t, "assigned of an unknown product", err, cloudapi.ErrProductUnknown)

	code(t, "with a seat", c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_1")), "")
	reason := func(g meta.Grant, want string) {
		t.Helper()
		err := c.Grant(c.ctx, g)
		code(t, want, err, cloudapi.ErrLicenseRefused)
		var r *meta.Refusal
		if errors.As(err, &r) && r.Params["reason"] != want {
			t.Errorf("reason %q, want %q", r.Params["reason"], want)
		}
	}
	late, early := c.grant("ins_1", "ann", "dev_1"), c.grant("ins_1", "ann", "dev_1")
	late.Now, early.Now = first.Until, first.From.Add(-time.Millisecond)
	reason(late, "expired")
	reason(early, "early")
	ok(t, c.SetInstanceStatus(c.ctx, "org_a", "ins_1", meta.StatusFrozen, meta.Entry{}))
	reason(c.grant("ins_1", "ann", "dev_1"), "frozen")
	ok(t, c.SetInstanceStatus(c.ctx, "org_a", "ins_1", meta.StatusActive, meta.Entry{}))
	code(t, "thawed", c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_1")), "")
	code(t, "status in another organisation", c.SetInstanceStatus(c.ctx, "org_b", "ins_1", meta.StatusFrozen, meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "unassign in another organisation", c.Unassign(c.ctx, "org_b", "ins_1", "ann", meta.Entry{}), cloudapi.ErrNotFound)
	ok(t, c.Unassign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	code(t, "after the seat was taken back", c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_1")), cloudapi.ErrLicenseNone)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "bob", meta.Entry{}))
}

func seatRace(t *testing.T, c *core) {
	c.accounts(t)
	c.instance(t, "ins_1", 10)
	for i := range 32 {
		ok(t, c.AddMember(c.ctx, c.account(fmt.Sprint("m", i), meta.RoleMember), meta.Entry{}))
	}
	got := atOnce(32, func(i int) error { return c.Assign(c.ctx, "org_a", "ins_1", fmt.Sprint("m", i), meta.Entry{}) })
	if got[""] != 10 || got[cloudapi.ErrConflict] != 22 {
		t.Errorf("32 claims of 10 seats: %v", got)
	}
}

func deviceRace(t *testing.T, c *core) {
	c.accounts(t)
	c.instance(t, "ins_1", 1)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	for i := range 16 {
		c.device(t, fmt.Sprint("dev_", i))
	}
	got := atOnce(16, func(i int) error { return c.Grant(c.ctx, c.grant("ins_1", "ann", fmt.Sprint("dev_", i))) })
	if got[""] != 2 || got[cloudapi.ErrLicenseRefused] != 14 {
		t.Errorf("16 devices where 2 are allowed: %v", got)
	}
	c.now = c.now.Add(time.Minute) // the two leases have ended
	code(t, "after their end", c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_15")), "")
}

func issued(t *testing.T, c *core) {
	c.accounts(t)
	c.device(t, "dev_1")
	c.instance(t, "ins_1", 1)
	key := meta.HashOf("request")
	ask := func(content string) (string, error) {
		return c.GrantIssued(c.ctx, c.grant("ins_1", "ann", "dev_1"), meta.Issued{Key: key, Content: content})
	}
	_, err := ask("refused")
	code(t, "without a seat", err, cloudapi.ErrLicenseNone)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	got, err := ask("first")
	ok(t, err)
	again, err := ask("second")
	ok(t, err)
	if got != "first" || again != "first" {
		t.Errorf("content %q, then %q", got, again)
	}
}

// removal: what hangs on an account does not keep it from being removed, and does not stay.
func removal(t *testing.T, c *core) {
	c.accounts(t)
	c.device(t, "dev_1")
	c.instance(t, "ins_1", 1)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))
	ok(t, c.Grant(c.ctx, c.grant("ins_1", "ann", "dev_1")))
	ok(t, c.Report(c.ctx, "ann", "report", meta.Entry{}))
	ok(t, c.AddToken(c.ctx, c.token("a", meta.KindUser, "ann", time.Hour)))
	ok(t, c.RemoveMember(c.ctx, "org_a", "ann", meta.Entry{}))
	_, err := c.Bearer(c.ctx, meta.HashOf("a"), c.now)
	code(t, "token", err, cloudapi.ErrUnauthenticated)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "bob", meta.Entry{})) // the seat is free
}

func audit(t *testing.T, c *core) {
	c.accounts(t)
	for _, e := range []meta.Entry{c.why("one"), {Org: "org_b", Time: c.now, Action: "elsewhere"}, c.why(""), {Org: "org_a", Time: c.now, Action: "two"}} {
		ok(t, c.Record(c.ctx, e))
	}
	code(t, "a refused command", c.AddMember(c.ctx, c.account("ann", meta.RoleMember), c.why("refused")), cloudapi.ErrNameExists)
	for range 2 {
		ok(t, c.Report(c.ctx, "ann", "report", c.why("reported")))
	}
	ok(t, c.Report(c.ctx, "bob", "report", c.why("reported by another")))
	list, err := c.Audit(c.ctx, "org_a", 0, 100)
	ok(t, err)
	var got []string
	for i, e := range list {
		got = append(got, e.Action)
		if i > 0 && e.ID <= list[i-1].ID {
			t.Errorf("ids do not grow: %d after %d", e.ID, list[i-1].ID)
		}
	}
	if want := []string{"one", "two", "reported", "reported by another"}; !reflect.DeepEqual(got, want) {
		t.Fatalf("trail %v, want %v", got, want)
	}
	first := list[0]
	first.ID = 0
	if !reflect.DeepEqual(first, c.why("one")) {
		t.Errorf("entry %+v", first)
	}
	page, err := c.Audit(c.ctx, "org_a", list[0].ID, 2)
	ok(t, err)
	if len(page) != 2 || page[0].ID != list[1].ID {
		t.Errorf("page %+v", page)
	}
}

func sweep(t *testing.T, c *core) {
	c.accounts(t)
	ok(t, c.AddToken(c.ctx, c.token("a", meta.KindUser, "ann", time.Minute)))
	ok(t, c.AddToken(c.ctx, c.token("b", meta.KindUser, "ann", time.Hour)))
	ok(t, c.LoginFailed(c.ctx, "ann", c.now, meta.Entry{}))
	n, err := c.Sweep(c.ctx, c.now.Add(time.Minute))
	ok(t, err)
	if n != 1 {
		t.Errorf("swept %d rows, want the one token", n)
	}
	_, err = c.Bearer(c.ctx, meta.HashOf("b"), c.now)
	ok(t, err)
	if n, err = c.Sweep(c.ctx, c.now.Add(24*time.Hour)); err != nil || n != 2 {
		t.Errorf("a day later: %d rows, %v", n, err)
	}
}

// endedContext: a command whose caller has gone does not happen.
func endedContext(t *testing.T, c *core) {
	c.accounts(t)
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	if err := c.AddMember(ctx, c.account("late", meta.RoleMember), meta.Entry{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a command with an ended context: %v", err)
	}
	_, err := c.Account(c.ctx, "late")
	code(t, "its account", err, cloudapi.ErrNotFound)
}
