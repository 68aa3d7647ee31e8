package pages

import (
	"net/url"
	"slices"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (c *Console) memberPages() []Page {
	return []Page{
		{Pattern: "GET /console/members", Need: OfAdmin, Nav: "members.nav", Handle: c.getMembers},
		{Pattern: "GET /console/members/new", Need: OfAdmin, Handle: c.getNewMember},
		{Pattern: "POST /console/members/add", Need: OfAdmin, Handle: c.postMember, Back: c.getNewMember},
		{Pattern: "GET /console/members/of/{account}", Need: OfAdmin, Handle: c.getMember},
		{Pattern: "POST /console/members/role", Need: OfAdmin, Handle: c.postRole, Back: c.getMember},
		{Pattern: "POST /console/members/department", Need: OfAdmin, Handle: c.postMemberDepartment, Back: c.getMember},
		{Pattern: "POST /console/members/password", Need: OfAdmin, Handle: c.postReset, Back: c.getMember},
		{Pattern: "POST /console/members/remove", Need: OfAdmin, Handle: c.postRemove, Back: c.getMember},
	}
}

// memberRow is one member in the list.
type memberRow struct {
	meta.Account
	Department string // path, "" for none
	Holds      []meta.Instance
}

// Path is the address of the member's own page.
func (m memberRow) Path() string { return memberPath(m.Account.Account) }

func memberPath(account string) string { return Root + "members/of/" + url.PathEscape(account) }

type membersData struct {
	Rows       []memberRow
	Part       part
	Q          string
	Department string
	Tree       *tree
}

func (c *Console) getMembers(v *Visit) error {
	list, err := c.c.Store.Members(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	t, err := c.tree(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	instances, err := c.c.Store.Instances(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	d := membersData{Q: v.Query("q"), Department: v.Query("department"), Tree: t}
	q := strings.ToLower(d.Q)
	list = slices.DeleteFunc(list, func(a meta.Account) bool {
		if q != "" && !strings.Contains(strings.ToLower(a.Name), q) && !strings.Contains(a.Account, q) {
			return true
		}
		switch d.Department {
		case "":
			return false
		case "none":
			return t.of[a.Account] != ""
		}
		return !t.inside(t.of[a.Account], d.Department)
	})
	list, d.Part = cut(v, list, Root+"members", "q", d.Q, "department", d.Department)
	holds := holdings(instances)
	for _, a := range list {
		d.Rows = append(d.Rows, memberRow{Account: a, Department: t.name(a.Account), Holds: holds[a.Account]})
	}
	return v.Show("members", d)
}

// holdings turns who holds each instance into what each account holds.
func holdings(list []meta.Instance) map[string][]meta.Instance {
	of := map[string][]meta.Instance{}
	for _, i := range list {
		for _, account := range i.Assigned {
			of[account] = append(of[account], i)
		}
	}
	return of
}

func (c *Console) getNewMember(v *Visit) error {
	t, err := c.tree(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	return v.Show("member-new", t)
}

func (c *Console) postMember(v *Visit) error {
	a, err := c.c.Members.Add(v.R.Context(), v.Who(), members.Candidate{Account: v.In("account"), Name: v.In("name"), Password: v.Secret("password"), Role: v.In("role")})
	if err != nil {
		return err
	}
	if d := v.In("department"); d != "" {
		if err := c.c.Members.SetDepartment(v.R.Context(), v.Who(), a.Account, d); err != nil {
			return err
		}
	}
	return v.Done(memberPath(a.Account), "done.member.added")
}

type memberData struct {
	memberRow
	Tree *tree
	In   string          // id of the department
	Free []meta.Instance // that could be assigned
	Self bool
}

func (c *Console) getMember(v *Visit) error {
	account := v.R.PathValue("account")
	if account == "" {
		account = v.In("account")
	}
	a, err := c.c.Store.Account(v.R.Context(), strings.ToLower(account))
	if err != nil {
		return err
	}
	if a.Org != v.User.Org {
		return meta.Refuse(cloudapi.ErrNotFound, "there is no such account")
	}
	t, err := c.tree(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	instances, err := c.c.Store.Instances(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	d := memberData{memberRow: memberRow{Account: a, Department: t.name(a.Account), Holds: holdings(instances)[a.Account]}, Tree: t, In: t.of[a.Account], Self: a.Account == v.User.Account}
	for _, i := range instances {
		if !slices.Contains(i.Assigned, a.Account) {
			d.Free = append(d.Free, i)
		}
	}
	return v.Show("member", d)
}

func (c *Console) postRole(v *Visit) error {
	if err := c.c.Members.SetRole(v.R.Context(), v.Who(), v.In("account"), v.In("role")); err != nil {
		return err
	}
	return v.Done(memberPath(v.In("account")), "done.role")
}

func (c *Console) postMemberDepartment(v *Visit) error {
	if err := c.c.Members.SetDepartment(v.R.Context(), v.Who(), v.In("account"), v.In("department")); err != nil {
		return err
	}
	return v.Done(memberPath(v.In("account")), "done.member.department")
}

func (c *Console) postReset(v *Visit) error {
	if err := c.c.Members.ResetPassword(v.R.Context(), v.Who(), v.In("account"), v.Secret("password")); err != nil {
		return err
	}
	return v.Done(memberPath(v.In("account")), "done.reset")
}

func (c *Console) postRemove(v *Visit) error {
	if err := c.c.Members.Remove(v.R.Context(), v.Who(), v.In("account")); err != nil {
		return err
	}
	return v.Done(Root+"members", "done.member.removed")
}
