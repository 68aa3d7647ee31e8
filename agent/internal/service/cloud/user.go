package cloud

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Tokens gives a User its access token; refused is one that the cloud did not
// take, or empty. A failure is the call's failure.
type Tokens func(ctx context.Context, refused string) (token string, err error)

// User is the cloud with the rights of one signed-in OS user. Its methods may be
// used from any goroutine.
type User struct {
	c      *Cloud
	tokens Tokens
}

// User makes the view of one signed-in user.
func (c *Cloud) User(tokens Tokens) *User { return &User{c: c, tokens: tokens} }

// do sends r as this user, and once more with fresh tokens when they were refused.
func (u *User) do(ctx context.Context, r cloudhttp.Request, device bool) error {
	token, deviceToken := "", ""
	for again := false; ; again = true {
		var err error
		if token, err = u.tokens(ctx, token); err != nil {
			return err
		}
		if device {
			if deviceToken, err = u.c.deviceToken(ctx, deviceToken); err != nil {
				return err
			}
		}
		r.Token, r.Device = token, deviceToken
		_, err = u.c.do(ctx, r)
		if again || cloudhttp.CloudCode(err) != cloudapi.ErrUnauthenticated {
			return err
		}
	}
}

func (u *User) get(ctx context.Context, path string, query url.Values, result any) error {
	return u.do(ctx, cloudhttp.Request{Method: http.MethodGet, Path: path, Query: query, Result: result}, false)
}

// Me asks who this is.
func (u *User) Me(ctx context.Context) (cloudapi.Me, error) {
	var me cloudapi.Me
	err := u.get(ctx, "/v1/me", nil, &me)
	return me, err
}

// License asks for a product's licence on this device. r.Request makes a repeat harmless.
func (u *User) License(ctx context.Context, r cloudapi.LicenseRequest) (cloudapi.License, error) {
	var l cloudapi.License
	err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/licenses", JSON: r, Result: &l, Repeat: true}, true)
	return l, err
}

// Renew asks for a fresh lease.
func (u *User) Renew(ctx context.Context, product string) (cloudapi.Lease, error) {
	var l cloudapi.Lease
	err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/leases",
		JSON: cloudapi.Renew{Product: product}, Result: &l, Repeat: true}, true)
	return l, err
}

// Report tells the cloud the application's own verdict. r.Report makes a repeat harmless.
func (u *User) Report(ctx context.Context, r cloudapi.VerifyReport) error {
	return u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/licenses/reports", JSON: r, Repeat: true}, true)
}

// number is a query value, left out when it is 0.
func number(q url.Values, name string, n int64) {
	if n != 0 {
		q.Set(name, strconv.FormatInt(n, 10))
	}
}

// text is a query value, left out when it is empty.
func text(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}
