package pages

import (
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// getSetUp asks for the first administrator. A cloud that has one sends the reader to the sign-in.
func (c *Console) getSetUp(v *Visit) error {
	done, err := c.c.Store.SetupDone(v.R.Context())
	if err != nil {
		return err
	}
	if done {
		return v.Redirect(Root + "sign-in")
	}
	return v.Show("setup", nil)
}

func (c *Console) postSetUp(v *Visit) error {
	_, err := c.c.Members.Setup(v.R.Context(), members.Setup{Code: v.Secret("code"), Organisation: v.In("organisation"), Account: v.In("account"),
		Name: v.In("name"), Password: v.Secret("password"), Now: v.Now})
	if meta.CodeOf(err) == cloudapi.ErrWrongCredentials {
		return meta.Refuse(cloudapi.ErrWrongCredentials, "the one-time code is wrong, used or ended", "reason", "code")
	}
	if err != nil {
		return err
	}
	return v.Done(Root+"sign-in", "done.set.up")
}
