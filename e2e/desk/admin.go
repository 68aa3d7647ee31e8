//go:build linux

package desk

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Account speaks to the cloud as one signed-in account.
type Account struct {
	http  *cloudhttp.Client
	token string
}

// Client makes a client that trusts the cloud's own CA.
func (c *Cloud) Client() (*cloudhttp.Client, error) { return c.clientAt(c.Base) }

func (c *Cloud) clientAt(base string) (*cloudhttp.Client, error) {
	ca, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	return cloudhttp.New(cloudhttp.Config{Base: base, CAPEM: ca, Proxy: "direct", Build: "e2e"})
}

// Setup makes the first administrator with the one-time code.
func (c *Cloud) Setup(ctx context.Context) (*Account, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	var tokens cloudapi.Tokens
	_, err = client.Do(ctx, cloudhttp.Request{Method: "POST", Path: "/v1/setup", Result: &tokens, JSON: cloudapi.Setup{
		Code: c.Code, Account: AdminAccount, Name: "Administrator", Password: Password, Organisation: "Flange Works",
	}})
	if err != nil {
		return nil, fmt.Errorf("set up the cloud with code %q: %w", c.Code, err)
	}
	return c.Login(ctx, AdminAccount)
}

// Login signs an account of Seed's in.
func (c *Cloud) Login(ctx context.Context, account string) (*Account, error) {
	return c.LoginAt(ctx, c.Base, account)
}

// LoginAt is Login at another address of the same cloud.
func (c *Cloud) LoginAt(ctx context.Context, base, account string) (*Account, error) {
	client, err := c.clientAt(base)
	if err != nil {
		return nil, err
	}
	a := &Account{http: client}
	var tokens cloudapi.Tokens
	if err := a.call(ctx, "POST", "/v1/login", cloudapi.Login{Account: account, Password: Password}, &tokens); err != nil {
		return nil, fmt.Errorf("log in as %s: %w", account, err)
	}
	a.token = tokens.AccessToken
	return a, nil
}

// Call makes one JSON call; in and out may be nil.
func (a *Account) Call(ctx context.Context, method, path string, in, out any) error {
	return a.call(ctx, method, path, in, out)
}

// Bytes reads what is no JSON, at most 1 MiB.
func (a *Account) Bytes(ctx context.Context, path string) ([]byte, error) {
	var b bytes.Buffer
	if _, err := a.http.Do(ctx, cloudhttp.Request{Method: "GET", Path: path, Token: a.token, Into: &b, Max: 1 << 20}); err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return b.Bytes(), nil
}

// Release takes an object's check-out from whoever holds it; owners may.
func (a *Account) Release(ctx context.Context, object string) error {
	_, err := a.http.Do(ctx, cloudhttp.Request{
		Method: "DELETE", Path: "/v1/objects/" + object + "/checkout", Query: url.Values{"force": {"1"}}, Token: a.token,
	})
	if err != nil {
		return fmt.Errorf("release %s: %w", object, err)
	}
	return nil
}

func (a *Account) call(ctx context.Context, method, path string, in, out any) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	_, err = a.http.Do(ctx, cloudhttp.Request{Method: method, Path: u.Path, Query: u.Query(), Token: a.token, JSON: in, Result: out})
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Seed makes two engineers, the examples' products with one licence instance each,
// assigned to both, and a space of the first engineer's; its id is returned.
func (c *Cloud) Seed(ctx context.Context, admin *Account) (space string, err error) {
	for account, name := range map[string]string{Engineer1: "Zhang Wei", Engineer2: "Li Na"} {
		m := cloudapi.NewMember{Account: account, Name: name, Password: Password, Role: "member"}
		if err := admin.call(ctx, "POST", "/v1/members", m, nil); err != nil {
			return "", err
		}
	}
	for id, name := range map[string]string{Product: "MiniCAD", Hello: "Hello"} {
		if err := admin.sell(ctx, id, name); err != nil {
			return "", err
		}
	}
	owner, err := c.Login(ctx, Engineer1)
	if err != nil {
		return "", err
	}
	var s cloudapi.Space
	if err := owner.call(ctx, "POST", "/v1/spaces", cloudapi.NewSpace{Name: SpaceName}, &s); err != nil {
		return "", err
	}
	return s.ID, nil
}

// sell makes a product with one licence instance, assigned to both engineers.
func (a *Account) sell(ctx context.Context, product, name string) error {
	if err := a.call(ctx, "POST", "/v1/products", cloudapi.Product{ID: product, Name: name}, nil); err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	var inst cloudapi.Instance
	err := a.call(ctx, "POST", "/v1/instances", cloudapi.NewInstance{
		Product: product, Features: []string{"edit", "dxf"}, Seats: 5, From: now.Add(-time.Hour), Until: now.AddDate(1, 0, 0),
	}, &inst)
	if err != nil {
		return err
	}
	for _, account := range []string{Engineer1, Engineer2} {
		path := "/v1/instances/" + url.PathEscape(inst.ID) + "/assignments/" + account
		if err := a.call(ctx, "PUT", path, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// IssuerKey is the public key, hex, that the cloud's built-in issuer signs with.
func (c *Cloud) IssuerKey(ctx context.Context) (string, error) {
	client, err := c.Client()
	if err != nil {
		return "", err
	}
	var k cloudapi.IssuerKey
	_, err = client.Do(ctx, cloudhttp.Request{Method: "GET", Path: "/v1/issuer/key", Result: &k})
	return k.Ed25519, err
}
