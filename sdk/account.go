package sdk

import (
	"context"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// SignInStatus tells who is signed in for the calling OS user.
func (c *Client) SignInStatus(ctx context.Context) (api.AuthStatus, error) {
	var r api.AuthStatus
	err := c.call(ctx, api.MethodAuthStatus, api.None{}, &r)
	return r, err
}

// Login signs the calling OS user in with a password that is used once.
func (c *Client) Login(ctx context.Context, account, password string) (api.AuthStatus, error) {
	if err := firstOf(checkID("account", account), checkID("password", password)); err != nil {
		return api.AuthStatus{}, c.refusal(err)
	}
	var r api.AuthStatus
	err := c.call(ctx, api.MethodAuthLogin, api.AuthLogin{Account: account, Password: password}, &r)
	return r, err
}

// SignInPage lets the user sign in on a page, opened as the picker is. The end
// is EVENT_SIGN_IN.
func (c *Client) SignInPage(ctx context.Context) (api.Started, error) {
	return c.start(ctx, api.MethodAuthPage, api.AuthPage{})
}

// Logout ends the OS user's sign-in, for all applications.
func (c *Client) Logout(ctx context.Context) error {
	return c.call(ctx, api.MethodAuthLogout, api.None{}, nil)
}

// Fingerprint is the documented device string and how it came about.
func (c *Client) Fingerprint(ctx context.Context) (api.Fingerprint, error) {
	var r api.Fingerprint
	err := c.call(ctx, api.MethodFingerprint, api.None{}, &r)
	return r, err
}
