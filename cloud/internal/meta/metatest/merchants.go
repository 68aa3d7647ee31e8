package metatest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Merchants tries the contract of merchants, their keys and addresses, listings and
// specifications. open makes an empty store.
func Merchants(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"operator", operator},
		{"merchants", merchants},
		{"merchant race", merchantRace},
		{"keys", merchantKeys},
		{"access keys", accessKeys},
		{"many keys", manyKeys},
		{"addresses", addresses},
		{"listings", listings},
		{"what a listing hangs on", listingRefusals},
		{"a product of the cloud's own", ownProduct},
		{"specifications", specs},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		})
	}
}

// seller makes organisation org_a as accounts does and org_<name> with the administrator <name>, and of
// the latter a merchant mer_<name> with the keys <name>_base, <name>_code, <name>_kit and <name>_notify
// and the verified address https://<name>.example.com.
func (c *core) seller(t *testing.T, name string) {
	t.Helper()
	if done, err := c.SetupDone(c.ctx); err != nil || !done {
		c.accounts(t)
	}
	a := c.account(name, meta.RoleAdmin)
	a.Org, a.OrgName = "org_"+name, "Org "+name
	ok(t, c.AddOrganisation(c.ctx, a, meta.Entry{}))
	m := "mer_" + name
	ok(t, c.AddMerchant(c.ctx, meta.Merchant{ID: m, Org: a.Org, Name: name, Created: c.now}, c.why("merchant.added")))
	for _, category := range []string{meta.KeyBase, meta.KeyCode, meta.KeyKit, meta.KeyNotify} {
		ok(t, c.AddMerchantKey(c.ctx, meta.MerchantKey{ID: name + "_" + category, Merchant: m, Category: category, Sealed: []byte("sealed"), Created: c.now}, meta.Entry{}))
	}
	ok(t, c.AddAddress(c.ctx, meta.Address{ID: "adr_" + name, Merchant: m, Base: "https://" + name + ".example.com", Challenge: "c", Created: c.now}, meta.Entry{}))
	ok(t, c.VerifyAddress(c.ctx, m, "adr_"+name, c.now, meta.Entry{}))
}

// listed is seller with the product cad, listed.
func (c *core) listed(t *testing.T, name string) meta.Listing {
	t.Helper()
	c.seller(t, name)
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "cad", Name: "Cad"}, meta.Entry{}))
	l := meta.Listing{Product: "cad", Name: "Cad", Merchant: "mer_" + name, Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce,
		URL: "https://" + name + ".example.com/saasproduce", Key: name + "_base"}
	ok(t, c.PutListing(c.ctx, l, c.why("listing.put")))
	return l
}

// actions counts the audit entries of an action.
func (c *core) actions(t *testing.T, action string) (n int) {
	t.Helper()
	list, err := c.Audit(c.ctx, "org_a", 0, 1000)
	ok(t, err)
	for _, e := range list {
		if e.Action == action {
			n++
		}
	}
	return n
}

// param is what a refusal says of name.
func param(err error, name string) string {
	var r *meta.Refusal
	if errors.As(err, &r) {
		return r.Params[name]
	}
	return ""
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func operator(t *testing.T, c *core) {
	_, err := c.Operator(c.ctx)
	code(t, "before setup", err, cloudapi.ErrNotFound)
	c.accounts(t)
	other := c.account("eve", meta.RoleAdmin)
	other.Org, other.OrgName, other.Created = "org_0", "Older", c.now.Add(-time.Hour) // by a clock that was set back
	ok(t, c.AddOrganisation(c.ctx, other, meta.Entry{}))
	org, err := c.Operator(c.ctx)
	ok(t, err)
	if org != "org_a" {
		t.Errorf("the operator is %s", org)
	}
	list, err := c.Organisations(c.ctx)
	ok(t, err)
	same(t, "organisations", list, []meta.Organisation{{ID: "org_0", Name: "Older", Created: other.Created}, {ID: "org_a", Name: "Works", Created: c.now}})
	one, err := c.Organisation(c.ctx, "org_0")
	ok(t, err)
	same(t, "organisation", one, list[0])
	_, err = c.Organisation(c.ctx, "org_x")
	code(t, "unknown organisation", err, cloudapi.ErrNotFound)
}

func merchants(t *testing.T, c *core) {
	c.accounts(t)
	m := meta.Merchant{ID: "mer_1", Org: "org_a", Name: "Isv", Created: c.now}
	code(t, "of no organisation", c.AddMerchant(c.ctx, meta.Merchant{ID: "mer_0", Org: "org_x", Name: "No", Created: c.now}, meta.Entry{}), cloudapi.ErrNotFound)
	ok(t, c.AddMerchant(c.ctx, m, c.why("merchant.added")))
	code(t, "twice", c.AddMerchant(c.ctx, meta.Merchant{ID: "mer_2", Org: "org_a", Name: "Isv", Created: c.now}, c.why("merchant.added")), cloudapi.ErrNameExists)
	if n := c.actions(t, "merchant.added"); n != 1 {
		t.Errorf("%d entries", n)
	}
	list, err := c.ListMerchants(c.ctx)
	ok(t, err)
	same(t, "merchants", list, []meta.Merchant{m})
	for _, find := range []func() (meta.Merchant, error){
		func() (meta.Merchant, error) { return c.Merchant(c.ctx, "mer_1") },
		func() (meta.Merchant, error) { return c.MerchantOf(c.ctx, "org_a") },
	} {
		got, err := find()
		ok(t, err)
		same(t, "merchant", got, m)
	}
	_, err = c.Merchant(c.ctx, "mer_2")
	code(t, "unknown merchant", err, cloudapi.ErrNotFound)
	_, err = c.MerchantOf(c.ctx, "org_b")
	code(t, "an organisation that does not sell", err, cloudapi.ErrNotFound)
}

func merchantRace(t *testing.T, c *core) {
	c.accounts(t)
	got := atOnce(8, func(i int) error {
		return c.AddMerchant(c.ctx, meta.Merchant{ID: fmt.Sprintf("mer_%d", i), Org: "org_a", Name: "Isv", Created: c.now}, meta.Entry{})
	})
	if got[""] != 1 || got[cloudapi.ErrNameExists] != 7 {
		t.Errorf("8 at once: %v", got)
	}
}

func merchantKeys(t *testing.T, c *core) {
	c.seller(t, "ann_isv")
	c.seller(t, "bob_isv")
	k := meta.MerchantKey{ID: "key_1", Merchant: "mer_ann_isv", Category: meta.KeyBase, Sealed: []byte{1, 0, 255}, Created: c.now}
	ok(t, c.AddMerchantKey(c.ctx, k, meta.Entry{}))
	again := k
	again.Category = meta.KeyCode
	code(t, "the same key in another category", c.AddMerchantKey(c.ctx, again, meta.Entry{}), cloudapi.ErrNameExists)
	again.ID, again.Merchant = "key_2", "mer_x"
	code(t, "of no merchant", c.AddMerchantKey(c.ctx, again, meta.Entry{}), cloudapi.ErrNotFound)
	got, err := c.MerchantKey(c.ctx, "key_1")
	ok(t, err)
	same(t, "key", got, k)
	code(t, "another merchant revokes it", c.RevokeMerchantKey(c.ctx, "mer_bob_isv", "key_1", c.now, meta.Entry{}), cloudapi.ErrNotFound)
	code(t, "an unknown key", c.RevokeMerchantKey(c.ctx, "mer_ann_isv", "key_9", c.now, meta.Entry{}), cloudapi.ErrNotFound)
	k.Revoked = c.now.Add(time.Hour)
	ok(t, c.RevokeMerchantKey(c.ctx, "mer_ann_isv", "key_1", k.Revoked, c.why("key.revoked")))
	ok(t, c.RevokeMerchantKey(c.ctx, "mer_ann_isv", "key_1", k.Revoked.Add(time.Hour), c.why("key.revoked")))
	if n := c.actions(t, "key.revoked"); n != 1 {
		t.Errorf("%d entries", n)
	}
	got, err = c.MerchantKey(c.ctx, "key_1")
	ok(t, err)
	same(t, "revoked key", got, k)
	list, err := c.MerchantKeys(c.ctx, "mer_ann_isv")
	ok(t, err)
	if len(list) != 5 || !reflect.DeepEqual(list[4], k) || list[0].ID != "ann_isv_base" {
		t.Errorf("keys %+v", list)
	}
	_, err = c.MerchantKey(c.ctx, "key_2")
	code(t, "unknown key", err, cloudapi.ErrNotFound)
}

// manyKeys: a merchant has so many good keys of a category, and pairs, and one more when it has revoked one.
func manyKeys(t *testing.T, c *core) {
	c.seller(t, "ann_isv") // has one of each category
	key := func(n int) error {
		return c.AddMerchantKey(c.ctx, meta.MerchantKey{ID: fmt.Sprint("many_", n), Merchant: "mer_ann_isv", Category: meta.KeyBase, Sealed: []byte{1}, Created: c.now}, meta.Entry{})
	}
	pair := func(n int) error {
		return c.AddAccessKey(c.ctx, meta.AccessKey{Access: fmt.Sprint("MANY", n), Merchant: "mer_ann_isv", Sealed: []byte{1}, Created: c.now}, meta.Entry{})
	}
	for n := 1; n < meta.MaxKeys; n++ {
		ok(t, key(n))
		ok(t, pair(n))
	}
	ok(t, pair(0))
	code(t, "one key more", key(meta.MaxKeys), cloudapi.ErrConflict)
	code(t, "one pair more", pair(meta.MaxKeys), cloudapi.ErrConflict)
	ok(t, c.RevokeMerchantKey(c.ctx, "mer_ann_isv", "many_1", c.now, meta.Entry{}))
	ok(t, c.RevokeAccessKey(c.ctx, "mer_ann_isv", "MANY1", c.now, meta.Entry{}))
	ok(t, key(meta.MaxKeys))
	ok(t, pair(meta.MaxKeys))
}

func accessKeys(t *testing.T, c *core) {
	c.seller(t, "ann_isv")
	c.seller(t, "bob_isv")
	k := meta.AccessKey{Access: "AK1", Merchant: "mer_ann_isv", Sealed: []byte{1, 2}, Created: c.now}
	ok(t, c.AddAccessKey(c.ctx, k, meta.Entry{}))
	code(t, "twice", c.AddAccessKey(c.ctx, meta.AccessKey{Access: "AK1", Merchant: "mer_bob_isv", Sealed: []byte{3}, Created: c.now}, meta.Entry{}), cloudapi.ErrNameExists)
	code(t, "of no merchant", c.AddAccessKey(c.ctx, meta.AccessKey{Access: "AK2", Merchant: "mer_x", Sealed: []byte{3}, Created: c.now}, meta.Entry{}), cloudapi.ErrNotFound)
	got, err := c.AccessKey(c.ctx, "AK1")
	ok(t, err)
	same(t, "access key", got, k)
	_, err = c.AccessKey(c.ctx, "ak1")
	code(t, "in another case", err, cloudapi.ErrNotFound)
	code(t, "another merchant revokes it", c.RevokeAccessKey(c.ctx, "mer_bob_isv", "AK1", c.now, meta.Entry{}), cloudapi.ErrNotFound)
	k.Revoked = c.now.Add(time.Hour)
	ok(t, c.RevokeAccessKey(c.ctx, "mer_ann_isv", "AK1", k.Revoked, c.why("key.revoked")))
	ok(t, c.RevokeAccessKey(c.ctx, "mer_ann_isv", "AK1", k.Revoked.Add(time.Hour), c.why("key.revoked")))
	if n := c.actions(t, "key.revoked"); n != 1 {
		t.Errorf("%d entries", n)
	}
	list, err := c.AccessKeys(c.ctx, "mer_ann_isv")
	ok(t, err)
	same(t, "access keys", list, []meta.AccessKey{k})
	list, err = c.AccessKeys(c.ctx, "mer_bob_isv")
	ok(t, err)
	if len(list) != 0 {
		t.Errorf("another merchant's: %+v", list)
	}
}

func addresses(t *testing.T, c *core) {
	c.seller(t, "ann_isv")
	c.seller(t, "bob_isv")
	a := meta.Address{ID: "adr_1", Merchant: "mer_ann_isv", Base: "https://new.example.com", Challenge: "secret", Created: c.now}
	ok(t, c.AddAddress(c.ctx, a, meta.Entry{}))
	twice := a
	twice.ID = "adr_2"
	code(t, "twice", c.AddAddress(c.ctx, twice, meta.Entry{}), cloudapi.ErrNameExists)
	twice.Merchant = "mer_bob_isv" // two merchants may share a machine; each has its own challenge
	ok(t, c.AddAddress(c.ctx, twice, meta.Entry{}))
	twice.ID, twice.Merchant = "adr_3", "mer_x"
	code(t, "of no merchant", c.AddAddress(c.ctx, twice, meta.Entry{}), cloudapi.ErrNotFound)
	got, err := c.Address(c.ctx, "mer_ann_isv", "adr_1")
	ok(t, err)
	same(t, "address", got, a)
	_, err = c.Address(c.ctx, "mer_bob_isv", "adr_1")
	code(t, "another merchant's", err, cloudapi.ErrNotFound)
	code(t, "another merchant verifies it", c.VerifyAddress(c.ctx, "mer_bob_isv", "adr_1", c.now, meta.Entry{}), cloudapi.ErrNotFound)
	a.Verified = c.now.Add(time.Hour)
	ok(t, c.VerifyAddress(c.ctx, "mer_ann_isv", "adr_1", a.Verified, c.why("address.verified")))
	ok(t, c.VerifyAddress(c.ctx, "mer_ann_isv", "adr_1", a.Verified.Add(time.Hour), c.why("address.verified")))
	if n := c.actions(t, "address.verified"); n != 1 {
		t.Errorf("%d entries", n)
	}
	list, err := c.Addresses(c.ctx, "mer_ann_isv")
	ok(t, err)
	if len(list) != 2 || !reflect.DeepEqual(list[1], a) {
		t.Errorf("addresses %+v", list)
	}
}

func listings(t *testing.T, c *core) {
	l := c.listed(t, "ann_isv")
	got, err := c.Listing(c.ctx, "cad")
	ok(t, err)
	same(t, "listing", got, l)
	l.Provision, l.Bound, l.OnSale = meta.ProvisionAccepted, true, true
	l.URL, l.NotifyURL, l.NotifyKey = "https://ann_isv.example.com", "https://ann_isv.example.com/notify", "ann_isv_notify"
	ok(t, c.PutListing(c.ctx, l, c.why("listing.put")))
	got, err = c.Listing(c.ctx, "cad")
	ok(t, err)
	same(t, "changed listing", got, l)
	if n := c.actions(t, "listing.put"); n != 2 {
		t.Errorf("%d entries", n)
	}
	_, err = c.Listing(c.ctx, "other")
	code(t, "not listed", err, cloudapi.ErrNotFound)

	c.seller(t, "bob_isv")
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "auth", Name: "Auth"}, meta.Entry{}))
	b := meta.Listing{Product: "auth", Name: "Auth", Merchant: "mer_bob_isv", Kind: meta.KindCode, Provision: meta.ProvisionAtOnce,
		URL: "https://bob_isv.example.com/code", Key: "bob_isv_code"}
	ok(t, c.PutListing(c.ctx, b, meta.Entry{}))
	for merchant, want := range map[string][]meta.Listing{"": {b, l}, "mer_ann_isv": {l}, "mer_bob_isv": {b}, "mer_x": nil} {
		list, err := c.Listings(c.ctx, merchant)
		ok(t, err)
		same(t, "listings of "+merchant, list, want)
	}
	// A key that is revoked stays with the listing, and keeps it from being put again.
	ok(t, c.RevokeMerchantKey(c.ctx, "mer_bob_isv", "bob_isv_code", c.now, meta.Entry{}))
	code(t, "with a revoked key", c.PutListing(c.ctx, b, meta.Entry{}), cloudapi.ErrInvalid)
	got, err = c.Listing(c.ctx, "auth")
	ok(t, err)
	same(t, "listing after the refusal", got, b)
}

func listingRefusals(t *testing.T, c *core) {
	good := c.listed(t, "ann_isv")
	c.seller(t, "bob_isv")
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "free", Name: "Free"}, meta.Entry{}))
	ok(t, c.AddAddress(c.ctx, meta.Address{ID: "adr_u", Merchant: "mer_ann_isv", Base: "https://unverified.example.com", Challenge: "c", Created: c.now}, meta.Entry{}))
	ok(t, c.AddMerchantKey(c.ctx, meta.MerchantKey{ID: "ended", Merchant: "mer_ann_isv", Category: meta.KeyBase, Sealed: []byte("s"), Created: c.now}, meta.Entry{}))
	ok(t, c.RevokeMerchantKey(c.ctx, "mer_ann_isv", "ended", c.now, meta.Entry{}))
	for _, k := range []struct {
		name   string
		change func(l *meta.Listing)
		code   string
		member string
	}{
		{"no merchant", func(l *meta.Listing) { l.Merchant = "mer_x" }, cloudapi.ErrNotFound, ""},
		{"no product", func(l *meta.Listing) { l.Product = "x" }, cloudapi.ErrProductUnknown, ""},
		{"another merchant's product", func(l *meta.Listing) {
			l.Merchant, l.URL, l.Key = "mer_bob_isv", "https://bob_isv.example.com/p", "bob_isv_base"
		}, cloudapi.ErrConflict, ""},
		{"another kind", func(l *meta.Listing) { l.Kind, l.Key = meta.KindCode, "ann_isv_code" }, cloudapi.ErrConflict, ""},
		{"no URL", func(l *meta.Listing) { l.URL = "" }, cloudapi.ErrInvalid, "url"},
		{"plain http", func(l *meta.Listing) { l.URL = "http://ann_isv.example.com/p" }, cloudapi.ErrInvalid, "url"},
		{"an address that is not verified", func(l *meta.Listing) { l.URL = "https://unverified.example.com/p" }, cloudapi.ErrInvalid, "url"},
		{"another merchant's address", func(l *meta.Listing) { l.URL = "https://bob_isv.example.com/p" }, cloudapi.ErrInvalid, "url"},
		{"a longer name", func(l *meta.Listing) { l.URL = "https://ann_isv.example.com.evil.test/p" }, cloudapi.ErrInvalid, "url"},
		{"a user in front", func(l *meta.Listing) { l.URL = "https://ann_isv.example.com@evil.test/p" }, cloudapi.ErrInvalid, "url"},
		{"another port", func(l *meta.Listing) { l.URL = "https://ann_isv.example.com:8443/p" }, cloudapi.ErrInvalid, "url"},
		{"a query", func(l *meta.Listing) { l.URL += "?a=b" }, cloudapi.ErrInvalid, "url"},
		{"no key", func(l *meta.Listing) { l.Key = "" }, cloudapi.ErrInvalid, "key"},
		{"another merchant's key", func(l *meta.Listing) { l.Key = "bob_isv_base" }, cloudapi.ErrInvalid, "key"},
		{"a key of codes", func(l *meta.Listing) { l.Key = "ann_isv_code" }, cloudapi.ErrInvalid, "key"},
		{"a key of the kit", func(l *meta.Listing) { l.Key = "ann_isv_kit" }, cloudapi.ErrInvalid, "key"},
		{"a key of notifications", func(l *meta.Listing) { l.Key = "ann_isv_notify" }, cloudapi.ErrInvalid, "key"},
		{"a revoked key", func(l *meta.Listing) { l.Key = "ended" }, cloudapi.ErrInvalid, "key"},
		{"a base key for codes", func(l *meta.Listing) { l.Product, l.Kind, l.Key = "free", meta.KindCode, "ann_isv_base" }, cloudapi.ErrInvalid, "key"},
		{"notifications without a key", func(l *meta.Listing) { l.NotifyURL = "https://ann_isv.example.com/n" }, cloudapi.ErrInvalid, "notifyKey"},
		{"a key without notifications", func(l *meta.Listing) { l.NotifyKey = "ann_isv_notify" }, cloudapi.ErrInvalid, "notifyUrl"},
		{"notifications with the base key", func(l *meta.Listing) {
			l.NotifyURL, l.NotifyKey = "https://ann_isv.example.com/n", "ann_isv_base"
		}, cloudapi.ErrInvalid, "notifyKey"},
		{"notifications elsewhere", func(l *meta.Listing) {
			l.NotifyURL, l.NotifyKey = "https://bob_isv.example.com/n", "ann_isv_notify"
		}, cloudapi.ErrInvalid, "notifyUrl"},
	} {
		l := good
		k.change(&l)
		err := c.PutListing(c.ctx, l, meta.Entry{})
		code(t, k.name, err, k.code)
		if got := param(err, "member"); got != k.member {
			t.Errorf("%s: member %q instead of %q", k.name, got, k.member)
		}
	}
	got, err := c.Listing(c.ctx, "cad")
	ok(t, err)
	same(t, "listing after the refusals", got, good)
}

// ownProduct: what the cloud licenses itself is not sold, and what is sold is not licensed by hand.
func ownProduct(t *testing.T, c *core) {
	l := c.listed(t, "ann_isv")
	i := meta.Instance{ID: "ins_1", Org: "org_a", Product: "cad", Seats: 1, From: c.now, Until: c.now.Add(time.Hour), Status: meta.StatusActive}
	code(t, "an instance by hand", c.AddInstance(c.ctx, i, meta.Entry{}), cloudapi.ErrConflict)
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "own", Name: "Own"}, meta.Entry{}))
	i.Product = "own"
	ok(t, c.AddInstance(c.ctx, i, meta.Entry{}))
	l.Product = "own"
	code(t, "listed afterwards", c.PutListing(c.ctx, l, meta.Entry{}), cloudapi.ErrConflict)
}

func specs(t *testing.T, c *core) {
	c.listed(t, "ann_isv")
	c.seller(t, "bob_isv")
	s := meta.Spec{ProductID: "OFFI1", Product: "cad", SKU: "sku", Name: "Basic", Charging: meta.ChargePeriod, Period: "year", Features: []string{"draw", "step"}, TrialDays: 30}
	ok(t, c.PutSpec(c.ctx, "mer_ann_isv", s, c.why("spec.put")))
	got, err := c.Spec(c.ctx, "OFFI1")
	ok(t, err)
	same(t, "specification", got, s)
	s.Name, s.SKU, s.Period, s.Features, s.TrialDays = "Better", "sku2", "month", nil, 0
	ok(t, c.PutSpec(c.ctx, "mer_ann_isv", s, meta.Entry{}))
	got, err = c.Spec(c.ctx, "OFFI1")
	ok(t, err)
	same(t, "changed specification", got, s)

	for _, k := range []struct {
		name     string
		merchant string
		change   func(s *meta.Spec)
		code     string
	}{
		{"another merchant", "mer_bob_isv", func(*meta.Spec) {}, cloudapi.ErrNotFound},
		{"not listed", "mer_ann_isv", func(s *meta.Spec) { s.Product = "x" }, cloudapi.ErrNotFound},
		{"charged otherwise", "mer_ann_isv", func(s *meta.Spec) { s.Charging = meta.ChargeOnce }, cloudapi.ErrConflict},
		{"a trial of 1 day", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = 1 }, cloudapi.ErrInvalid},
		{"a trial of 2 days", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = 2 }, cloudapi.ErrInvalid},
		{"a trial of 3 days", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = 3 }, ""},
		{"a trial of 180 days", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = 180 }, ""},
		{"a trial of 181 days", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = 181 }, cloudapi.ErrInvalid},
		{"a trial of -1 days", "mer_ann_isv", func(s *meta.Spec) { s.TrialDays = -1 }, cloudapi.ErrInvalid},
		{"a trial of what is bought once", "mer_ann_isv", func(s *meta.Spec) { s.ProductID, s.Charging, s.TrialDays = "OFFI2", meta.ChargeOnce, 30 }, cloudapi.ErrInvalid},
		{"a trial of pay-per-use", "mer_ann_isv", func(s *meta.Spec) { s.ProductID, s.Charging, s.TrialDays = "OFFI2", meta.ChargeOnDemand, 30 }, cloudapi.ErrInvalid},
		{"bought once", "mer_ann_isv", func(s *meta.Spec) { s.ProductID, s.Charging, s.Period = "OFFI2", meta.ChargeOnce, "" }, ""},
	} {
		p := s
		k.change(&p)
		code(t, k.name, c.PutSpec(c.ctx, k.merchant, p, meta.Entry{}), k.code)
	}
	// A product that an organisation has entered is that organisation's.
	other, err := c.Merchant(c.ctx, "mer_ann_isv")
	ok(t, err)
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "anns", Name: "Ann's", Org: other.Org}, meta.Entry{}))
	code(t, "a product of another organisation", c.PutListing(c.ctx, meta.Listing{Product: "anns", Merchant: "mer_bob_isv", Kind: meta.KindSaaS,
		Provision: meta.ProvisionAtOnce, URL: "https://bob_isv.example.com/p", Key: "bob_isv_base"}, meta.Entry{}), cloudapi.ErrForbidden)
	bob, err := c.Merchant(c.ctx, "mer_bob_isv")
	ok(t, err)
	code(t, "an instance of another organisation's product", c.AddInstance(c.ctx, meta.Instance{ID: "ins_anns", Org: bob.Org, Product: "anns", Seats: 1,
		From: c.now, Until: c.now.Add(time.Hour), Status: meta.StatusActive}, meta.Entry{}), cloudapi.ErrForbidden)
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "cam", Name: "Cam"}, meta.Entry{}))
	ok(t, c.PutListing(c.ctx, meta.Listing{Product: "cam", Merchant: "mer_bob_isv", Kind: meta.KindSaaS, Provision: meta.ProvisionAtOnce,
		URL: "https://bob_isv.example.com/p", Key: "bob_isv_base"}, meta.Entry{}))
	code(t, "a product id of another listing", c.PutSpec(c.ctx, "mer_bob_isv",
		meta.Spec{ProductID: "OFFI1", Product: "cam", Name: "Mine", Charging: meta.ChargePeriod, Period: "year"}, meta.Entry{}), cloudapi.ErrNameExists)
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "cae", Name: "Cae"}, meta.Entry{}))
	ok(t, c.PutListing(c.ctx, meta.Listing{Product: "cae", Merchant: "mer_bob_isv", Kind: meta.KindCode, Provision: meta.ProvisionAtOnce,
		URL: "https://bob_isv.example.com/p", Key: "bob_isv_code"}, meta.Entry{}))
	codes := meta.Spec{ProductID: "OFFI3", Product: "cae", Name: "Codes", Charging: meta.ChargePeriod, Period: "year", TrialDays: 30}
	code(t, "a trial of authorization codes", c.PutSpec(c.ctx, "mer_bob_isv", codes, meta.Entry{}), cloudapi.ErrInvalid)
	codes.TrialDays = 0
	ok(t, c.PutSpec(c.ctx, "mer_bob_isv", codes, meta.Entry{}))
	list, err := c.Specs(c.ctx, "cad")
	ok(t, err)
	if len(list) != 2 || list[0].ProductID != "OFFI1" || list[0].TrialDays != 180 || list[1].ProductID != "OFFI2" {
		t.Errorf("specifications %+v", list)
	}
	_, err = c.Spec(c.ctx, "OFFI9")
	code(t, "unknown specification", err, cloudapi.ErrNotFound)
}
