package httpapi

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// versionsPage is how many versions one answer lists.
const versionsPage = 100

// objectRoutes: objects, their versions and check-outs.
func (a *API) objectRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/objects/{object}", Need: OfUser, Handle: a.getObject},
		{Pattern: "GET /v1/objects/{object}/versions", Need: OfUser, Handle: a.getVersions},
		{Pattern: "PUT /v1/objects/{object}/checkout", Need: OfUser, Permit: a.onObject(cloudapi.RoleEditor), Handle: a.putCheckout},
		{Pattern: "DELETE /v1/objects/{object}/checkout", Need: OfUser, Handle: a.deleteCheckout},
	}
}

func (a *API) getObject(c *Call) error {
	p, err := a.c.Store.Object(c.Context(), who(c), c.Path("object"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Object{Space: p.Space.ID, SpaceName: p.Space.Name, Role: p.Space.Role,
		Folder: p.Item.Parent, Path: entriesOf(p.Path), Entry: entryOf(p.Item)})
}

func (a *API) getVersions(c *Call) error {
	before, err := number(c, "before")
	if err != nil {
		return err
	}
	versions, err := a.c.Store.Versions(c.Context(), who(c), c.Path("object"), before, versionsPage)
	if err != nil {
		return err
	}
	out := cloudapi.Versions{Versions: make([]cloudapi.Version, len(versions))}
	for i, v := range versions {
		out.Versions[i] = cloudapi.Version{Number: v.Number, Manifest: hex.EncodeToString(v.Manifest[:]), Size: v.Size,
			Created: v.Created, By: v.By, Device: v.Device, Machine: v.Machine}
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) putCheckout(c *Call) error {
	var in cloudapi.NewCheckout
	if c.R.ContentLength != 0 { // without a body everything takes its default
		if err := c.Decode(&in); err != nil {
			return err
		}
	}
	life := meta.DefaultCheckout
	if in.Seconds != 0 {
		if in.Seconds < 1 || in.Seconds > int64(meta.MaxCheckout/time.Second) {
			return Invalid("seconds", "a check-out lasts from 1 second to 90 days")
		}
		life = time.Duration(in.Seconds) * time.Second
	}
	l, err := a.c.Store.Checkout(c.Context(), who(c), c.Path("object"), c.Now.Add(life))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, checkoutOf(&l))
}

func (a *API) deleteCheckout(c *Call) error {
	var err error
	switch q := c.R.URL.Query(); {
	case q.Get("force") == "1":
		err = a.c.Store.Release(c.Context(), who(c), c.Path("object"), c.Why("checkout.forced"))
	case q.Has("force"):
		err = Invalid("force", "force is 1 or left out")
	default:
		var fence int64
		if fence, err = number(c, "fence"); err == nil {
			err = a.c.Store.Checkin(c.Context(), who(c), c.Path("object"), fence)
		}
	}
	if err != nil {
		return err
	}
	return c.None()
}

// number reads a query member that is a number from 0 up; 0 when it is left out.
func number(c *Call, name string) (int64, error) {
	s := c.R.URL.Query().Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, Invalid(name, "the query member is not a number from 0 up")
	}
	return n, nil
}
