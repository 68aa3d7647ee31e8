package pages

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (c *Console) resourcePages() []Page {
	return []Page{
		{Pattern: "GET /console/resources", Need: OfAdmin, Nav: "resources.nav", Handle: c.getResources},
		{Pattern: "GET /console/resources/{id}", Need: OfAdmin, Handle: c.getResource},
		{Pattern: "POST /console/resources/requirement", Need: OfAdmin, Handle: c.postRequirement, Back: c.getResource},
		{Pattern: "POST /console/resources/accept", Need: OfAdmin, Handle: c.postAccept, Back: c.getResource},
		{Pattern: "POST /console/resources/reject", Need: OfAdmin, Handle: c.postReject, Back: c.getResource},
		{Pattern: "POST /console/resources/collect", Need: OfAdmin, Handle: c.postCollect, Back: c.getResource},
	}
}

// resourceRow is one bought resource as a list shows it.
type resourceRow struct {
	meta.Resource
	Name     string // of the product
	SpecName string
	Left     int // days until it is released, when it is frozen; never below 0
}

func (c *Console) resourceRow(v *Visit, res meta.Resource, names map[string]string) (resourceRow, error) {
	spec, err := c.c.Store.Spec(v.R.Context(), res.Spec)
	if err != nil {
		return resourceRow{}, err
	}
	r := resourceRow{Resource: res, Name: names[res.Product], SpecName: spec.Name}
	if !res.FrozenAt.IsZero() {
		left := res.Due.Sub(v.Now)
		r.Left = max(0, int((left+24*time.Hour-1)/(24*time.Hour)))
	}
	return r, nil
}

// listPage asks for one row more than is shown, which tells whether there are further ones.
func listPage(v *Visit) meta.Page { return meta.Page{Before: v.Query("before"), Limit: pageSize + 1} }

// newest cuts a list to what is shown; older is the address of the rest, "" for none.
func newest[T any](list []T, path string, id func(T) string, pairs ...string) (shown []T, older string) {
	if len(list) <= pageSize {
		return list, ""
	}
	list = list[:pageSize]
	return list, Link(path, append([]string{"before", id(list[pageSize-1])}, pairs...)...)
}

type resourcesData struct {
	Rows  []resourceRow
	Older string
	First string // address of the list's beginning, "" when this is it
}

func (c *Console) getResources(v *Visit) error {
	list, err := c.c.Store.Resources(v.R.Context(), meta.ResourceFilter{Org: v.User.Org, Page: listPage(v)})
	if err != nil {
		return err
	}
	names, err := c.productNames(v)
	if err != nil {
		return err
	}
	var d resourcesData
	if v.Query("before") != "" {
		d.First = Root + "resources"
	}
	list, d.Older = newest(list, Root+"resources", func(r meta.Resource) string { return r.ID })
	for _, res := range list {
		row, err := c.resourceRow(v, res, names)
		if err != nil {
			return err
		}
		d.Rows = append(d.Rows, row)
	}
	return v.Show("resources", d)
}

type resourceData struct {
	resourceRow
	Given        int // of the quota, in this term
	Orders       []meta.Order
	Applications []meta.Application
	Bound        bool      // licences need a fingerprint
	Code         meta.Code // of KindCode
	Appeal       bool      // the merchant lets the buyer wait for too long
}

// Remaining is what the quota still has.
func (r resourceData) Remaining() int { return max(0, r.Amount-r.Given) }

// Licence says whether licences can be applied for here at all; CanApply, whether now.
func (r resourceData) Licence() bool { return r.Kind == meta.KindLicense }

// CanApply see Licence. The room decides; this only leaves out a form that could not succeed.
func (r resourceData) CanApply() bool { return r.Licence() && r.State == meta.ResourceActive }

// owned finds a resource of the visit's organisation; another's does not exist for it.
func (c *Console) owned(v *Visit, id string) (meta.Resource, error) {
	res, err := c.c.Store.Resource(v.R.Context(), id)
	if err == nil && res.Org != v.User.Org {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such resource")
	}
	return res, err
}

// shownOrders is how many orders and applications a resource's own page shows.
const shownOrders = 50

func (c *Console) getResource(v *Visit) error {
	id := v.R.PathValue("id")
	if id == "" {
		id = v.In("resource")
	}
	ctx := v.R.Context()
	res, err := c.owned(v, id)
	if err != nil {
		return err
	}
	names, err := c.productNames(v)
	if err != nil {
		return err
	}
	d := resourceData{}
	if d.resourceRow, err = c.resourceRow(v, res, names); err != nil {
		return err
	}
	if d.Orders, err = c.c.Store.Orders(ctx, meta.OrderFilter{Org: v.User.Org, Resource: id, Page: meta.Page{Limit: shownOrders}}); err != nil {
		return err
	}
	d.Appeal, _ = market.Appeal(res, v.Now)
	switch res.Kind {
	case meta.KindLicense:
		if d.Given, err = c.c.Store.Given(ctx, id, res.Term); err != nil {
			return err
		}
		if d.Applications, err = c.c.Store.Applications(ctx, meta.ApplicationFilter{Org: v.User.Org, Resource: id, Page: meta.Page{Limit: shownOrders}}); err != nil {
			return err
		}
		listing, err := c.c.Store.Listing(ctx, res.Product)
		if err != nil {
			return err
		}
		d.Bound = listing.Bound
	case meta.KindCode:
		if d.Code, err = c.c.Codes.OfBuyer(ctx, v.User.Org, id); err != nil {
			return err
		}
	}
	return v.Show("resource", d)
}

func resourcePath(id string) string { return Root + "resources/" + id }

func (c *Console) postRequirement(v *Visit) error {
	id := v.In("resource")
	if _, err := c.c.Orders.Submit(v.R.Context(), v.User.Org, id, v.In("requirement"), v.Why("delivery.requirement", "resource", id)); err != nil {
		return err
	}
	return v.Done(resourcePath(id), "done.requirement")
}

func (c *Console) postAccept(v *Visit) error {
	id := v.In("resource")
	if _, err := c.c.Orders.Accept(v.R.Context(), v.User.Org, id, true, "", v.Why("delivery.acceptance", "resource", id, "accepted", "true")); err != nil {
		return err
	}
	return v.Done(resourcePath(id), "done.accepted")
}

func (c *Console) postReject(v *Visit) error {
	id := v.In("resource")
	if _, err := c.c.Orders.Accept(v.R.Context(), v.User.Org, id, false, v.In("reason"), v.Why("delivery.acceptance", "resource", id, "accepted", "false")); err != nil {
		return err
	}
	return v.Done(resourcePath(id), "done.rejected")
}

func (c *Console) postCollect(v *Visit) error {
	id := v.In("resource")
	if _, err := c.c.Codes.Collect(v.R.Context(), v.User.Org, id, v.Why("code.collected", "resource", id)); err != nil {
		return err
	}
	return v.Done(resourcePath(id), "done.collected")
}
