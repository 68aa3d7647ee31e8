package app

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// checkUser looks at what belongs to the caller and not to the machine: the sign-in,
// and the right to open and save files at all.
func (r *rooms) checkUser(ctx context.Context, a caller.Actor, cloud bool) []api.Check {
	say := speaker(a.Language)
	auth, err := r.signin.Status(ctx, a)
	if err != nil {
		auth = api.AuthStatus{Reason: api.CodeOf(err)}
	}
	ask := func() error {
		user, err := r.signin.User(ctx, a.UID)
		if err == nil {
			_, err = user.Me(ctx)
		}
		return err
	}
	if !cloud {
		ask = nil
	}
	root := a.Root() && r.cfg.System
	checks := []api.Check{checkSignIn(auth, root, ask, a.Language)}
	if root {
		c := api.Check{Name: "files", Result: checkWarning, Code: api.RootCaller,
			Tried: say("looked at who asks", "查看请求者的身份")}
		c.Found, c.Do = api.Text(api.RootCaller, a.Language)
		checks = append(checks, c)
	}
	return checks
}

// checkSignIn asks the cloud whether the sign-in still holds: what the agent knows
// itself may be older than a password that was reset. ask is nil while the cloud is
// away. Nobody has to sign in as root.
func checkSignIn(auth api.AuthStatus, root bool, ask func() error, language string) api.Check {
	say := speaker(language)
	c := api.Check{Name: "sign-in", Result: checkOK, Tried: say("asked the cloud whether the sign-in holds", "向云端确认登录是否有效"), Found: auth.Account}
	code := auth.Reason
	switch {
	case auth.SignedIn && ask == nil:
		c.Result, c.Tried = checkSkipped, say("looked who is signed in", "查看登录状态")
		c.Found += say("; the cloud could not be asked whether the sign-in holds", "；无法向云端确认登录是否有效")
		return c
	case auth.SignedIn:
		err := ask()
		if err == nil {
			return c
		}
		code = api.CodeOf(err)
	default:
		c.Tried = say("looked who is signed in", "查看登录状态")
	}
	c.Result, c.Code = checkFailed, code
	c.Found, c.Do = api.Text(code, language)
	if root && code == api.NotSignedIn {
		c.Result, c.Code, c.Do = checkSkipped, api.OK, ""
	}
	return c
}
