package pages

import (
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// merchantPages: the operator's organisations, and which of them sell.
func (c *Console) merchantPages() []Page {
	return []Page{
		{Pattern: "GET /console/organisations", Need: OfOperator, Nav: "orgs.nav", Handle: c.getOrganisations},
		{Pattern: "POST /console/organisations/merchant", Need: OfOperator, Handle: c.postMerchant, Back: c.getOrganisations},
	}
}

type orgRow struct {
	meta.Organisation
	Merchant string // the name that it sells under, "" for none
}

type orgsData struct{ Rows []orgRow }

func (c *Console) getOrganisations(v *Visit) error {
	list, err := c.c.Store.Organisations(v.R.Context())
	if err != nil {
		return err
	}
	merchants, err := c.c.Store.ListMerchants(v.R.Context())
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, m := range merchants {
		names[m.Org] = m.Name
	}
	var d orgsData
	for _, o := range list {
		d.Rows = append(d.Rows, orgRow{o, names[o.ID]})
	}
	return v.Show("organisations", d)
}

func (c *Console) postMerchant(v *Visit) error {
	m := meta.Merchant{ID: meta.NewID("mer"), Org: v.In("org"), Name: v.In("name"), Created: meta.Stamp(v.Now)}
	if err := members.Text("name", m.Name, 1, members.MaxDisplay); err != nil {
		return err
	}
	if err := c.c.Store.AddMerchant(v.R.Context(), m, v.Why("merchant.added", "merchant", m.ID, "organisation", m.Org)); err != nil {
		return err
	}
	return v.Done(Root+"organisations", "done.merchant")
}
