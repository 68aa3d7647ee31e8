package httpapi

import (
	"net/http"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// authRoutes: the first administrator, signing in and out, tokens.
func (a *API) authRoutes() []Route {
	return []Route{
		{Pattern: "POST /v1/setup", Need: Open, Strict: true, Permit: a.beforeSetup, Handle: a.postSetup},
		{Pattern: "POST /v1/login", Need: Open, Strict: true, Handle: a.postLogin},
		{Pattern: "POST /v1/token", Need: Open, Handle: a.postToken},
		{Pattern: "POST /v1/logout", Need: OfUser, Handle: a.postLogout},
		{Pattern: "GET /v1/me", Need: OfUser, Handle: a.getMe},
	}
}

func (a *API) beforeSetup(c *Call) error {
	done, err := a.c.Store.SetupDone(c.Context())
	if err != nil {
		return err
	}
	if done {
		return meta.Refuse(cloudapi.ErrSetupDone, "the first administrator exists already")
	}
	return nil
}

func (a *API) postSetup(c *Call) error {
	var in cloudapi.Setup
	if err := c.Decode(&in); err != nil {
		return err
	}
	acc, err := a.c.Members.Setup(c.Context(), members.Setup{Code: in.Code, Organisation: in.Organisation, Account: in.Account, Name: in.Name,
		Password: in.Password, Now: c.Now})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.Me{Account: acc.Account, Name: acc.Name, Organisation: acc.OrgName, Role: acc.Role})
}

func (a *API) postLogin(c *Call) error {
	var in cloudapi.Login
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := a.signInDevice(c, in.Device); err != nil {
		return err
	}
	access, accessRest := mint(meta.KindUser, c.Now, accessLife)
	refresh, refreshRest := mint(meta.KindRefresh, c.Now, refreshLife)
	acc, err := a.c.Members.SignIn(c.Context(), members.SignIn{Account: in.Account, Password: in.Password, Device: in.Device,
		Tokens: []meta.Token{accessRest, refreshRest}, Now: c.Now})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, tokensOf(access, accessRest, refresh, refreshRest, acc))
}

// signInDevice checks the device that a sign-in names. The name alone proves
// nothing and is only noted; a device token that comes along must be of that device.
func (a *API) signInDevice(c *Call, device string) error {
	if device == "" {
		return nil
	}
	if err := text("device", device, 1, maxID); err != nil {
		return err
	}
	if _, err := a.c.Store.Device(c.Context(), device); err != nil {
		if meta.CodeOf(err) == cloudapi.ErrNotFound {
			return Invalid("device", "no such device is enrolled")
		}
		return err
	}
	secret := c.R.Header.Get(cloudapi.HeaderDevice)
	if secret == "" {
		return nil
	}
	d, err := a.bearer(c, secret, meta.KindDevice)
	if err != nil {
		return err
	}
	if d.Token.Device != device {
		return unauthenticated("the device token is another device's")
	}
	return nil
}

func tokensOf(access string, ar meta.Token, refresh string, rr meta.Token, acc meta.Account) cloudapi.Tokens {
	return cloudapi.Tokens{AccessToken: access, AccessExpires: ar.Expires, RefreshToken: refresh, RefreshExpires: rr.Expires,
		Me: cloudapi.Me{Account: acc.Account, Name: acc.Name, Organisation: acc.OrgName, Role: acc.Role}}
}

func (a *API) postToken(c *Call) error {
	var in cloudapi.Refresh
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := text("attempt", in.Attempt, 8, maxID); err != nil {
		return err
	}
	if !strings.HasPrefix(in.RefreshToken, meta.KindRefresh) || len(in.RefreshToken) > maxToken {
		return unauthenticated("the refresh token is not one of this cloud's")
	}
	access := a.c.Issuer.Successor(meta.KindUser, in.RefreshToken, in.Attempt)
	next := a.c.Issuer.Successor(meta.KindRefresh, in.RefreshToken, in.Attempt)
	r := meta.Rotation{Refresh: meta.HashOf(in.RefreshToken), Attempt: in.Attempt, Now: c.Now,
		Access: rest(access, meta.KindUser, c.Now, accessLife), Next: rest(next, meta.KindRefresh, c.Now, refreshLife)}
	b, err := a.c.Store.Rotate(c.Context(), r)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, tokensOf(access, r.Access, next, r.Next, b.Account))
}

func (a *API) postLogout(c *Call) error {
	if err := a.c.Store.RevokeFamily(c.Context(), c.User.Family, c.Why("logout")); err != nil {
		return err
	}
	return c.None()
}

func (a *API) getMe(c *Call) error {
	u := c.User
	return c.JSON(http.StatusOK, cloudapi.Me{Account: u.Account, Name: u.Name, Organisation: u.OrgName, Role: u.Role})
}
