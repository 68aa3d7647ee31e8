//go:build linux

package desk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// GearCAD is the product that the example's ISV sells, and ISVAccount its administrator.
const (
	GearCAD    = "gearcad"
	ISVAccount = "isvboss"
)

// Market is the stage's cloud as a marketplace with one merchant: merchant/examples/isvserver.
type Market struct {
	*Process        // the ISV's server
	Dir      string // its folder
	URL      string // where production calls go
	Access   string // access key of category base: what production calls are signed with
	Key      string // public half of the key that signs its licences, hex
	Staff    *Account
	Resource string // what the first organisation has bought, assigned to both engineers
	Order    string

	program string
	on      system
}

// Shop says how a market is opened. Program is an isvserver built for the desk's system; Before, when it is not nil, puts something before a
// server's host:port and returns where that listens: the cloud and the ISV then reach each other through it.
type Shop struct {
	Program string
	Before  func(server string) string
	Flags   []string // further ones of the cloud
}

// OpenMarket makes the cloud a marketplace: the ISV's organisation becomes a merchant with keys and a verified
// address, lists GearCAD, and the stage's organisation buys it.
func (s *Stage) OpenMarket(ctx context.Context, shop Shop) (*Market, error) {
	m := &Market{Dir: filepath.Join(s.Dir, "isv"), program: shop.Program, on: s.on}
	if shop.Before == nil {
		shop.Before = func(server string) string { return server }
	}
	if out, err := m.on.command(shop.Program, []string{"init", m.Dir}, os.Environ()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("isvserver init: %w: %s", err, out)
	}
	key, err := m.on.command(shop.Program, []string{"key", m.Dir}, os.Environ()).Output()
	if err != nil {
		return nil, fmt.Errorf("isvserver key: %w", err)
	}
	m.Key = strings.TrimSpace(string(key))
	// A marketplace on one machine: merchants are reached on loopback, by the authority that init has made.
	s.Cloud.flags = []string{"--merchant-network", "127.0.0.0/8", "--merchant-port", "any", "--merchant-ca", filepath.Join(m.Dir, "tls.pem")}
	s.Cloud.flags = append(s.Cloud.flags, shop.Flags...)
	if err := errors.Join(s.Cloud.Stop(), s.Cloud.Start(ctx)); err != nil {
		return nil, err
	}
	if err := s.register(ctx, m, shop.Before); err != nil {
		return nil, err
	}
	m.Order, m.Resource, err = s.Buy(ctx, "OFFI-GEARCAD-YEAR", 5)
	if err != nil {
		return nil, err
	}
	for _, account := range []string{Engineer1, Engineer2} {
		if err := s.Admin.call(ctx, "PUT", "/v1/instances/"+m.Resource+"/assignments/"+account, nil, nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// register makes the ISV a merchant, starts its server and lists its product.
func (s *Stage) register(ctx context.Context, m *Market, before func(string) string) error {
	add := exec.CommandContext(ctx, s.Cloud.on.program(s.Cloud.bin, "iscdesk-cloud"), "admin", "--data", s.Cloud.Dir, "organisation", "Gear Software", ISVAccount)
	add.Stdin = strings.NewReader(Password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("add the ISV's organisation: %w: %s", err, out)
	}
	var orgs cloudapi.Organisations
	if err := s.Admin.call(ctx, "GET", "/v1/market/organisations", nil, &orgs); err != nil {
		return err
	}
	isv := orgs.Organisations[len(orgs.Organisations)-1].ID
	if err := s.Admin.call(ctx, "POST", "/v1/market/merchants", cloudapi.NewMerchant{Organisation: isv, Name: "Gear Software"}, nil); err != nil {
		return err
	}
	if err := s.Admin.call(ctx, "POST", "/v1/products", cloudapi.Product{ID: GearCAD, Name: "GearCAD"}, nil); err != nil {
		return err
	}
	var err error
	if m.Staff, err = s.Cloud.Login(ctx, ISVAccount); err != nil {
		return err
	}
	var base, notify cloudapi.MerchantKey
	var pair cloudapi.AccessKey
	var address cloudapi.MerchantAddress
	listen, err := freePort()
	if err != nil {
		return err
	}
	front := before(listen)
	at := "https://localhost:" + front[strings.LastIndex(front, ":")+1:]
	for _, c := range []struct {
		path    string
		in, out any
	}{
		{"/v1/market/keys", cloudapi.NewMerchantKey{Category: "base"}, &base},
		{"/v1/market/keys", cloudapi.NewMerchantKey{Category: "notify"}, &notify},
		{"/v1/market/access-keys", nil, &pair},
		{"/v1/market/addresses", cloudapi.NewMerchantAddress{Address: at}, &address},
	} {
		if err := m.Staff.call(ctx, "POST", c.path, c.in, c.out); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("listen = %q\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\nchallenge = %q\n[access_keys]\nbase = %q\nnotify = %q\n"+
		"[marketplace]\nprimary = %q\nca = %q\naccess = %q\nsecret = %q\n", listen, address.Challenge, base.Secret, notify.Secret,
		"https://"+before(s.Cloud.listen), m.on.path(s.Cloud.CAFile), pair.Access, pair.Secret)
	if err := os.WriteFile(filepath.Join(m.Dir, "isvserver.toml"), []byte(config), 0o600); err != nil {
		return err
	}
	if err := m.Start(ctx); err != nil {
		return err
	}
	if err := m.Staff.call(ctx, "POST", "/v1/market/addresses/"+address.ID+"/verify", nil, nil); err != nil {
		return err
	}
	m.URL, m.Access = at+"/produce", base.Secret
	listing := cloudapi.MarketListing{Product: GearCAD, Kind: "license", Provision: cloudapi.ProvisionAtOnce, URL: m.URL, Key: base.ID,
		NotifyURL: m.URL, NotifyKey: notify.ID, Bound: true, OnSale: true}
	if err := m.Staff.call(ctx, "PUT", "/v1/market/listings/"+GearCAD, listing, nil); err != nil {
		return err
	}
	return m.Staff.call(ctx, "PUT", "/v1/market/specs/OFFI-GEARCAD-YEAR", cloudapi.Spec{ProductID: "OFFI-GEARCAD-YEAR", Product: GearCAD, SKU: "standard",
		Name: "GearCAD, one year", Charging: "PERIOD", Period: "year", Features: []string{"draw", "step"}, TrialDays: 30}, nil)
}

// Start runs a stopped or killed ISV's server again: same folder, same address.
func (m *Market) Start(ctx context.Context) error {
	before, _ := os.ReadFile(filepath.Join(m.Dir, "isvserver.log")) // there is none before the first start
	p, err := start(m.on, m.Dir, "isvserver", m.program, []string{"serve", m.Dir}, os.Environ())
	if err != nil {
		return err
	}
	m.Process = p
	return p.until(ctx, "its listener", func() bool {
		log, _ := os.ReadFile(p.Log)
		return strings.Contains(string(log[min(len(before), len(log)):]), "ready: ")
	})
}

// Buy orders a specification for the stage's organisation and waits until the merchant has provisioned it.
func (s *Stage) Buy(ctx context.Context, spec string, amount int) (order, resource string, err error) {
	var orgs cloudapi.Organisations
	if err := s.Admin.call(ctx, "GET", "/v1/market/organisations", nil, &orgs); err != nil {
		return "", "", err
	}
	var o cloudapi.Order
	if err := s.Admin.call(ctx, "POST", "/v1/market/orders", cloudapi.NewOrder{Organisation: orgs.Organisations[0].ID, Type: "NEW", Spec: spec,
		Amount: amount, Periods: 1}, &o); err != nil {
		return "", "", err
	}
	return o.ID, o.Resource, s.UntilResource(ctx, o.Resource, "active")
}

// UntilResource waits for a state of a resource, at most half a minute.
func (s *Stage) UntilResource(ctx context.Context, resource, state string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var r cloudapi.Resource
		if err := s.Admin.call(ctx, "GET", "/v1/market/resources/"+resource, nil, &r); err != nil {
			return err
		}
		if r.State == state {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("resource %s is %s, want %s", resource, r.State, state)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort is a port of loopback that nobody listens on now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
