package pages

import (
	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// sellerPages: what a merchant needs before anything can be sold.
func (c *Console) sellerPages() []Page {
	return []Page{
		{Pattern: "GET /console/seller", Need: OfMerchant, Nav: "seller.nav", Handle: c.getSeller},
		{Pattern: "GET /console/seller/keys", Need: OfMerchant, Nav: "keys.nav", Handle: c.getKeys},
		{Pattern: "POST /console/seller/keys", Need: OfMerchant, Handle: c.postKey, Back: c.getKeys},
		{Pattern: "POST /console/seller/keys/revoke", Need: OfMerchant, Handle: c.postRevokeKey, Back: c.getKeys},
		{Pattern: "POST /console/seller/access", Need: OfMerchant, Handle: c.postAccess, Back: c.getKeys},
		{Pattern: "POST /console/seller/access/revoke", Need: OfMerchant, Handle: c.postRevokeAccess, Back: c.getKeys},
		{Pattern: "GET /console/seller/addresses", Need: OfMerchant, Nav: "addresses.nav", Handle: c.getAddresses},
		{Pattern: "POST /console/seller/addresses", Need: OfMerchant, Handle: c.postAddress, Back: c.getAddresses},
		{Pattern: "POST /console/seller/addresses/verify", Need: OfMerchant, Handle: c.postVerify, Back: c.getAddresses},
	}
}

func (c *Console) staff() market.Staff {
	return market.Staff{Store: c.c.Store, Box: c.c.Box, Caller: c.c.Caller, Looks: c.c.Gates.Strict}
}

// step is one thing that selling needs.
type step struct {
	Key, Path string // of its sentence; where it is done
	Done      bool
}

type sellerData struct {
	Steps  []step
	Ready  bool
	Unread int
}

func (c *Console) getSeller(v *Visit) error {
	ctx, s, id := v.R.Context(), c.c.Store, v.Merchant.ID
	keys, err := s.MerchantKeys(ctx, id)
	if err != nil {
		return err
	}
	access, err := s.AccessKeys(ctx, id)
	if err != nil {
		return err
	}
	addresses, err := s.Addresses(ctx, id)
	if err != nil {
		return err
	}
	listings, err := s.Listings(ctx, id)
	if err != nil {
		return err
	}
	saved, err := s.Cases(ctx, id)
	if err != nil {
		return err
	}
	notices, err := s.Notices(ctx, id, meta.Page{Limit: pageSize})
	if err != nil {
		return err
	}
	var hasKey, hasAccess, verified, spec, onSale, passed bool
	for _, k := range keys {
		hasKey = hasKey || k.Revoked.IsZero()
	}
	for _, k := range access {
		hasAccess = hasAccess || k.Revoked.IsZero()
	}
	for _, a := range addresses {
		verified = verified || !a.Verified.IsZero()
	}
	for _, l := range listings {
		list, err := s.Specs(ctx, l.Product)
		if err != nil {
			return err
		}
		spec, onSale = spec || len(list) > 0, onSale || l.OnSale
	}
	for _, m := range saved {
		passed = passed || m.Passed
	}
	d := sellerData{Ready: true, Steps: []step{
		{"need.key", Root + "seller/keys", hasKey}, {"need.access", Root + "seller/keys", hasAccess}, {"need.address", Root + "seller/addresses", verified},
		{"need.listing", Root + "listings", len(listings) > 0}, {"need.spec", Root + "listings", spec},
		{"need.cases", Root + "debugging", passed}, {"need.sale", Root + "listings", onSale},
	}}
	for _, st := range d.Steps {
		d.Ready = d.Ready && st.Done
	}
	for _, n := range notices {
		if n.Read.IsZero() {
			d.Unread++
		}
	}
	return v.Show("seller", d)
}

// made is a secret that is shown this once.
type madeSecret struct{ ID, Secret, Of string }

type keysData struct {
	Keys   []meta.MerchantKey
	Access []meta.AccessKey
	Made   *madeSecret
}

func (c *Console) keysView(v *Visit) (d keysData, err error) {
	if d.Keys, err = c.c.Store.MerchantKeys(v.R.Context(), v.Merchant.ID); err != nil {
		return d, err
	}
	d.Access, err = c.c.Store.AccessKeys(v.R.Context(), v.Merchant.ID)
	return d, err
}

func (c *Console) getKeys(v *Visit) error {
	d, err := c.keysView(v)
	if err != nil {
		return err
	}
	return v.Show("keys", d)
}

// showMade answers the POST itself: the secret must not go through an address.
func (c *Console) showMade(v *Visit, m madeSecret) error {
	d, err := c.keysView(v)
	if err != nil {
		return err
	}
	d.Made = &m
	return v.Show("keys", d)
}

func (c *Console) postKey(v *Visit) error {
	k, secret, err := c.staff().AddKey(v.R.Context(), v.Merchant.ID, v.In("category"), v.Now, v.Why("merchant.key_added"))
	if err != nil {
		return err
	}
	return c.showMade(v, madeSecret{k.ID, secret, k.Category})
}

func (c *Console) postRevokeKey(v *Visit) error {
	id := v.In("key")
	if err := c.c.Store.RevokeMerchantKey(v.R.Context(), v.Merchant.ID, id, meta.Stamp(v.Now), v.Why("merchant.key_revoked", "key", id)); err != nil {
		return err
	}
	return v.Done(Root+"seller/keys", "done.revoked")
}

func (c *Console) postAccess(v *Visit) error {
	k, secret, err := c.staff().AddAccessKey(v.R.Context(), v.Merchant.ID, v.Now, v.Why("merchant.access_added"))
	if err != nil {
		return err
	}
	return c.showMade(v, madeSecret{k.Access, secret, ""})
}

func (c *Console) postRevokeAccess(v *Visit) error {
	access := v.In("access")
	if err := c.c.Store.RevokeAccessKey(v.R.Context(), v.Merchant.ID, access, meta.Stamp(v.Now), v.Why("merchant.access_revoked", "access", access)); err != nil {
		return err
	}
	return v.Done(Root+"seller/keys", "done.revoked")
}

type addressesData struct{ Rows []meta.Address }

func (c *Console) getAddresses(v *Visit) error {
	list, err := c.c.Store.Addresses(v.R.Context(), v.Merchant.ID)
	if err != nil {
		return err
	}
	return v.Show("addresses", addressesData{list})
}

func (c *Console) postAddress(v *Visit) error {
	if _, err := c.staff().AddAddress(v.R.Context(), v.Merchant.ID, v.In("address"), v.Now, v.Why("merchant.address_added")); err != nil {
		return err
	}
	return v.Done(Root+"seller/addresses", "done.address")
}

func (c *Console) postVerify(v *Visit) error {
	if _, err := c.staff().VerifyAddress(v.R.Context(), v.Merchant.ID, v.In("id"), v.Now, v.Why("merchant.address_verified")); err != nil {
		return err
	}
	return v.Done(Root+"seller/addresses", "done.verified")
}
