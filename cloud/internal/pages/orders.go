package pages

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// orderPages: the operator places orders for any organisation, as at the JSON API; buyers follow theirs
// on the page of the resource.
func (c *Console) orderPages() []Page {
	return []Page{
		{Pattern: "GET /console/orders", Need: OfOperator, Nav: "orders.nav", Handle: c.getOrders},
		{Pattern: "GET /console/orders/new", Need: OfOperator, Handle: c.getNewOrder},
		{Pattern: "GET /console/orders/change", Need: OfOperator, Handle: c.getChange},
		{Pattern: "POST /console/orders/new", Need: OfOperator, Handle: c.postOrder, Back: c.getNewOrder},
		{Pattern: "POST /console/orders/change", Need: OfOperator, Handle: c.postOrder, Back: c.getChange},
	}
}

// orderRow is one order with its buyer.
type orderRow struct {
	meta.Order
	Buyer string
}

type ordersData struct {
	Rows  []orderRow
	Older string
	First string
	Orgs  []meta.Organisation
	Org   string
}

func (c *Console) getOrders(v *Visit) error {
	d := ordersData{Org: v.Query("org")}
	var err error
	if d.Orgs, err = c.c.Store.Organisations(v.R.Context()); err != nil {
		return err
	}
	names := map[string]string{}
	for _, o := range d.Orgs {
		names[o.ID] = o.Name
	}
	list, err := c.c.Store.Orders(v.R.Context(), meta.OrderFilter{Org: d.Org, Page: listPage(v)})
	if err != nil {
		return err
	}
	if v.Query("before") != "" {
		d.First = Link(Root+"orders", "org", d.Org)
	}
	list, d.Older = newest(list, Root+"orders", func(o meta.Order) string { return o.ID }, "org", d.Org)
	for _, o := range list {
		d.Rows = append(d.Rows, orderRow{o, names[o.Org]})
	}
	return v.Show("orders", d)
}

// offer is one specification that can be ordered.
type offer struct {
	meta.Spec
	Product string // its name
}

type newOrderData struct {
	Orgs   []meta.Organisation
	Offers []offer
	Repeat string // of this form: sent twice, it is one order
}

// repeat is the key of a form's order: what came back with a refusal stays the same wish.
func repeat(v *Visit) string {
	if r, _, _ := strings.Cut(v.In("repeat"), "-"); r != "" {
		return r
	}
	return rand.Text()
}

func (c *Console) offers(v *Visit, product string) (out []offer, err error) {
	list, err := c.c.Store.Listings(v.R.Context(), "")
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if product != "" && l.Product != product || product == "" && !l.OnSale {
			continue
		}
		specs, err := c.c.Store.Specs(v.R.Context(), l.Product)
		if err != nil {
			return nil, err
		}
		for _, s := range specs {
			out = append(out, offer{s, l.Name})
		}
	}
	return out, nil
}

func (c *Console) getNewOrder(v *Visit) error {
	d := newOrderData{Repeat: repeat(v)}
	var err error
	if d.Orgs, err = c.c.Store.Organisations(v.R.Context()); err != nil {
		return err
	}
	if d.Offers, err = c.offers(v, ""); err != nil {
		return err
	}
	return v.Show("order-new", d)
}

type changeData struct {
	resourceRow
	Buyer  string
	Offers []offer
	Repeat string
}

func (c *Console) getChange(v *Visit) error {
	id := v.Query("resource")
	if v.form != nil {
		id = v.In("resource")
	}
	res, err := c.c.Store.Resource(v.R.Context(), id)
	if err != nil {
		return err
	}
	org, err := c.c.Store.Organisation(v.R.Context(), res.Org)
	if err != nil {
		return err
	}
	names, err := c.productNames(v)
	if err != nil {
		return err
	}
	d := changeData{Buyer: org.Name, Repeat: repeat(v)}
	if d.resourceRow, err = c.resourceRow(v, res, names); err != nil {
		return err
	}
	if d.Offers, err = c.offers(v, res.Product); err != nil {
		return err
	}
	return v.Show("order-change", d)
}

func (c *Console) postOrder(v *Visit) error {
	w := market.Wish{Org: v.In("org"), By: v.User.Account, Type: v.In("type"), Spec: v.In("spec"), Resource: v.In("resource"), Undoes: v.In("undoes"), Repeat: v.In("repeat")}
	if w.Resource != "" { // the buyer is whose it is
		res, err := c.c.Store.Resource(v.R.Context(), w.Resource)
		if err != nil {
			return err
		}
		w.Org = res.Org
	} else if _, err := c.c.Store.Organisation(v.R.Context(), w.Org); err != nil {
		return err
	}
	for _, n := range []struct {
		name string
		to   *int
	}{{"amount", &w.Amount}, {"periods", &w.Periods}} {
		text := v.In(n.name)
		if text == "" {
			continue
		}
		var err error
		if *n.to, err = strconv.Atoi(text); err != nil {
			return meta.Refuse(cloudapi.ErrInvalid, "this is no number", "member", n.name)
		}
	}
	if _, err := c.c.Orders.Place(v.R.Context(), w, v.Why("order.placed", "organisation", w.Org)); err != nil {
		return err
	}
	return v.Done(Link(Root+"orders", "org", w.Org), "done.ordered")
}
