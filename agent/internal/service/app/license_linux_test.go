package app

import (
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestCachedLicenceFollowsTheSignIn: an application that opened before anybody
// signed in has in its cached state, in its own language, whatever came after,
// also what another application of the user did.
func TestCachedLicenceFollowsTheSignIn(t *testing.T) {
	a := run(t, dir(t), toCloud(t, cloudtest.New(t)))
	defer a.stop(t)
	open := func(language string) *sdk.Client {
		t.Helper()
		c, err := sdk.Init(t.Context(), sdk.Options{Endpoint: a.cfg.Socket, Product: "minicad", Language: language})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.ShutOut(); <-c.Done() })
		return c
	}
	first, other := open("zh-CN"), open("en")
	for _, step := range []struct {
		name  string
		do    func() error
		state string
		code  api.Code
	}{
		{"at first", func() error { return nil }, api.StateNone, api.NotSignedIn},
		{"sign-in", func() error { _, err := other.Login(t.Context(), cloudtest.Account, cloudtest.Password); return err }, api.StateUnknown, api.LicenseUnknown},
		{"licence", func() error { _, err := other.GetLicenseStringRequest(t.Context(), ""); return err }, api.StateValid, api.OK},
		{"sign-out", func() error { return other.Logout(t.Context()) }, api.StateNone, api.NotSignedIn},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		for language, c := range map[string]*sdk.Client{"zh-CN": first, "en": other} {
			st, _ := c.LicenseState()
			for end := time.Now().Add(10 * time.Second); (st.State != step.state || st.Code != step.code) && time.Now().Before(end); st, _ = c.LicenseState() {
				time.Sleep(5 * time.Millisecond)
			}
			reason := ""
			if step.code != api.OK {
				reason, _ = api.Text(step.code, language)
			}
			if st.State != step.state || st.Code != step.code || st.Reason != reason {
				t.Errorf("%s, %s: %+v", step.name, language, st)
			}
		}
	}
}
