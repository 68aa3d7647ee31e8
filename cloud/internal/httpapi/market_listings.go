package httpapi

import (
	"net/http"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// listingRoutes: what merchants sell, and what can be ordered.
func (a *API) listingRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/market/offers", Need: OfAdmin, Handle: a.getOffers},
		{Pattern: "GET /v1/market/listings", Need: OfMerchant, Handle: a.getListings},
		{Pattern: "GET /v1/market/listings/{product}", Need: OfMerchant, Handle: a.getListing},
		{Pattern: "PUT /v1/market/listings/{product}", Need: OfMerchant, Handle: a.putListing},
		{Pattern: "GET /v1/market/listings/{product}/specs", Need: OfMerchant, Handle: a.getSpecs},
		{Pattern: "PUT /v1/market/specs/{productId}", Need: OfMerchant, Handle: a.putSpec},
	}
}

func provisionOf(p int) string {
	if p == meta.ProvisionAccepted {
		return cloudapi.ProvisionAccepted
	}
	return cloudapi.ProvisionAtOnce
}

func listingOf(l meta.Listing) cloudapi.MarketListing {
	return cloudapi.MarketListing{Product: l.Product, Name: l.Name, Kind: l.Kind, Provision: provisionOf(l.Provision), URL: l.URL, Key: l.Key,
		NotifyURL: l.NotifyURL, NotifyKey: l.NotifyKey, Bound: l.Bound, OnSale: l.OnSale}
}

func (a *API) getOffers(c *Call) error {
	list, err := a.c.Store.Listings(c.Context(), "")
	if err != nil {
		return err
	}
	merchants, err := a.c.Store.ListMerchants(c.Context())
	if err != nil {
		return err
	}
	names := make(map[string]string, len(merchants))
	for _, m := range merchants {
		names[m.ID] = m.Name
	}
	out := cloudapi.Offers{Offers: []cloudapi.Offer{}}
	for _, l := range list {
		if !l.OnSale {
			continue
		}
		specs, err := a.specs(c, l.Product)
		if err != nil {
			return err
		}
		out.Offers = append(out.Offers, cloudapi.Offer{Product: l.Product, Name: l.Name, Merchant: names[l.Merchant], Kind: l.Kind,
			Provision: provisionOf(l.Provision), Bound: l.Bound, Specs: specs})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getListings(c *Call) error {
	list, err := a.c.Store.Listings(c.Context(), c.Merchant.ID)
	if err != nil {
		return err
	}
	out := cloudapi.MarketListings{Listings: make([]cloudapi.MarketListing, 0, len(list))}
	for _, l := range list {
		out.Listings = append(out.Listings, listingOf(l))
	}
	return c.JSON(http.StatusOK, out)
}

// ownListing is the listing of a product when it is the caller's; another merchant's is not there.
func (a *API) ownListing(c *Call, product string) (meta.Listing, error) {
	l, err := a.c.Store.Listing(c.Context(), product)
	if err == nil && l.Merchant != c.Merchant.ID {
		return l, meta.Refuse(cloudapi.ErrNotFound, "the product is not listed")
	}
	return l, err
}

func (a *API) getListing(c *Call) error {
	l, err := a.ownListing(c, c.Path("product"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, listingOf(l))
}

func (a *API) putListing(c *Call) error {
	var in cloudapi.MarketListing
	if err := c.Decode(&in); err != nil {
		return err
	}
	l := meta.Listing{Product: c.Path("product"), Merchant: c.Merchant.ID, Kind: in.Kind, URL: in.URL, Key: in.Key,
		NotifyURL: in.NotifyURL, NotifyKey: in.NotifyKey, Bound: in.Bound, OnSale: in.OnSale}
	switch in.Provision {
	case cloudapi.ProvisionAtOnce:
		l.Provision = meta.ProvisionAtOnce
	case cloudapi.ProvisionAccepted:
		l.Provision = meta.ProvisionAccepted
	}
	if err := market.CheckListing(l); err != nil {
		return err
	}
	if err := a.c.Store.PutListing(c.Context(), l, c.Why("listing.put", "product", l.Product)); err != nil {
		return err
	}
	return a.getListing(c)
}

func (a *API) specs(c *Call, product string) ([]cloudapi.Spec, error) {
	list, err := a.c.Store.Specs(c.Context(), product)
	if err != nil {
		return nil, err
	}
	out := make([]cloudapi.Spec, 0, len(list))
	for _, s := range list {
		out = append(out, cloudapi.Spec(s))
	}
	return out, nil
}

func (a *API) getSpecs(c *Call) error {
	l, err := a.ownListing(c, c.Path("product"))
	if err != nil {
		return err
	}
	list, err := a.specs(c, l.Product)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Specs{Specs: list})
}

func (a *API) putSpec(c *Call) error {
	var in cloudapi.Spec
	if err := c.Decode(&in); err != nil {
		return err
	}
	in.ProductID = c.Path("productId")
	if err := market.CheckSpec(meta.Spec(in)); err != nil {
		return err
	}
	if err := a.c.Store.PutSpec(c.Context(), c.Merchant.ID, meta.Spec(in), c.Why("spec.put", "product", in.Product, "productId", in.ProductID)); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, in)
}
