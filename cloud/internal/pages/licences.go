package pages

import (
	"slices"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (c *Console) licencePages() []Page {
	return []Page{
		{Pattern: "GET /console/licences", Need: OfAdmin, Nav: "licences.nav", Handle: c.getLicences},
		{Pattern: "GET /console/licences/{id}", Need: OfAdmin, Handle: c.getLicence},
		{Pattern: "POST /console/licences/assign", Need: OfAdmin, Handle: c.postAssign, Back: c.backToHolder},
		{Pattern: "POST /console/licences/withdraw", Need: OfAdmin, Handle: c.postWithdraw, Back: c.backToHolder},
		{Pattern: "POST /console/licences/assign-department", Need: OfAdmin, Handle: c.postAssignDepartment, Back: c.backToHolder},
		{Pattern: "POST /console/licences/withdraw-department", Need: OfAdmin, Handle: c.postWithdrawDepartment, Back: c.backToHolder},
	}
}

// licenceRow is one instance in a list.
type licenceRow struct {
	meta.Instance
	Name   string // of the product
	Used   int
	Usable string // "" or the reason why nobody can work with it now: frozen, early, expired
}

// Free is how many seats nobody has.
func (l licenceRow) Free() int { return l.Seats - l.Used }

func (c *Console) licenceRow(i meta.Instance, names map[string]string, v *Visit) licenceRow {
	l := licenceRow{Instance: i, Name: names[i.Product], Used: len(i.Assigned)}
	if no, is := i.Usable(v.Now).(*meta.Refusal); is {
		l.Usable = no.Params["reason"]
	}
	return l
}

func (c *Console) productNames(v *Visit) (map[string]string, error) {
	list, err := c.c.Store.Products(v.R.Context())
	names := map[string]string{}
	for _, p := range list {
		names[p.ID] = p.Name
	}
	return names, err
}

type licencesData struct {
	Rows []licenceRow
	Part part
}

func (c *Console) getLicences(v *Visit) error {
	list, err := c.c.Store.Instances(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	names, err := c.productNames(v)
	if err != nil {
		return err
	}
	var d licencesData
	list, d.Part = cut(v, list, Root+"licences")
	for _, i := range list {
		d.Rows = append(d.Rows, c.licenceRow(i, names, v))
	}
	return v.Show("licences", d)
}

// holder is a member with a seat.
type holder struct{ Account, Name, Department string }

type licenceData struct {
	licenceRow
	Holders []holder
	Part    part
	Others  []meta.Account // without a seat
	Tree    *tree
}

// mostOffered bounds the list of choices on a page; any other account can still be typed.
const mostOffered = 500

func (c *Console) getLicence(v *Visit) error {
	id := v.R.PathValue("id")
	if id == "" {
		id = v.In("instance")
	}
	list, err := c.c.Store.Instances(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(i meta.Instance) bool { return i.ID == id })
	if at < 0 {
		return meta.Refuse(cloudapi.ErrNotFound, "there is no such licence instance")
	}
	names, err := c.productNames(v)
	if err != nil {
		return err
	}
	d := licenceData{licenceRow: c.licenceRow(list[at], names, v)}
	if d.Tree, err = c.tree(v.R.Context(), v.User.Org); err != nil {
		return err
	}
	people, err := c.c.Store.Members(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	for _, a := range people {
		if slices.Contains(d.Assigned, a.Account) {
			d.Holders = append(d.Holders, holder{a.Account, a.Name, d.Tree.name(a.Account)})
		} else if len(d.Others) < mostOffered {
			d.Others = append(d.Others, a)
		}
	}
	d.Holders, d.Part = cut(v, d.Holders, Root+"licences/"+id)
	return v.Show("licence", d)
}

// holderPath is the page that a form about seats stood on, and backToHolder shows it.
func holderPath(v *Visit) string {
	switch v.In("at") {
	case "member":
		return memberPath(v.In("account"))
	case "department":
		return Root + "departments/" + v.In("id")
	}
	return Root + "licences/" + v.In("instance")
}

func (c *Console) backToHolder(v *Visit) error {
	switch v.In("at") {
	case "member":
		return c.getMember(v)
	case "department":
		return c.getDepartment(v)
	}
	return c.getLicence(v)
}

func (c *Console) postAssign(v *Visit) error {
	if err := c.c.Members.Assign(v.R.Context(), v.Who(), v.In("instance"), v.In("account")); err != nil {
		return err
	}
	return v.Done(holderPath(v), "done.assigned")
}

func (c *Console) postWithdraw(v *Visit) error {
	if err := c.c.Members.Unassign(v.R.Context(), v.Who(), v.In("instance"), v.In("account")); err != nil {
		return err
	}
	return v.Done(holderPath(v), "done.withdrawn")
}

func (c *Console) postAssignDepartment(v *Visit) error {
	n, err := c.c.Members.AssignDepartment(v.R.Context(), v.Who(), v.In("instance"), v.In("id"))
	if err != nil {
		return err
	}
	switch {
	case n.Members == 0:
		return v.Done(holderPath(v), "done.department.empty")
	case n.Changed == 0:
		return v.Done(holderPath(v), "done.department.had")
	}
	return v.Done(holderPath(v), "done.department.assigned")
}

func (c *Console) postWithdrawDepartment(v *Visit) error {
	n, err := c.c.Members.UnassignDepartment(v.R.Context(), v.Who(), v.In("instance"), v.In("id"))
	if err != nil {
		return err
	}
	if n.Changed == 0 {
		return v.Done(holderPath(v), "done.department.nothing")
	}
	return v.Done(holderPath(v), "done.department.withdrawn")
}
