package httpapi

import (
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// merchantRoutes: who sells, with which keys, from which address. What they sell stands in
// market_listings.go. A merchant's staff only ever reach their own rows: every command gets
// the id of Call.Merchant.
func (a *API) merchantRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/market/organisations", Need: OfOperator, Handle: a.getOrganisations},
		{Pattern: "GET /v1/market/merchants", Need: OfOperator, Handle: a.getMerchants},
		{Pattern: "POST /v1/market/merchants", Need: OfOperator, Handle: a.postMerchant},
		{Pattern: "GET /v1/market/merchant", Need: OfMerchant, Handle: a.getMerchant},
		{Pattern: "GET /v1/market/keys", Need: OfMerchant, Handle: a.getMerchantKeys},
		{Pattern: "POST /v1/market/keys", Need: OfMerchant, Handle: a.postMerchantKey},
		{Pattern: "POST /v1/market/keys/{id}/revoke", Need: OfMerchant, Handle: a.revokeMerchantKey},
		{Pattern: "GET /v1/market/access-keys", Need: OfMerchant, Handle: a.getAccessKeys},
		{Pattern: "POST /v1/market/access-keys", Need: OfMerchant, Handle: a.postAccessKey},
		{Pattern: "POST /v1/market/access-keys/{access}/revoke", Need: OfMerchant, Handle: a.revokeAccessKey},
		{Pattern: "GET /v1/market/addresses", Need: OfMerchant, Handle: a.getAddresses},
		{Pattern: "POST /v1/market/addresses", Need: OfMerchant, Handle: a.postAddress},
		{Pattern: "POST /v1/market/addresses/{id}/verify", Need: OfMerchant, Handle: a.verifyAddress},
	}
}

func (a *API) getOrganisations(c *Call) error {
	list, err := a.c.Store.Organisations(c.Context())
	if err != nil {
		return err
	}
	out := cloudapi.Organisations{Organisations: make([]cloudapi.Organisation, 0, len(list))}
	for _, o := range list {
		out.Organisations = append(out.Organisations, cloudapi.Organisation{ID: o.ID, Name: o.Name, Created: o.Created})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getMerchants(c *Call) error {
	list, err := a.c.Store.ListMerchants(c.Context())
	if err != nil {
		return err
	}
	out := cloudapi.Merchants{Merchants: make([]cloudapi.Merchant, 0, len(list))}
	for _, m := range list {
		out.Merchants = append(out.Merchants, merchantOf(m))
	}
	return c.JSON(http.StatusOK, out)
}

func merchantOf(m meta.Merchant) cloudapi.Merchant {
	return cloudapi.Merchant{ID: m.ID, Organisation: m.Org, Name: m.Name, Created: m.Created}
}

func (a *API) postMerchant(c *Call) error {
	var in cloudapi.NewMerchant
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := text("organisation", in.Organisation, 1, maxID); err != nil {
		return err
	}
	if err := text("name", in.Name, 1, maxDisplay); err != nil {
		return err
	}
	m := meta.Merchant{ID: meta.NewID("mer"), Org: in.Organisation, Name: in.Name, Created: meta.Stamp(c.Now)}
	if err := a.c.Store.AddMerchant(c.Context(), m, c.Why("merchant.added", "merchant", m.ID, "organisation", m.Org)); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, merchantOf(m))
}

func (a *API) getMerchant(c *Call) error { return c.JSON(http.StatusOK, merchantOf(c.Merchant)) }

// maybe is a time of a message that need not have come.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *API) getMerchantKeys(c *Call) error {
	list, err := a.c.Store.MerchantKeys(c.Context(), c.Merchant.ID)
	if err != nil {
		return err
	}
	out := cloudapi.MerchantKeys{Keys: make([]cloudapi.MerchantKey, 0, len(list))}
	for _, k := range list {
		out.Keys = append(out.Keys, cloudapi.MerchantKey{ID: k.ID, Category: k.Category, Created: k.Created, Revoked: maybe(k.Revoked)})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postMerchantKey(c *Call) error {
	var in cloudapi.NewMerchantKey
	if err := c.Decode(&in); err != nil {
		return err
	}
	k, secret, err := a.staff().AddKey(c.Context(), c.Merchant.ID, in.Category, c.Now, c.Why("merchant.key_added"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.MerchantKey{ID: k.ID, Category: k.Category, Created: k.Created, Secret: secret})
}

// staff is the room of what a merchant's people do.
func (a *API) staff() market.Staff {
	return market.Staff{Store: a.c.Store, Box: a.c.Box, Caller: a.c.Merchants, Looks: a.c.Gates.Strict}
}

func (a *API) revokeMerchantKey(c *Call) error {
	id := c.Path("id")
	if err := a.c.Store.RevokeMerchantKey(c.Context(), c.Merchant.ID, id, meta.Stamp(c.Now), c.Why("merchant.key_revoked", "key", id)); err != nil {
		return err
	}
	return c.None()
}

func (a *API) getAccessKeys(c *Call) error {
	list, err := a.c.Store.AccessKeys(c.Context(), c.Merchant.ID)
	if err != nil {
		return err
	}
	out := cloudapi.AccessKeys{Keys: make([]cloudapi.AccessKey, 0, len(list))}
	for _, k := range list {
		out.Keys = append(out.Keys, cloudapi.AccessKey{Access: k.Access, Created: k.Created, Revoked: maybe(k.Revoked)})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postAccessKey(c *Call) error {
	k, secret, err := a.staff().AddAccessKey(c.Context(), c.Merchant.ID, c.Now, c.Why("merchant.access_added"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.AccessKey{Access: k.Access, Created: k.Created, Secret: secret})
}

func (a *API) revokeAccessKey(c *Call) error {
	access := c.Path("access")
	if err := a.c.Store.RevokeAccessKey(c.Context(), c.Merchant.ID, access, meta.Stamp(c.Now), c.Why("merchant.access_revoked", "access", access)); err != nil {
		return err
	}
	return c.None()
}

func addressOf(m meta.Address) cloudapi.MerchantAddress {
	return cloudapi.MerchantAddress{ID: m.ID, Address: m.Base, Challenge: m.Challenge, Verified: maybe(m.Verified), Created: m.Created}
}

func (a *API) getAddresses(c *Call) error {
	list, err := a.c.Store.Addresses(c.Context(), c.Merchant.ID)
	if err != nil {
		return err
	}
	out := cloudapi.MerchantAddresses{Addresses: make([]cloudapi.MerchantAddress, 0, len(list))}
	for _, m := range list {
		out.Addresses = append(out.Addresses, addressOf(m))
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postAddress(c *Call) error {
	var in cloudapi.NewMerchantAddress
	if err := c.Decode(&in); err != nil {
		return err
	}
	m, err := a.staff().AddAddress(c.Context(), c.Merchant.ID, in.Address, c.Now, c.Why("merchant.address_added"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, addressOf(m))
}

func (a *API) verifyAddress(c *Call) error {
	m, err := a.staff().VerifyAddress(c.Context(), c.Merchant.ID, c.Path("id"), c.Now, c.Why("merchant.address_verified"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, addressOf(m))
}
