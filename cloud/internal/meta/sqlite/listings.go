package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func noListing() error { return meta.Refuse(cloudapi.ErrNotFound, "the product is not listed") }

const listingColumns = `SELECT l.product, p.name, l.merchant, l.kind, l.provision, l.url, l.key, l.notify_url, l.notify_key, l.bound, l.on_sale
	FROM listings l JOIN products p ON p.id = l.product `

func scanListing(r row) (l meta.Listing, err error) {
	var notify sql.NullString
	err = r.Scan(&l.Product, &l.Name, &l.Merchant, &l.Kind, &l.Provision, &l.URL, &l.Key, &l.NotifyURL, &notify, &l.Bound, &l.OnSale)
	l.NotifyKey = notify.String
	return l, err
}

func listing(tx *sql.Tx, product string) (meta.Listing, error) {
	return one(tx, scanListing, noListing(), listingColumns+`WHERE l.product = ?`, product)
}

// unlisted refuses what only the cloud's own products may do.
func unlisted(tx *sql.Tx, product string) error {
	_, err := listing(tx, product)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		return nil
	}
	return firstOf(err, meta.Refuse(cloudapi.ErrConflict, "the product is sold by a merchant: its instances come from orders", "product", product))
}

// PutListing implements meta.Merchants.
func (s *Store) PutListing(ctx context.Context, l meta.Listing, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := listable(tx, l); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO listings (product, merchant, kind, provision, url, key, notify_url, notify_key, bound, on_sale)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (product) DO UPDATE SET provision = excluded.provision, url = excluded.url,
			key = excluded.key, notify_url = excluded.notify_url, notify_key = excluded.notify_key, bound = excluded.bound, on_sale = excluded.on_sale`,
			l.Product, l.Merchant, l.Kind, l.Provision, l.URL, l.Key, l.NotifyURL, sql.NullString{String: l.NotifyKey, Valid: l.NotifyKey != ""},
			l.Bound, l.OnSale); err != nil {
			return fmt.Errorf("put listing: %w", err)
		}
		return record(tx, why)
	})
}

// listable looks at everything that a listing hangs on, in the command's own transaction.
func listable(tx *sql.Tx, l meta.Listing) error {
	if err := merchantKnown(tx, l.Merchant); err != nil {
		return err
	}
	var org string
	if err := tx.QueryRow(`SELECT org FROM merchants WHERE id = ?`, l.Merchant).Scan(&org); err != nil {
		return fmt.Errorf("look for merchant's organisation: %w", err)
	}
	if err := productFor(tx, l.Product, org); err != nil {
		return err
	}
	old, err := listing(tx, l.Product)
	switch {
	case meta.CodeOf(err) == cloudapi.ErrNotFound:
		var own bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM instances WHERE product = ?)`, l.Product).Scan(&own); err != nil {
			return fmt.Errorf("look for instances: %w", err)
		}
		if own {
			return meta.Refuse(cloudapi.ErrConflict, "the product has licence instances that the cloud licenses itself", "product", l.Product)
		}
	case err != nil:
		return err
	case old.Merchant != l.Merchant:
		return meta.Refuse(cloudapi.ErrConflict, "the product is sold by another merchant", "product", l.Product)
	case old.Kind != l.Kind:
		return meta.Refuse(cloudapi.ErrConflict, "the kind of a listing does not change", "product", l.Product, "kind", old.Kind)
	}
	category := meta.KeyBase
	if l.Kind == meta.KindCode {
		category = meta.KeyCode
	}
	if err := callable(tx, l.Merchant, l.URL, "url", l.Key, "key", category); err != nil {
		return err
	}
	if l.NotifyURL == "" {
		if l.NotifyKey != "" {
			return meta.Refuse(cloudapi.ErrInvalid, "a key of notifications needs the URL that they go to", "member", "notifyUrl")
		}
		return nil
	}
	return callable(tx, l.Merchant, l.NotifyURL, "notifyUrl", l.NotifyKey, "notifyKey", meta.KeyNotify)
}

// callable refuses an address that was not shown to be the merchant's, and a key that may not sign there.
func callable(tx *sql.Tx, merchant, url, urlMember, key, keyMember, category string) error {
	base, ok := meta.BaseOf(url)
	if !ok {
		return meta.Refuse(cloudapi.ErrInvalid, "the URL is https, a verified address and a path", "member", urlMember)
	}
	var verified bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM addresses WHERE merchant = ? AND base = ? AND verified IS NOT NULL)`, merchant, base).
		Scan(&verified); err != nil {
		return fmt.Errorf("look for address: %w", err)
	}
	if !verified {
		return meta.Refuse(cloudapi.ErrInvalid, "the URL is not below a verified address of the merchant", "member", urlMember)
	}
	k, err := one(tx, scanMerchantKey, noMerchantKey(), merchantKeyColumns+`WHERE merchant = ? AND id = ?`, merchant, key)
	switch {
	case meta.CodeOf(err) == cloudapi.ErrNotFound:
		return meta.Refuse(cloudapi.ErrInvalid, "the merchant has no such key", "member", keyMember)
	case err != nil:
		return err
	case k.Category != category:
		return meta.Refuse(cloudapi.ErrInvalid, "the key is of another category: "+k.Category+" instead of "+category, "member", keyMember)
	case !k.Revoked.IsZero():
		return meta.Refuse(cloudapi.ErrInvalid, "the key is revoked", "member", keyMember)
	}
	return nil
}

// Listing implements meta.Merchants.
func (s *Store) Listing(ctx context.Context, product string) (l meta.Listing, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		l, err = listing(tx, product)
		return err
	})
	return l, err
}

// Listings implements meta.Merchants.
func (s *Store) Listings(ctx context.Context, merchant string) (list []meta.Listing, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanListing, listingColumns+`WHERE ?1 = '' OR l.merchant = ?1 ORDER BY l.product`, merchant)
		return err
	})
	return list, err
}

const specColumns = `SELECT product_id, product, sku, name, charging, period, features, trial_days FROM specs `

func scanSpec(r row) (p meta.Spec, err error) {
	var features []byte
	if err := r.Scan(&p.ProductID, &p.Product, &p.SKU, &p.Name, &p.Charging, &p.Period, &features, &p.TrialDays); err != nil {
		return p, err
	}
	if err := json.Unmarshal(features, &p.Features); err != nil {
		return p, err
	}
	if len(p.Features) == 0 {
		p.Features = nil
	}
	return p, nil
}

func noSpec() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such specification") }

// PutSpec implements meta.Merchants.
func (s *Store) PutSpec(ctx context.Context, merchant string, p meta.Spec, why meta.Entry) error {
	if p.Features == nil {
		p.Features = []string{}
	}
	features, err := json.Marshal(p.Features)
	if err != nil {
		return fmt.Errorf("put specification: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		l, err := listing(tx, p.Product)
		if err != nil {
			return err
		}
		if l.Merchant != merchant {
			return noListing()
		}
		if err := p.Trialable(l.Kind); err != nil {
			return err
		}
		old, err := scanSpec(tx.QueryRow(specColumns+`WHERE product_id = ?`, p.ProductID))
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return fmt.Errorf("put specification: %w", err)
		case old.Product != p.Product:
			return meta.Refuse(cloudapi.ErrNameExists, "the product id is that of another specification", "productId", p.ProductID)
		case old.Charging != p.Charging:
			return meta.Refuse(cloudapi.ErrConflict, "how a specification is charged does not change", "charging", old.Charging)
		}
		if _, err := tx.Exec(`INSERT INTO specs (product_id, product, sku, name, charging, period, features, trial_days) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, period = excluded.period,
			features = excluded.features, trial_days = excluded.trial_days`,
			p.ProductID, p.Product, p.SKU, p.Name, p.Charging, p.Period, string(features), p.TrialDays); err != nil {
			return fmt.Errorf("put specification: %w", err)
		}
		return record(tx, why)
	})
}

// Specs implements meta.Merchants.
func (s *Store) Specs(ctx context.Context, product string) (list []meta.Spec, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanSpec, specColumns+`WHERE product = ? ORDER BY product_id`, product)
		return err
	})
	return list, err
}

// Spec implements meta.Merchants.
func (s *Store) Spec(ctx context.Context, productID string) (p meta.Spec, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		p, err = one(tx, scanSpec, noSpec(), specColumns+`WHERE product_id = ?`, productID)
		return err
	})
	return p, err
}
