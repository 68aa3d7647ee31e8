package pages

import (
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (c *Console) homePages() []Page {
	return []Page{
		{Pattern: "GET /console/{$}", Need: OfMember, Nav: "home.nav", Handle: c.getHome},
		{Pattern: "POST /console/password", Need: OfMember, Handle: c.postPassword, Back: c.getHome},
	}
}

type homeData struct{ Mine []meta.Instance }

func (c *Console) getHome(v *Visit) error {
	list, err := c.c.Store.Instances(v.R.Context(), v.User.Org)
	if err != nil {
		return err
	}
	var d homeData
	for _, i := range list {
		for _, who := range i.Assigned {
			if who == v.User.Account {
				d.Mine = append(d.Mine, i)
			}
		}
	}
	return v.Show("home", d)
}

// postPassword changes the reader's own password. The sign-in ends with it, as all others do.
func (c *Console) postPassword(v *Visit) error {
	if v.Secret("new") != v.Secret("again") {
		return meta.Refuse(cloudapi.ErrInvalid, "the two new passwords differ", "member", "again")
	}
	if err := c.c.Members.ChangePassword(v.R.Context(), v.Who(), v.Secret("old"), v.Secret("new")); err != nil {
		return err
	}
	v.setCookie(cookieName, "", 0)
	return v.Done(Root+"sign-in", "done.password")
}
