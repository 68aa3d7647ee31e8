package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// Bounds of licence instances.
const (
	maxProduct = 64
	maxSeats   = 1_000_000
)

// licenseRoutes: products, instances and their assignments, kept by administrators.
// What agents ask for stands in leases.go.
func (a *API) licenseRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/products", Need: OfUser, Handle: a.getProducts},
		{Pattern: "POST /v1/products", Need: OfAdmin, Handle: a.postProduct},
		{Pattern: "GET /v1/instances", Need: OfAdmin, Handle: a.getInstances},
		{Pattern: "POST /v1/instances", Need: OfAdmin, Handle: a.postInstance},
		{Pattern: "PUT /v1/instances/{id}/status", Need: OfAdmin, Handle: a.putStatus},
		{Pattern: "PUT /v1/instances/{id}/assignments/{account}", Need: OfAdmin, Handle: a.putAssignment},
		{Pattern: "DELETE /v1/instances/{id}/assignments/{account}", Need: OfAdmin, Handle: a.deleteAssignment},
		{Pattern: "POST /v1/licenses", Need: OfUserOnDevice, Handle: a.postLicense},
		{Pattern: "POST /v1/leases", Need: OfUserOnDevice, Handle: a.postLease},
		{Pattern: "POST /v1/licenses/reports", Need: OfUser, Handle: a.postReport},
		{Pattern: "GET /v1/keys", Need: Open, Handle: a.getKeys},
		{Pattern: "GET /v1/issuer/key", Need: Open, Handle: a.getIssuerKey},
	}
}

func (a *API) getProducts(c *Call) error {
	list, err := a.c.Store.Products(c.Context())
	if err != nil {
		return err
	}
	out := cloudapi.Products{Products: make([]cloudapi.Product, 0, len(list))}
	for _, p := range list {
		out.Products = append(out.Products, cloudapi.Product{ID: p.ID, Name: p.Name})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postProduct(c *Call) error {
	var in cloudapi.Product
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := name("id", in.ID, ".-_", maxProduct); err != nil {
		return err
	}
	if err := text("name", in.Name, 1, maxDisplay); err != nil {
		return err
	}
	if err := a.c.Store.AddProduct(c.Context(), meta.Product{ID: in.ID, Name: in.Name, Org: c.User.Org}, c.Why("product.added", "product", in.ID)); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, in)
}

func (a *API) getInstances(c *Call) error {
	list, err := a.c.Store.Instances(c.Context(), c.User.Org)
	if err != nil {
		return err
	}
	out := cloudapi.Instances{Instances: make([]cloudapi.Instance, 0, len(list))}
	for _, i := range list {
		out.Instances = append(out.Instances, instanceOf(i))
	}
	return c.JSON(http.StatusOK, out)
}

func instanceOf(i meta.Instance) cloudapi.Instance {
	return cloudapi.Instance{ID: i.ID, Product: i.Product, Features: i.Features, Seats: i.Seats, From: i.From, Until: i.Until,
		Status: i.Status, Assigned: i.Assigned}
}

func (a *API) postInstance(c *Call) error {
	var in cloudapi.NewInstance
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	if len(in.Features) > token.MaxFeatures {
		return Invalid("features", "there are too many features")
	}
	for i, f := range in.Features {
		// The licence text lists features with commas between.
		if err := name("features."+strconv.Itoa(i), f, ".-_", token.MaxFeature); err != nil {
			return err
		}
	}
	if in.Seats < 1 || in.Seats > maxSeats {
		return Invalid("seats", "an instance has 1 to 1000000 seats")
	}
	if in.From.Unix() <= 0 || !in.From.Before(in.Until) || in.Until.Year() > 9999 {
		return Invalid("until", "an instance has a beginning and a later end")
	}
	// Leases and licence texts have whole seconds.
	i := meta.Instance{ID: meta.NewID("ins"), Org: c.User.Org, Product: in.Product, Features: in.Features, Seats: in.Seats,
		From: in.From.UTC().Truncate(time.Second), Until: in.Until.UTC().Truncate(time.Second), Status: meta.StatusActive}
	if _, err := a.c.Issuer.License(contentOf(i, "")); err != nil {
		return Invalid("features", "product and features do not fit into one licence text")
	}
	if err := a.c.Store.AddInstance(c.Context(), i, c.Why("instance.added", "instance", i.ID, "product", i.Product)); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, instanceOf(i))
}

func (a *API) putStatus(c *Call) error {
	var in cloudapi.InstanceStatus
	if err := c.Decode(&in); err != nil {
		return err
	}
	if in.Status != meta.StatusActive && in.Status != meta.StatusFrozen {
		return Invalid("status", "the status is active or frozen")
	}
	id := c.Path("id")
	if err := a.c.Store.SetInstanceStatus(c.Context(), c.User.Org, id, in.Status, c.Why("instance.status", "instance", id, "status", in.Status)); err != nil {
		return err
	}
	return c.None()
}

func (a *API) putAssignment(c *Call) error {
	id := c.Path("id")
	acc, err := accountName("account", c.Path("account"))
	if err != nil {
		return err
	}
	if err := a.c.Store.Assign(c.Context(), c.User.Org, id, acc, c.Why("instance.assigned", "instance", id, "member", acc)); err != nil {
		return err
	}
	return c.None()
}

func (a *API) deleteAssignment(c *Call) error {
	id := c.Path("id")
	acc, err := accountName("account", c.Path("account"))
	if err != nil {
		return err
	}
	if err := a.c.Store.Unassign(c.Context(), c.User.Org, id, acc, c.Why("instance.unassigned", "instance", id, "member", acc)); err != nil {
		return err
	}
	return c.None()
}
