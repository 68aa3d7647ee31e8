package httpapi

import (
	"net/http"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// spaceRoutes: drive spaces, their members and their folders.
func (a *API) spaceRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/spaces", Need: OfUser, Handle: a.getSpaces},
		{Pattern: "POST /v1/spaces", Need: OfUser, Handle: a.postSpace},
		{Pattern: "PUT /v1/spaces/{space}/members/{account}", Need: OfUser, Permit: a.inSpace(cloudapi.RoleOwner), Handle: a.putSpaceMember},
		{Pattern: "DELETE /v1/spaces/{space}/members/{account}", Need: OfUser, Handle: a.deleteSpaceMember},
		{Pattern: "GET /v1/spaces/{space}/entries", Need: OfUser, Handle: a.getEntries},
		{Pattern: "POST /v1/spaces/{space}/folders", Need: OfUser, Permit: a.inSpace(cloudapi.RoleEditor), Handle: a.postFolder},
	}
}

// who is the caller as the drive knows one. The device is the proven one where a device token came
// along, else the one that the sign-in named.
func who(c *Call) meta.Who {
	w := meta.Who{Account: c.User.Account, Org: c.User.Org, Device: c.Device, Now: c.Now}
	if w.Device == "" {
		w.Device = c.User.Device
	}
	return w
}

// inSpace permits a role and those above it in the space of the path, before the body is looked
// at. The command looks again, in its own transaction.
func (a *API) inSpace(role string) func(*Call) error {
	return func(c *Call) error {
		spaces, err := a.c.Store.Spaces(c.Context(), who(c))
		if err != nil {
			return err
		}
		for _, s := range spaces {
			if s.ID == c.Path("space") {
				return roleAtLeast(s.Role, role)
			}
		}
		return meta.Refuse(cloudapi.ErrNotFound, "there is no such space")
	}
}

// onObject is inSpace for the object of the path.
func (a *API) onObject(role string) func(*Call) error {
	return func(c *Call) error {
		p, err := a.c.Store.Object(c.Context(), who(c), c.Path("object"))
		if err != nil {
			return err
		}
		return roleAtLeast(p.Space.Role, role)
	}
}

func roleAtLeast(role, need string) error {
	order := map[string]int{cloudapi.RoleViewer: 1, cloudapi.RoleEditor: 2, cloudapi.RoleOwner: 3}
	if order[role] < order[need] {
		return meta.Refuse(cloudapi.ErrForbidden, "the role in this space does not allow it", "role", role, "needs", need)
	}
	return nil
}

func (a *API) getSpaces(c *Call) error {
	spaces, err := a.c.Store.Spaces(c.Context(), who(c))
	if err != nil {
		return err
	}
	out := cloudapi.Spaces{Spaces: make([]cloudapi.Space, len(spaces))}
	for i, s := range spaces {
		out.Spaces[i] = cloudapi.Space{ID: s.ID, Name: s.Name, Role: s.Role}
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postSpace(c *Call) error {
	var in cloudapi.NewSpace
	if err := c.Decode(&in); err != nil {
		return err
	}
	s, err := a.c.Store.AddSpace(c.Context(), who(c), in.Name, c.Why("space.added"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.Space{ID: s.ID, Name: s.Name, Role: s.Role})
}

func (a *API) putSpaceMember(c *Call) error {
	var in cloudapi.SpaceRole
	if err := c.Decode(&in); err != nil {
		return err
	}
	err := a.c.Store.SetRole(c.Context(), who(c), c.Path("space"), c.Path("account"), in.Role, c.Why("space.role"))
	if err != nil {
		return err
	}
	return c.None()
}

func (a *API) deleteSpaceMember(c *Call) error {
	err := a.c.Store.Unset(c.Context(), who(c), c.Path("space"), c.Path("account"), c.Why("space.left"))
	if err != nil {
		return err
	}
	return c.None()
}

func (a *API) getEntries(c *Call) error {
	q := c.R.URL.Query()
	path, entries, next, err := a.c.Store.Folder(c.Context(), who(c), c.Path("space"), q.Get("folder"), q.Get("after"), cloudapi.MaxEntries)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Listing{Path: entriesOf(path), Entries: entriesOf(entries), Next: next})
}

func (a *API) postFolder(c *Call) error {
	var in cloudapi.NewFolder
	if err := c.Decode(&in); err != nil {
		return err
	}
	it, err := a.c.Store.AddFolder(c.Context(), who(c), c.Path("space"), in.Parent, in.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, entryOf(it))
}

func entriesOf(items []meta.Item) []cloudapi.Entry {
	out := make([]cloudapi.Entry, len(items))
	for i, it := range items {
		out[i] = entryOf(it)
	}
	return out
}

func entryOf(it meta.Item) cloudapi.Entry {
	return cloudapi.Entry{ID: it.ID, Kind: it.Kind, Name: it.Name, Size: it.Size, Version: it.Version,
		Modified: it.Modified, By: it.By, Checkout: checkoutOf(it.Checkout)}
}

func checkoutOf(l *meta.Checkout) *cloudapi.Checkout {
	if l == nil {
		return nil
	}
	return &cloudapi.Checkout{Fence: l.Fence, Account: l.Account, Name: l.Name, Device: l.Device, Machine: l.Machine, Since: l.Since, Until: l.Until}
}
