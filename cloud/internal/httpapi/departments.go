package httpapi

import (
	"net/http"
	"slices"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// departmentRoutes: the tree of the caller's organisation. Everyone may see where colleagues
// belong; administrators change it, and assign licences by it.
func (a *API) departmentRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/departments", Need: OfUser, Handle: a.getDepartments},
		{Pattern: "POST /v1/departments", Need: OfAdmin, Handle: a.postDepartment},
		{Pattern: "PUT /v1/departments/{id}/name", Need: OfAdmin, Handle: a.putDepartmentName},
		{Pattern: "PUT /v1/departments/{id}/parent", Need: OfAdmin, Handle: a.putDepartmentParent},
		{Pattern: "DELETE /v1/departments/{id}", Need: OfAdmin, Handle: a.deleteDepartment},
		{Pattern: "PUT /v1/departments/{id}/members/{account}", Need: OfAdmin, Handle: a.putDepartmentMember},
		{Pattern: "DELETE /v1/members/{account}/department", Need: OfAdmin, Handle: a.deleteMemberDepartment},
		{Pattern: "PUT /v1/instances/{id}/departments/{department}", Need: OfAdmin, Handle: a.putDepartmentSeats},
		{Pattern: "DELETE /v1/instances/{id}/departments/{department}", Need: OfAdmin, Handle: a.deleteDepartmentSeats},
	}
}

func (a *API) getDepartments(c *Call) error {
	list, err := a.c.Store.ListDepartments(c.Context(), c.User.Org)
	if err != nil {
		return err
	}
	of, err := a.c.Store.MemberDepartments(c.Context(), c.User.Org)
	if err != nil {
		return err
	}
	in := map[string][]string{}
	for account, id := range of {
		in[id] = append(in[id], account)
	}
	out := cloudapi.Departments{Departments: make([]cloudapi.Department, 0, len(list))}
	for _, d := range list {
		slices.Sort(in[d.ID])
		out.Departments = append(out.Departments, cloudapi.Department{ID: d.ID, Parent: d.Parent, Name: d.Name, Members: in[d.ID]})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postDepartment(c *Call) error {
	var in cloudapi.NewDepartment
	if err := c.Decode(&in); err != nil {
		return err
	}
	d, err := a.c.Members.AddDepartment(c.Context(), who(c), in.Name, in.Parent)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.Department{ID: d.ID, Parent: d.Parent, Name: d.Name})
}

func (a *API) putDepartmentName(c *Call) error {
	var in cloudapi.DepartmentName
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := a.c.Members.RenameDepartment(c.Context(), who(c), c.Path("id"), in.Name); err != nil {
		return err
	}
	return c.None()
}

func (a *API) putDepartmentParent(c *Call) error {
	var in cloudapi.DepartmentParent
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := a.c.Members.MoveDepartment(c.Context(), who(c), c.Path("id"), in.Parent); err != nil {
		return err
	}
	return c.None()
}

func (a *API) deleteDepartment(c *Call) error {
	if err := a.c.Members.RemoveDepartment(c.Context(), who(c), c.Path("id")); err != nil {
		return err
	}
	return c.None()
}

func (a *API) putDepartmentMember(c *Call) error {
	if err := a.c.Members.SetDepartment(c.Context(), who(c), c.Path("account"), c.Path("id")); err != nil {
		return err
	}
	return c.None()
}

func (a *API) deleteMemberDepartment(c *Call) error {
	if err := a.c.Members.SetDepartment(c.Context(), who(c), c.Path("account"), ""); err != nil {
		return err
	}
	return c.None()
}

func (a *API) putDepartmentSeats(c *Call) error {
	n, err := a.c.Members.AssignDepartment(c.Context(), who(c), c.Path("id"), c.Path("department"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.DepartmentSeats{Members: n.Members, Changed: n.Changed})
}

func (a *API) deleteDepartmentSeats(c *Call) error {
	n, err := a.c.Members.UnassignDepartment(c.Context(), who(c), c.Path("id"), c.Path("department"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.DepartmentSeats{Members: n.Members, Changed: n.Changed})
}
