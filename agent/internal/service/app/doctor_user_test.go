package app

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestRoom(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0 MiB", 64 << 20: "64.0 MiB", 1<<30 - 1: "1024.0 MiB", 1 << 30: "1.0 GiB", 64995 << 20: "63.5 GiB"} {
		if got := room(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCheckSignIn(t *testing.T) {
	li := api.AuthStatus{SignedIn: true, Account: "li"}
	said := func(code api.Code) func() error {
		return func() error {
			if code == api.OK {
				return nil
			}
			return &api.Error{Code: code}
		}
	}
	for _, c := range []struct {
		name   string
		auth   api.AuthStatus
		root   bool
		ask    func() error
		result string
		code   api.Code
	}{
		{"it holds", li, false, said(api.OK), checkOK, api.OK},
		{"the password was reset", li, false, said(api.SessionExpired), checkFailed, api.SessionExpired},
		{"nobody", api.AuthStatus{Reason: api.NotSignedIn}, false, said(api.OK), checkFailed, api.NotSignedIn},
		{"nobody, cloud away", api.AuthStatus{Reason: api.NotSignedIn}, false, nil, checkFailed, api.NotSignedIn},
		{"ended before", api.AuthStatus{Account: "li", Reason: api.SessionExpired}, false, said(api.OK), checkFailed, api.SessionExpired},
		{"cloud away", li, false, nil, checkSkipped, api.OK},
		{"root need not", api.AuthStatus{Reason: api.NotSignedIn}, true, said(api.OK), checkSkipped, api.OK},
		{"root did", li, true, said(api.SessionExpired), checkFailed, api.SessionExpired},
	} {
		for _, language := range []string{"en", "zh-CN"} {
			got := checkSignIn(c.auth, c.root, c.ask, language)
			if got.Result != c.result || got.Code != c.code || got.Tried == "" || got.Found == "" || (got.Do != "") != (c.result == checkFailed) {
				t.Errorf("%s, %s: %+v", c.name, language, got)
			}
		}
	}
}
