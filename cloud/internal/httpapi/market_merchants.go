package httpapi

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
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
	switch in.Category {
	case meta.KeyBase, meta.KeyKit, meta.KeyCode, meta.KeyNotify:
	default:
		return Invalid("category", "the category is base, kit, code or notify")
	}
	k := meta.MerchantKey{ID: meta.NewID("key"), Merchant: c.Merchant.ID, Category: in.Category, Created: meta.Stamp(c.Now)}
	secret := meta.NewSecret("")
	k.Sealed = a.c.Box.Seal(seal.MerchantKey, k.ID, secret)
	if err := a.c.Store.AddMerchantKey(c.Context(), k, c.Why("merchant.key_added", "key", k.ID, "category", k.Category)); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.MerchantKey{ID: k.ID, Category: k.Category, Created: k.Created, Secret: secret})
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
	// As long as the marketplace's own: 20 and 40 characters, of 100 and 200 random bits.
	k := meta.AccessKey{Access: rand.Text()[:20], Merchant: c.Merchant.ID, Created: meta.Stamp(c.Now)}
	secret := (rand.Text() + rand.Text())[:40]
	k.Sealed = a.c.Box.Seal(seal.AccessKey, k.Access, secret)
	if err := a.c.Store.AddAccessKey(c.Context(), k, c.Why("merchant.access_added", "access", k.Access)); err != nil {
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
	if err := text("address", in.Address, 1, maxURL); err != nil {
		return err
	}
	base, err := a.c.Merchants.Base(in.Address)
	if err != nil {
		return err
	}
	m := meta.Address{ID: meta.NewID("adr"), Merchant: c.Merchant.ID, Base: base, Challenge: meta.NewSecret("iscdesk-"), Created: meta.Stamp(c.Now)}
	if err := a.c.Store.AddAddress(c.Context(), m, c.Why("merchant.address_added", "address", base)); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, addressOf(m))
}

// verifyAddress asks the address for its challenge, each time anew. An address that was verified once
// stays so when it does not show the challenge any more: orders hang on it.
func (a *API) verifyAddress(c *Call) error {
	m, err := a.c.Store.Address(c.Context(), c.Merchant.ID, c.Path("id"))
	if err != nil {
		return err
	}
	if err := a.c.Merchants.Shows(c.Context(), m.Base, m.Challenge); err != nil {
		return meta.Refuse(cloudapi.ErrConflict, "the address does not show its challenge", "reason", "unverified", "address", m.Base, "cause", err.Error())
	}
	if err := a.c.Store.VerifyAddress(c.Context(), c.Merchant.ID, m.ID, meta.Stamp(c.Now), c.Why("merchant.address_verified", "address", m.Base)); err != nil {
		return err
	}
	if m, err = a.c.Store.Address(c.Context(), c.Merchant.ID, m.ID); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, addressOf(m))
}
