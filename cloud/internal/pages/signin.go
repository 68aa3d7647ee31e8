package pages

import (
	"cmp"
	"net/url"
	"path"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

func (c *Console) signInPages() []Page {
	return []Page{
		{Pattern: "GET /console/sign-in", Need: Anyone, Handle: c.getSignIn},
		{Pattern: "POST /console/sign-in", Need: Anyone, Handle: c.postSignIn, Back: c.getSignIn},
		{Pattern: "GET /console/set-up", Need: Anyone, Handle: c.getSetUp},
		{Pattern: "POST /console/set-up", Need: Anyone, Handle: c.postSetUp, Back: c.getSetUp},
		{Pattern: "POST /console/sign-out", Need: OfMember, Handle: c.postSignOut},
	}
}

type signInData struct{ To string }

func (c *Console) getSignIn(v *Visit) error {
	to := v.In("to")
	if v.R.Method == "GET" {
		to = v.Query("to")
		if v.SignedIn() {
			return v.Redirect(place(to))
		}
		if done, err := c.c.Store.SetupDone(v.R.Context()); err != nil || !done {
			return cmp.Or(err, v.Redirect(Root+"set-up"))
		}
	}
	return v.Show("signin", signInData{To: to})
}

// place is where a sign-in leads: a page of this console, whatever the address said.
func place(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, Root) || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") || strings.ContainsAny(to, "\\\r\n") || strings.HasPrefix(u.Path, Root+"sign-") {
		return Root
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

func (c *Console) postSignIn(v *Visit) error {
	secret, token := newSession(v.Now)
	_, err := c.c.Members.SignIn(v.R.Context(), members.SignIn{Account: v.In("account"), Password: v.Secret("password"),
		Tokens: []meta.Token{token}, Now: v.Now})
	if err != nil {
		return err
	}
	if v.SignedIn() { // whoever was signed in here before is not any more
		if err := c.c.Store.RevokeFamily(v.R.Context(), v.family, v.Why("logout")); err != nil {
			return err
		}
	}
	v.setCookie(cookieName, secret, sessionIdle)
	return v.Redirect(place(v.In("to")))
}

func (c *Console) postSignOut(v *Visit) error {
	if err := c.c.Store.RevokeFamily(v.R.Context(), v.family, v.Why("logout")); err != nil {
		return err
	}
	v.setCookie(cookieName, "", 0)
	return v.Done(Root+"sign-in", "done.signed.out")
}
