package pages

import (
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// salePages: what was ordered from a merchant, and the deliveries that it owes.
func (c *Console) salePages() []Page {
	return []Page{
		{Pattern: "GET /console/sales", Need: OfMerchant, Nav: "sales.nav", Handle: c.getSales},
		{Pattern: "GET /console/deliveries", Need: OfMerchant, Nav: "deliveries.nav", Handle: c.getDeliveries},
		{Pattern: "POST /console/deliveries/confirm", Need: OfMerchant, Handle: c.postConfirm, Back: c.getDeliveries},
		{Pattern: "POST /console/deliveries/reject", Need: OfMerchant, Handle: c.postRejectRequirement, Back: c.getDeliveries},
		{Pattern: "POST /console/deliveries/deliver", Need: OfMerchant, Handle: c.postDeliver, Back: c.getDeliveries},
	}
}

type salesData struct {
	Rows         []meta.Order
	Older, First string
}

func (c *Console) getSales(v *Visit) error {
	list, err := c.c.Store.Orders(v.R.Context(), meta.OrderFilter{Merchant: v.Merchant.ID, Page: listPage(v)})
	if err != nil {
		return err
	}
	var d salesData
	if v.Query("before") != "" {
		d.First = Root + "sales"
	}
	d.Rows, d.Older = newest(list, Root+"sales", func(o meta.Order) string { return o.ID })
	return v.Show("sales", d)
}

type deliveriesData struct {
	Rows         []meta.Resource
	Older, First string
}

func (c *Console) getDeliveries(v *Visit) error {
	list, err := c.c.Store.Resources(v.R.Context(), meta.ResourceFilter{Merchant: v.Merchant.ID, Delivery: true, Page: listPage(v)})
	if err != nil {
		return err
	}
	var d deliveriesData
	if v.Query("before") != "" {
		d.First = Root + "deliveries"
	}
	d.Rows, d.Older = newest(list, Root+"deliveries", func(r meta.Resource) string { return r.ID })
	return v.Show("deliveries", d)
}

func (c *Console) confirm(v *Visit, yes bool, reason, done string) error {
	id := v.In("resource")
	if _, err := c.c.Orders.Confirm(v.R.Context(), v.Merchant.ID, id, yes, reason, v.Why("delivery.confirmed", "resource", id, "yes", strconv.FormatBool(yes))); err != nil {
		return err
	}
	return v.Done(Root+"deliveries", done)
}

func (c *Console) postConfirm(v *Visit) error { return c.confirm(v, true, "", "done.confirmed") }

func (c *Console) postRejectRequirement(v *Visit) error {
	return c.confirm(v, false, v.In("reason"), "done.requirement.rejected")
}

func (c *Console) postDeliver(v *Visit) error {
	id := v.In("resource")
	if _, err := c.c.Orders.Deliver(v.R.Context(), v.Merchant.ID, id, v.In("proof"), v.Why("delivery.delivered", "resource", id)); err != nil {
		return err
	}
	return v.Done(Root+"deliveries", "done.proof")
}

// codePages: authorization codes, sold ones and test codes.
func (c *Console) codePages() []Page {
	return []Page{
		{Pattern: "GET /console/codes", Need: OfMerchant, Nav: "codes.nav", Handle: c.getCodes},
		{Pattern: "POST /console/codes/delivered", Need: OfMerchant, Handle: c.postCodeDelivered, Back: c.getCodes},
		{Pattern: "POST /console/codes/tests", Need: OfMerchant, Handle: c.postTestCodes, Back: c.getCodes},
	}
}

type codesData struct {
	Rows, Tests []meta.Code
	Listings    []meta.Listing // of kind code
	Next, First string
}

func (c *Console) getCodes(v *Visit) error {
	var d codesData
	var err error
	after := v.Query("after")
	if d.Rows, err = c.c.Store.MerchantCodes(v.R.Context(), v.Merchant.ID, false, after, pageSize); err != nil {
		return err
	}
	if len(d.Rows) == pageSize {
		d.Next = Link(Root+"codes", "after", d.Rows[pageSize-1].Code)
	}
	if after != "" {
		d.First = Root + "codes"
	}
	if d.Tests, err = c.c.Store.MerchantCodes(v.R.Context(), v.Merchant.ID, true, "", pageSize); err != nil {
		return err
	}
	list, err := c.c.Store.Listings(v.R.Context(), v.Merchant.ID)
	if err != nil {
		return err
	}
	for _, l := range list {
		if l.Kind == meta.KindCode {
			d.Listings = append(d.Listings, l)
		}
	}
	return v.Show("codes", d)
}

func (c *Console) postCodeDelivered(v *Visit) error {
	code := v.In("code")
	if _, err := c.c.Codes.Delivered(v.R.Context(), v.Merchant.ID, code, v.Why("code.delivered", "code", code)); err != nil {
		return err
	}
	return v.Done(Root+"codes", "done.code.delivered")
}

func (c *Console) postTestCodes(v *Visit) error {
	n, err := strconv.Atoi(v.In("count"))
	if err != nil {
		return meta.Refuse(cloudapi.ErrInvalid, "the count is a number", "member", "count")
	}
	until := v.Now.AddDate(0, 0, 30)
	if day := v.In("until"); day != "" {
		if until, err = time.Parse(time.DateOnly, day); err != nil {
			return meta.Refuse(cloudapi.ErrInvalid, "the end is a day", "member", "until")
		}
	}
	product := v.In("product")
	if _, err := c.c.Codes.AddTests(v.R.Context(), v.Merchant.ID, product, n, until, v.Now, v.Why("code.test_added", "product", product)); err != nil {
		return err
	}
	return v.Done(Root+"codes", "done.codes")
}
