package metatest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Departments tries the contract of an organisation's tree.
func Departments(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"tree", departmentTree},
		{"bounds of the tree", departmentBounds},
		{"members", departmentMembers},
		{"seats for all or nobody", departmentSeats},
		{"seats against single ones", departmentSeatRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		})
	}
}

func (c *core) department(id, parent, name string) error {
	return c.AddDepartment(c.ctx, meta.Department{ID: id, Org: "org_a", Parent: parent, Name: name, Created: c.now}, c.why("department.added"))
}

func reasonIs(t *testing.T, what string, err error, code, reason string) {
	t.Helper()
	var r *meta.Refusal
	if !errors.As(err, &r) || r.Code != code || r.Params["reason"] != reason {
		t.Errorf("%s: %v instead of %s with reason %s", what, err, code, reason)
	}
}

func departmentTree(t *testing.T, c *core) {
	c.accounts(t)
	far := c.account("far", meta.RoleAdmin)
	far.Org, far.OrgName = "org_b", "Elsewhere"
	ok(t, c.AddOrganisation(c.ctx, far, meta.Entry{}))
	ok(t, c.department("d1", "", "Design 设计"))
	ok(t, c.department("d2", "d1", "Chassis"))
	ok(t, c.department("d3", "d2", "Chassis")) // the same name at another place
	ok(t, c.department("d4", "", "Tests"))
	code(t, "name of a sibling", c.department("d5", "", "tESTS"), cloudapi.ErrNameExists)
	code(t, "unknown parent", c.department("d5", "d9", "X"), cloudapi.ErrNotFound)
	code(t, "another organisation's parent", c.AddDepartment(c.ctx, meta.Department{ID: "d6", Org: "org_b", Parent: "d1", Name: "X"}, meta.Entry{}), cloudapi.ErrNotFound)
	ok(t, c.AddDepartment(c.ctx, meta.Department{ID: "f1", Org: "org_b", Name: "Tests", Created: c.now}, meta.Entry{}))
	list, err := c.ListDepartments(c.ctx, "org_a")
	ok(t, err)
	if len(list) != 4 || !reflect.DeepEqual(list[0], meta.Department{ID: "d2", Org: "org_a", Parent: "d1", Name: "Chassis", Created: c.now}) {
		t.Errorf("departments %+v", list)
	}
	for _, no := range []struct {
		what string
		err  error
	}{
		{"rename", c.RenameDepartment(c.ctx, "org_b", "d1", "X", meta.Entry{})},
		{"move", c.MoveDepartment(c.ctx, "org_b", "d1", "", meta.Entry{})},
		{"move below another's", c.MoveDepartment(c.ctx, "org_a", "d1", "f1", meta.Entry{})},
		{"remove", c.RemoveDepartment(c.ctx, "org_b", "d4", meta.Entry{})},
		{"own member into another's", c.SetDepartment(c.ctx, "org_b", "far", "d1", meta.Entry{})},
		{"another's member", c.SetDepartment(c.ctx, "org_b", "ann", "f1", meta.Entry{})},
	} {
		code(t, "another organisation: "+no.what, no.err, cloudapi.ErrNotFound)
	}
	ok(t, c.RenameDepartment(c.ctx, "org_a", "d4", "TESTS", meta.Entry{})) // of itself
	code(t, "rename to a sibling's", c.RenameDepartment(c.ctx, "org_a", "d4", "design 设计", meta.Entry{}), cloudapi.ErrNameExists)
	reasonIs(t, "below itself", c.MoveDepartment(c.ctx, "org_a", "d1", "d3", meta.Entry{}), cloudapi.ErrConflict, "below")
	reasonIs(t, "below its own self", c.MoveDepartment(c.ctx, "org_a", "d1", "d1", meta.Entry{}), cloudapi.ErrConflict, "below")
	code(t, "to where the name is", c.MoveDepartment(c.ctx, "org_a", "d3", "d1", meta.Entry{}), cloudapi.ErrNameExists)
	ok(t, c.MoveDepartment(c.ctx, "org_a", "d2", "d4", meta.Entry{}))
	ok(t, c.MoveDepartment(c.ctx, "org_a", "d2", "d4", meta.Entry{})) // again
	reasonIs(t, "with one below", c.RemoveDepartment(c.ctx, "org_a", "d2", meta.Entry{}), cloudapi.ErrConflict, "children")
	ok(t, c.RemoveDepartment(c.ctx, "org_a", "d3", meta.Entry{}))
	ok(t, c.RemoveDepartment(c.ctx, "org_a", "d2", meta.Entry{}))
	code(t, "removed", c.RemoveDepartment(c.ctx, "org_a", "d2", meta.Entry{}), cloudapi.ErrNotFound)
}

func departmentBounds(t *testing.T, c *core) {
	c.accounts(t)
	parent := ""
	for i := range meta.MaxDepartmentDepth {
		id := fmt.Sprint("n", i)
		ok(t, c.department(id, parent, "n"))
		parent = id
	}
	reasonIs(t, "one deeper", c.department("deep", parent, "n"), cloudapi.ErrConflict, "depth")
	ok(t, c.department("top", "", "top"))
	ok(t, c.department("sub", "top", "sub"))
	reasonIs(t, "moved too deep", c.MoveDepartment(c.ctx, "org_a", "top", "n14", meta.Entry{}), cloudapi.ErrConflict, "depth")
	code(t, "moved as deep as may be", c.MoveDepartment(c.ctx, "org_a", "top", "n13", meta.Entry{}), "")
	for i := meta.MaxDepartmentDepth + 2; i < meta.MaxDepartments; i++ {
		ok(t, c.department(fmt.Sprint("w", i), "", fmt.Sprint("w", i)))
	}
	reasonIs(t, "one more", c.department("more", "", "more"), cloudapi.ErrConflict, "many")
}

func departmentMembers(t *testing.T, c *core) {
	c.accounts(t)
	ok(t, c.department("d1", "", "One"))
	ok(t, c.department("d2", "d1", "Two"))
	ok(t, c.SetDepartment(c.ctx, "org_a", "ann", "d2", meta.Entry{}))
	ok(t, c.SetDepartment(c.ctx, "org_a", "bob", "d1", meta.Entry{}))
	code(t, "unknown department", c.SetDepartment(c.ctx, "org_a", "ann", "d9", meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "unknown member", c.SetDepartment(c.ctx, "org_a", "nobody", "d1", meta.Entry{}), cloudapi.ErrNotFound)
	is := func(what string, want map[string]string) {
		t.Helper()
		got, err := c.MemberDepartments(c.ctx, "org_a")
		ok(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	is("set", map[string]string{"ann": "d2", "bob": "d1"})
	ok(t, c.RemoveDepartment(c.ctx, "org_a", "d2", meta.Entry{}))
	is("a removed department's go to its parent", map[string]string{"ann": "d1", "bob": "d1"})
	ok(t, c.SetDepartment(c.ctx, "org_a", "ann", "", meta.Entry{}))
	ok(t, c.RemoveMember(c.ctx, "org_a", "bob", meta.Entry{}))
	is("taken out, and removed", map[string]string{})
	ok(t, c.SetDepartment(c.ctx, "org_a", "ann", "d1", meta.Entry{}))
	ok(t, c.RemoveDepartment(c.ctx, "org_a", "d1", meta.Entry{}))
	is("of a removed one at the top", map[string]string{})
}

func departmentSeats(t *testing.T, c *core) {
	c.accounts(t)
	c.instance(t, "ins_1", 2)
	ok(t, c.department("d1", "", "One"))
	ok(t, c.department("d2", "d1", "Two"))
	for account, d := range map[string]string{"ann": "d1", "bob": "d2", "boss": "d2"} {
		ok(t, c.SetDepartment(c.ctx, "org_a", account, d, meta.Entry{}))
	}
	assign := func(d string) (meta.Seats, error) {
		return c.AssignDepartment(c.ctx, "org_a", "ins_1", d, c.why("assigned"))
	}
	held := func(what string, want ...string) {
		t.Helper()
		list, err := c.Instances(c.ctx, "org_a")
		ok(t, err)
		if got := list[0].Assigned; len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: assigned to %v, want %v", what, got, want)
		}
	}
	_, err := assign("d1")
	reasonIs(t, "three for two seats", err, cloudapi.ErrConflict, "seats")
	var r *meta.Refusal
	if errors.As(err, &r) && (r.Params["need"] != "3" || r.Params["free"] != "2" || r.Params["seats"] != "2") {
		t.Errorf("params %v", r.Params)
	}
	held("nobody")
	n, err := assign("d2")
	ok(t, err)
	if n != (meta.Seats{Members: 2, Changed: 2}) {
		t.Errorf("seats %+v", n)
	}
	held("those below", "bob", "boss")
	if n, err = assign("d2"); err != nil || n != (meta.Seats{Members: 2}) {
		t.Errorf("again: %+v, %v", n, err)
	}
	_, err = assign("d1")
	reasonIs(t, "one more than there are", err, cloudapi.ErrConflict, "seats")
	code(t, "unknown department", second(assign("d9")), cloudapi.ErrNotFound)
	code(t, "unknown instance", second(c.AssignDepartment(c.ctx, "org_a", "none", "d1", meta.Entry{})), cloudapi.ErrNotFound)
	code(t, "another organisation", second(c.AssignDepartment(c.ctx, "org_b", "ins_1", "d1", meta.Entry{})), cloudapi.ErrNotFound)
	code(t, "another organisation takes back", second(c.UnassignDepartment(c.ctx, "org_b", "ins_1", "d1", meta.Entry{})), cloudapi.ErrNotFound)
	if n, err = c.UnassignDepartment(c.ctx, "org_a", "ins_1", "d1", c.why("unassigned")); err != nil || n != (meta.Seats{Members: 3, Changed: 2}) {
		t.Errorf("taken back: %+v, %v", n, err)
	}
	held("nobody again")
	entries, err := c.Audit(c.ctx, "org_a", 0, 100)
	ok(t, err)
	count := map[string]int{}
	for _, e := range entries {
		count[e.Action]++
	}
	if count["assigned"] != 1 || count["unassigned"] != 1 {
		t.Errorf("audit %v", count)
	}
}

func second[T any](_ T, err error) error { return err }

// departmentSeatRace: a department's seats and single ones are asked for at once; the seats are
// never exceeded, and a department that is refused has none.
func departmentSeatRace(t *testing.T, c *core) {
	c.accounts(t)
	c.instance(t, "ins_1", 3)
	ok(t, c.department("d1", "", "One"))
	for i := range 3 {
		name := fmt.Sprint("m", i)
		ok(t, c.AddMember(c.ctx, c.account(name, meta.RoleMember), meta.Entry{}))
		ok(t, c.SetDepartment(c.ctx, "org_a", name, "d1", meta.Entry{}))
	}
	got := atOnce(4, func(i int) error {
		if i < 2 {
			return second(c.AssignDepartment(c.ctx, "org_a", "ins_1", "d1", meta.Entry{}))
		}
		return c.Assign(c.ctx, "org_a", "ins_1", []string{"ann", "bob"}[i-2], meta.Entry{})
	})
	list, err := c.Instances(c.ctx, "org_a")
	ok(t, err)
	if n := len(list[0].Assigned); n > 3 || got[""]+got[cloudapi.ErrConflict] != 4 || got[cloudapi.ErrConflict] != 2 {
		t.Errorf("%d seats, answers %v", n, got)
	}
}
