package httpapi

import (
	"net/http"
	"strconv"
	"time"
	"unicode"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Bounds of one page of a list.
const (
	pageRows = 50
	maxRows  = 100
)

// orderRoutes: orders, what became of them, and their delivery. Operators order, buyers and merchants see
// what is theirs; nobody learns that somebody else's exists.
func (a *API) orderRoutes() []Route {
	return []Route{
		{Pattern: "POST /v1/market/orders", Need: OfOperator, Handle: a.postOrder},
		{Pattern: "GET /v1/market/orders", Need: OfAdmin, Handle: a.getOrders},
		{Pattern: "GET /v1/market/sales", Need: OfMerchant, Handle: a.getSales},
		{Pattern: "GET /v1/market/resources", Need: OfAdmin, Handle: a.getResources},
		{Pattern: "GET /v1/market/resources/{id}", Need: OfAdmin, Handle: a.getResource},
		{Pattern: "POST /v1/market/resources/{id}/requirement", Need: OfAdmin, Handle: a.postRequirement},
		{Pattern: "POST /v1/market/resources/{id}/acceptance", Need: OfAdmin, Handle: a.postAcceptance},
		{Pattern: "GET /v1/market/deliveries", Need: OfMerchant, Handle: a.getDeliveries},
		{Pattern: "POST /v1/market/deliveries/{id}/confirmation", Need: OfMerchant, Handle: a.postConfirmation},
		{Pattern: "POST /v1/market/deliveries/{id}/proof", Need: OfMerchant, Handle: a.postProof},
	}
}

// page reads the query parameters of a list.
func (c *Call) page() (meta.Page, error) {
	q := c.R.URL.Query()
	p := meta.Page{Before: q.Get("before"), Limit: pageRows}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxRows {
			return p, Invalid("limit", "the limit is 1 to 100")
		}
		p.Limit = n
	}
	return p, nil
}

// given is a time for JSON: nil when it is none.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orderOf(o meta.Order) cloudapi.Order {
	return cloudapi.Order{ID: o.ID, Organisation: o.Org, Type: o.Type, Line: o.Line, Spec: o.Spec, Product: o.Product, Merchant: o.Merchant,
		Amount: o.Amount, Periods: o.Periods, Resource: o.Resource, Expire: given(o.Expire), State: o.State, Reason: o.Reason, Undoes: o.Undoes, Created: o.Created}
}

func (a *API) postOrder(c *Call) error {
	var in cloudapi.NewOrder
	if err := c.Decode(&in); err != nil {
		return err
	}
	for _, m := range []struct {
		name, value string
		low         int
	}{
		{"organisation", in.Organisation, 1}, {"type", in.Type, 1}, {"spec", in.Spec, 0}, {"resource", in.Resource, 0},
		{"undoes", in.Undoes, 0}, {"repeat", in.Repeat, 0},
	} {
		if err := text(m.name, m.value, m.low, maxID); err != nil {
			return err
		}
	}
	if _, err := a.c.Store.Organisation(c.Context(), in.Organisation); err != nil {
		return err
	}
	why := c.Why("order.placed", "organisation", in.Organisation)
	o, err := a.c.Orders.Place(c.Context(), market.Wish{Org: in.Organisation, By: c.User.Account, Type: in.Type, Spec: in.Spec, Amount: in.Amount,
		Periods: in.Periods, Resource: in.Resource, Undoes: in.Undoes, Repeat: in.Repeat}, why)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, orderOf(o))
}

func (a *API) orders(c *Call, f meta.OrderFilter) error {
	var err error
	if f.Page, err = c.page(); err != nil {
		return err
	}
	f.Resource = c.R.URL.Query().Get("resource")
	list, err := a.c.Store.Orders(c.Context(), f)
	if err != nil {
		return err
	}
	out := cloudapi.Orders{Orders: make([]cloudapi.Order, 0, len(list))}
	for _, o := range list {
		out.Orders = append(out.Orders, orderOf(o))
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getOrders(c *Call) error { return a.orders(c, meta.OrderFilter{Org: c.User.Org}) }

func (a *API) getSales(c *Call) error { return a.orders(c, meta.OrderFilter{Merchant: c.Merchant.ID}) }

func resourceOf(r meta.Resource, now time.Time) cloudapi.Resource {
	out := cloudapi.Resource{ID: r.ID, Organisation: r.Org, Product: r.Product, Merchant: r.Merchant, Kind: r.Kind, Spec: r.Spec, Instance: r.MerchantID,
		Order: r.Order, InForce: r.InForce, Pending: r.Pending, Charging: r.Charging, Trial: r.Trial, Amount: r.Amount, State: r.State,
		From: r.From, Until: given(r.Until), FrozenAt: given(r.FrozenAt), Created: r.Created}
	if r.Delivery != meta.DeliveryNone {
		d := &cloudapi.Delivery{State: r.Delivery, Since: r.Since, Rejected: r.Rejected, Requirement: r.Requirement, Proof: r.Proof, Reason: r.Reason}
		d.BuyerAppeals, d.MerchantAppeals = market.Appeal(r, now)
		out.Delivery = d
	}
	return out
}

func (a *API) resources(c *Call, f meta.ResourceFilter) error {
	var err error
	if f.Page, err = c.page(); err != nil {
		return err
	}
	list, err := a.c.Store.Resources(c.Context(), f)
	if err != nil {
		return err
	}
	out := cloudapi.Resources{Resources: make([]cloudapi.Resource, 0, len(list))}
	for _, r := range list {
		out.Resources = append(out.Resources, resourceOf(r, c.Now))
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getResources(c *Call) error {
	return a.resources(c, meta.ResourceFilter{Org: c.User.Org})
}

func (a *API) getDeliveries(c *Call) error {
	return a.resources(c, meta.ResourceFilter{Merchant: c.Merchant.ID, Delivery: true})
}

func (a *API) getResource(c *Call) error {
	r, err := a.c.Store.Resource(c.Context(), c.Path("id"))
	if err == nil && r.Org != c.User.Org {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such resource")
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, resourceOf(r, c.Now))
}

// moved answers a step of a delivery.
func (c *Call) moved(r meta.Resource, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, resourceOf(r, c.Now))
}

func (a *API) postRequirement(c *Call) error {
	var in cloudapi.DeliveryText
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := lines("text", in.Text); err != nil {
		return err
	}
	return c.moved(a.c.Orders.Submit(c.Context(), c.User.Org, c.Path("id"), in.Text, c.Why("delivery.requirement", "resource", c.Path("id"))))
}

func (a *API) postProof(c *Call) error {
	var in cloudapi.DeliveryText
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := lines("text", in.Text); err != nil {
		return err
	}
	return c.moved(a.c.Orders.Deliver(c.Context(), c.Merchant.ID, c.Path("id"), in.Text, c.Why("delivery.proof", "resource", c.Path("id"))))
}

func (a *API) postAcceptance(c *Call) error {
	in, err := verdictOf(c)
	if err != nil {
		return err
	}
	return c.moved(a.c.Orders.Accept(c.Context(), c.User.Org, c.Path("id"), in.Accepted, in.Reason,
		c.Why("delivery.acceptance", "resource", c.Path("id"), "accepted", strconv.FormatBool(in.Accepted))))
}

func (a *API) postConfirmation(c *Call) error {
	in, err := verdictOf(c)
	if err != nil {
		return err
	}
	return c.moved(a.c.Orders.Confirm(c.Context(), c.Merchant.ID, c.Path("id"), in.Accepted, in.Reason,
		c.Why("delivery.confirmation", "resource", c.Path("id"), "accepted", strconv.FormatBool(in.Accepted))))
}

func verdictOf(c *Call) (in cloudapi.DeliveryVerdict, err error) {
	if err = c.Decode(&in); err == nil {
		err = lines("reason", in.Reason)
	}
	return in, err
}

// lines checks a text that may have several lines: no other control characters. The rooms bound
// its length.
func lines(member, v string) error {
	for _, r := range v {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return Invalid(member, "the text has control characters")
		}
	}
	return nil
}
