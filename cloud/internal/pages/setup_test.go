package pages_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
)

// TestSetUp: a cloud without an administrator asks for the first one, with the code that it has printed, and then
// never again.
func TestSetUp(t *testing.T) {
	c := apitest.StartEmpty(t)
	code, err := c.App.SetupCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, c)
	if a := b.do(http.MethodGet, "/console/sign-in", nil, nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/console/set-up" {
		t.Errorf("sign-in of an empty cloud: %d %s", a.status, a.header.Get("Location"))
	}
	b.get("/console/set-up", "One-time code", "Organisation")
	form := func(change ...string) url.Values {
		f := url.Values{"code": {code}, "organisation": {"Flange Works"}, "name": {"The Boss"}, "account": {"boss"}, "password": {apitest.Password}}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f
	}
	for _, bad := range []struct {
		what   string
		form   url.Values
		status int
		says   string
	}{
		{"another code", form("code", "AAAAA-BBBBB-CCCCC-DDDDD"), http.StatusUnauthorized, "The one-time code is wrong"},
		{"no code", form("code", ""), http.StatusUnauthorized, "The one-time code is wrong"},
		{"no organisation", form("organisation", ""), http.StatusBadRequest, "The organisation&#39;s name is missing"},
		{"a short password", form("password", "short1"), http.StatusBadRequest, "This password cannot be used"},
	} {
		t.Run(bad.what, func(t *testing.T) {
			b.during(t)
			b.refused("/console/set-up", bad.form, bad.status, bad.says)
		})
	}
	b.post("/console/set-up", form(), "The cloud is set up")
	b.signIn("boss")
	b.get("/console/", "Flange Works")
	late := newBrowser(t, c)
	if a := late.do(http.MethodGet, "/console/set-up", nil, nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/console/sign-in" {
		t.Errorf("set-up of a cloud that is set up: %d %s", a.status, a.header.Get("Location"))
	}
	if a := late.send("/console/set-up", form()); a.status != http.StatusSeeOther || a.header.Get("Location") != "/console/sign-in" {
		t.Errorf("a second set-up: %d %s", a.status, a.header.Get("Location"))
	}
}
