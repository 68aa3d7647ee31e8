package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
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
func (u *User) do(ctx context.Context, r cloudhttp.Request, device bool) (cloudhttp.Reply, error) {
	token, deviceToken := "", ""
	for again := false; ; again = true {
		var err error
		if token, err = u.tokens(ctx, token); err != nil {
			return cloudhttp.Reply{}, err
		}
		if device {
			if deviceToken, err = u.c.deviceToken(ctx, deviceToken); err != nil {
				return cloudhttp.Reply{}, err
			}
		}
		r.Token, r.Device = token, deviceToken
		reply, err := u.c.do(ctx, r)
		if again || cloudhttp.CloudCode(err) != cloudapi.ErrUnauthenticated {
			return reply, err
		}
	}
}

// post sends a call that needs the device's token beside the user's. A repeat of it is harmless.
func (u *User) post(ctx context.Context, path string, body, result any) error {
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: path, JSON: body, Result: result, Repeat: true}, true)
	return err
}

func (u *User) get(ctx context.Context, path string, query url.Values, result any) error {
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodGet, Path: path, Query: query, Result: result}, false)
	return err
}

// Me asks who this is.
func (u *User) Me(ctx context.Context) (cloudapi.Me, error) {
	var me cloudapi.Me
	err := u.get(ctx, "/v1/me", nil, &me)
	return me, err
}

// License asks for a product's licence on this device. r.Request makes a repeat harmless.
// pending, when not nil, is there instead of the licence: a merchant has to make it first. silence is how
// long the cloud may take to say so; 0 is the usual of a call.
func (u *User) License(ctx context.Context, r cloudapi.LicenseRequest, silence time.Duration) (l cloudapi.License, pending *cloudapi.LicensePending, err error) {
	var answer json.RawMessage // of which kind it is, the status says
	reply, err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/licenses", JSON: r, Result: &answer, Repeat: true,
		Max: cloudapi.MaxLicenseAnswer, Silence: silence}, true)
	if err != nil {
		return cloudapi.License{}, nil, err
	}
	into := any(&l)
	if reply.Status == http.StatusAccepted {
		pending = &cloudapi.LicensePending{}
		into = pending
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return cloudapi.License{}, nil, &api.Error{Code: api.CloudAnswer, Detail: "/v1/licenses: " + err.Error()}
	}
	return l, pending, nil
}

// Renew asks for a fresh lease.
func (u *User) Renew(ctx context.Context, product string) (cloudapi.Lease, error) {
	var l cloudapi.Lease
	err := u.post(ctx, "/v1/leases", cloudapi.Renew{Product: product}, &l)
	return l, err
}

// Report tells the cloud the application's own verdict. r.Report makes a repeat harmless.
func (u *User) Report(ctx context.Context, r cloudapi.VerifyReport) error {
	return u.post(ctx, "/v1/licenses/reports", r, nil)
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
