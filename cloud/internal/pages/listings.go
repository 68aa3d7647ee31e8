package pages

import (
	"slices"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// listingPages: what a merchant sells.
func (c *Console) listingPages() []Page {
	return []Page{
		{Pattern: "GET /console/listings", Need: OfMerchant, Nav: "listings.nav", Handle: c.getListings},
		{Pattern: "POST /console/listings/product", Need: OfMerchant, Handle: c.postProduct, Back: c.getListings},
		{Pattern: "GET /console/listings/new", Need: OfMerchant, Handle: c.getListing},
		{Pattern: "GET /console/listings/{product}", Need: OfMerchant, Handle: c.getListing},
		{Pattern: "POST /console/listings/put", Need: OfMerchant, Handle: c.postListing, Back: c.getListing},
		{Pattern: "POST /console/listings/spec", Need: OfMerchant, Handle: c.postSpec, Back: c.getListing},
	}
}

type listingsData struct{ Rows []meta.Listing }

func (c *Console) getListings(v *Visit) error {
	list, err := c.c.Store.Listings(v.R.Context(), v.Merchant.ID)
	if err != nil {
		return err
	}
	return v.Show("listings", listingsData{list})
}

// postProduct enters a product, which can then be listed.
func (c *Console) postProduct(v *Visit) error {
	p := meta.Product{ID: v.In("product"), Name: v.In("name"), Org: v.User.Org}
	if err := market.CheckProduct(p); err != nil {
		return err
	}
	if err := c.c.Store.AddProduct(v.R.Context(), p, v.Why("product.added", "product", p.ID)); err != nil {
		return err
	}
	return v.Done(Root+"listings", "done.product")
}

type listingData struct {
	meta.Listing
	New      bool
	Products []string // that can be listed
	Keys     []meta.MerchantKey
	Notify   []meta.MerchantKey
	Bases    []string // verified addresses
	Specs    []meta.Spec
	Spec     meta.Spec // in the form
}

// getListing shows a listing, or an empty one.
func (c *Console) getListing(v *Visit) error {
	product := v.R.PathValue("product")
	if v.form != nil {
		product = v.In("product")
	}
	ctx := v.R.Context()
	d := listingData{New: true, Listing: meta.Listing{Product: product, Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce}, Spec: meta.Spec{Charging: meta.ChargePeriod, Period: "year"}}
	l, err := c.c.Store.Listing(ctx, product)
	switch {
	case err == nil && l.Merchant == v.Merchant.ID:
		d.Listing, d.New = l, false
	case err == nil, meta.CodeOf(err) == cloudapi.ErrNotFound && product != "" && v.form == nil:
		return meta.Refuse(cloudapi.ErrNotFound, "the product is not listed")
	case meta.CodeOf(err) != cloudapi.ErrNotFound:
		return err
	}
	if v.form != nil && v.R.URL.Path == Root+"listings/put" {
		name := d.Name
		d.Listing = listingIn(v)
		d.Name = name
	}
	if d.Specs, err = c.c.Store.Specs(ctx, product); err != nil {
		return err
	}
	for _, s := range d.Specs {
		if s.ProductID == v.Query("spec") {
			d.Spec = s
		}
	}
	if v.form != nil && v.R.URL.Path == Root+"listings/spec" {
		d.Spec, _ = specIn(v) // what cannot be read is what the refusal is about
	}
	return c.listingChoices(v, d)
}

// listingChoices fills in what can be chosen, and shows the page.
func (c *Console) listingChoices(v *Visit, d listingData) error {
	ctx := v.R.Context()
	keys, err := c.c.Store.MerchantKeys(ctx, v.Merchant.ID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		switch {
		case !k.Revoked.IsZero():
		case k.Category == meta.KeyNotify:
			d.Notify = append(d.Notify, k)
		case k.Category != meta.KeyKit:
			d.Keys = append(d.Keys, k)
		}
	}
	addresses, err := c.c.Store.Addresses(ctx, v.Merchant.ID)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if !a.Verified.IsZero() {
			d.Bases = append(d.Bases, a.Base)
		}
	}
	products, err := c.c.Store.Products(ctx)
	if err != nil {
		return err
	}
	operator, err := c.c.Store.Operator(ctx)
	if err != nil {
		return err
	}
	listed, err := c.c.Store.Listings(ctx, "")
	if err != nil {
		return err
	}
	for _, p := range products {
		mine := p.Org == "" || p.Org == v.User.Org || p.Org == operator
		if mine && !slices.ContainsFunc(listed, func(l meta.Listing) bool { return l.Product == p.ID }) {
			d.Products = append(d.Products, p.ID)
		}
	}
	return v.Show("listing", d)
}

func listingIn(v *Visit) meta.Listing {
	l := meta.Listing{Product: v.In("product"), Merchant: v.Merchant.ID, Kind: v.In("kind"), URL: v.In("url"), Key: v.In("key"), NotifyURL: v.In("notifyUrl"),
		NotifyKey: v.In("notifyKey"), Bound: v.In("bound") != "", OnSale: v.In("onSale") != ""}
	l.Provision, _ = strconv.Atoi(v.In("provision")) // 0 is refused
	return l
}

func (c *Console) postListing(v *Visit) error {
	l := listingIn(v)
	if err := market.CheckListing(l); err != nil {
		return err
	}
	if err := c.c.Store.PutListing(v.R.Context(), l, v.Why("listing.put", "product", l.Product)); err != nil {
		return err
	}
	return v.Done(Root+"listings/"+l.Product, "done.listing")
}

func specIn(v *Visit) (meta.Spec, error) {
	s := meta.Spec{ProductID: v.In("productId"), Product: v.In("product"), SKU: v.In("sku"), Name: v.In("name"), Charging: v.In("charging"), Period: v.In("period"),
		Features: strings.Fields(strings.ReplaceAll(v.In("features"), ",", " "))}
	if s.Charging != meta.ChargePeriod { // the form's choice says nothing then
		s.Period = ""
	}
	if days := v.In("trialDays"); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil {
			return s, meta.Refuse(cloudapi.ErrInvalid, "a trial lasts 3 to 180 days; 0 offers none", "member", "trialDays")
		}
		s.TrialDays = n
	}
	return s, market.CheckSpec(s)
}

func (c *Console) postSpec(v *Visit) error {
	s, err := specIn(v)
	if err != nil {
		return err
	}
	if err := c.c.Store.PutSpec(v.R.Context(), v.Merchant.ID, s, v.Why("spec.put", "product", s.Product, "productId", s.ProductID)); err != nil {
		return err
	}
	return v.Done(Root+"listings/"+s.Product, "done.spec")
}
