package pages

import (
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (c *Console) departmentPages() []Page {
	return []Page{
		{Pattern: "GET /console/departments", Need: OfAdmin, Nav: "departments.nav", Handle: c.getDepartments},
		{Pattern: "GET /console/departments/{id}", Need: OfAdmin, Handle: c.getDepartment},
		{Pattern: "POST /console/departments/add", Need: OfAdmin, Handle: c.postDepartment, Back: c.getDepartments},
		{Pattern: "POST /console/departments/rename", Need: OfAdmin, Handle: c.postRename, Back: c.getDepartment},
		{Pattern: "POST /console/departments/move", Need: OfAdmin, Handle: c.postMove, Back: c.getDepartment},
		{Pattern: "POST /console/departments/remove", Need: OfAdmin, Handle: c.postRemoveDepartment, Back: c.getDepartment},
	}
}

func (c *Console) getDepartments(v *Visit) error {
	t, err := c.tree(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	return v.Show("departments", t)
}

type departmentData struct {
	*node
	Tree      *tree
	Elsewhere []*node // where it can be moved to
	Instances []meta.Instance
}

func (c *Console) getDepartment(v *Visit) error {
	id := v.R.PathValue("id")
	if id == "" {
		id = v.In("id")
	}
	t, err := c.tree(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	n := t.byID[id]
	if n == nil {
		return meta.Refuse(cloudapi.ErrNotFound, "there is no such department")
	}
	d := departmentData{node: n, Tree: t}
	for _, other := range t.All {
		if !t.inside(other.ID, id) {
			d.Elsewhere = append(d.Elsewhere, other)
		}
	}
	if d.Instances, err = c.c.Store.Instances(v.R.Context(), v.User.Org); err != nil {
		return err
	}
	return v.Show("department", d)
}

func (c *Console) postDepartment(v *Visit) error {
	if _, err := c.c.Members.AddDepartment(v.R.Context(), v.Who(), v.In("name"), v.In("parent")); err != nil {
		return err
	}
	return v.Done(Root+"departments", "done.department.added")
}

func (c *Console) postRename(v *Visit) error {
	if err := c.c.Members.RenameDepartment(v.R.Context(), v.Who(), v.In("id"), v.In("name")); err != nil {
		return err
	}
	return v.Done(Root+"departments/"+v.In("id"), "done.department.renamed")
}

func (c *Console) postMove(v *Visit) error {
	if err := c.c.Members.MoveDepartment(v.R.Context(), v.Who(), v.In("id"), v.In("parent")); err != nil {
		return err
	}
	return v.Done(Root+"departments/"+v.In("id"), "done.department.moved")
}

func (c *Console) postRemoveDepartment(v *Visit) error {
	if err := c.c.Members.RemoveDepartment(v.R.Context(), v.Who(), v.In("id")); err != nil {
		return err
	}
	return v.Done(Root+"departments", "done.department.removed")
}
