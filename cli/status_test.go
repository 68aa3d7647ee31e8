package main

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestWhoIsSignedIn(t *testing.T) {
	for _, c := range []struct {
		auth api.AuthStatus
		want string
	}{
		{api.AuthStatus{SignedIn: true, Account: "bob", Organisation: "Works"}, "bob, Works"},
		{api.AuthStatus{SignedIn: true, Account: "bob"}, "bob"},
		{api.AuthStatus{Account: "b\x1bob", Reason: api.SessionExpired}, "nobody; the sign-in of b?ob has ended"},
		{api.AuthStatus{Reason: api.NotSignedIn}, "nobody"},
	} {
		if got := (&app{language: "en"}).who(c.auth); got != c.want {
			t.Errorf("%+v: %q, want %q", c.auth, got, c.want)
		}
	}
}

// Progress never claims the whole before the end does.
func TestPercent(t *testing.T) {
	for _, c := range []struct{ done, total, want string }{
		{"0", "10", "  0 %"}, {"1", "3", " 30 %"}, {"99", "100", " 90 %"}, {"100", "100", ""}, {"101", "100", ""}, {"1", "0", ""}, {"-1", "5", ""}, {"x", "5", ""},
	} {
		if got := percent(c.done, c.total); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}
