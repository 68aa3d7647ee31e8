package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func TestServerNeedsNoToken(t *testing.T) {
	c := apitest.Start(t)
	var s cloudapi.Server
	c.Must(t, "GET", "/v1/server", nil, nil, &s, http.StatusOK)
	if !s.SetupDone || s.API != 1 || !s.Time.Equal(c.Clock.Now()) {
		t.Errorf("server: %+v", s)
	}
}

func TestSetupCode(t *testing.T) {
	c := apitest.Start(t)
	in := cloudapi.Setup{Code: "AAAAA-BBBBB-CCCCC-DDDDD", Account: "second", Name: "x", Password: apitest.Password, Organisation: "x"}
	c.Refused(t, "POST", "/v1/setup", nil, in, cloudapi.ErrSetupDone)
	if code, err := c.App.SetupCode(context.Background()); code != "" || err != nil {
		t.Errorf("a code after the setup: %q, %v", code, err)
	}
}

// TestSetupCodeOnce tries everything that may be wrong with the one-time code on a new store.
func TestSetupCodeOnce(t *testing.T) {
	clk := clocktest.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c := apitest.StartEmpty(t, func(conf *app.Config) { conf.Clock = clk })
	ctx := context.Background()
	try := func(code string) apitest.Answer {
		return c.Do(t, "POST", "/v1/setup", nil, cloudapi.Setup{Code: code, Account: "Boss", Name: "x", Password: apitest.Password, Organisation: "x"})
	}
	if got := try("AAAAA-BBBBB-CCCCC-DDDDD").Code(); got != cloudapi.ErrWrongCredentials {
		t.Errorf("without any code made: %q", got)
	}
	old, err := c.App.SetupCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.App.SetupCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := try(old).Code(); got != cloudapi.ErrWrongCredentials {
		t.Errorf("a code that was replaced: %q", got)
	}
	clk.Advance(24*time.Hour + time.Second)
	if got := try(code).Code(); got != cloudapi.ErrWrongCredentials {
		t.Errorf("a code that has ended: %q", got)
	}
	if code, err = c.App.SetupCode(ctx); err != nil {
		t.Fatal(err)
	}
	a := try(strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	if a.Status != http.StatusCreated || !strings.Contains(string(a.Body), `"boss"`) {
		t.Errorf("a good code in another spelling: %d %s", a.Status, a.Body)
	}
	if got := try(code).Code(); got != cloudapi.ErrSetupDone {
		t.Errorf("a used code: %q", got)
	}
}

func TestLoginRefusals(t *testing.T) {
	c := apitest.Start(t)
	d := c.Enrol(t, "desk")
	other := c.Enrol(t, "other")
	for _, tt := range []struct {
		name   string
		in     cloudapi.Login
		header http.Header
		want   string
	}{
		{"wrong password", cloudapi.Login{Account: "boss", Password: "wrong1password"}, nil, cloudapi.ErrWrongCredentials},
		{"unknown account", cloudapi.Login{Account: "nobody", Password: apitest.Password}, nil, cloudapi.ErrWrongCredentials},
		{"no account", cloudapi.Login{Password: apitest.Password}, nil, cloudapi.ErrInvalid},
		{"account with a slash", cloudapi.Login{Account: "a/b", Password: apitest.Password}, nil, cloudapi.ErrInvalid},
		{"no password", cloudapi.Login{Account: "boss"}, nil, cloudapi.ErrInvalid},
		{"password over its bound", cloudapi.Login{Account: "boss", Password: strings.Repeat("x", 513)}, nil, cloudapi.ErrInvalid},
		{"unknown device", cloudapi.Login{Account: "boss", Password: apitest.Password, Device: "dev_none"}, nil, cloudapi.ErrInvalid},
		{"another device's token", cloudapi.Login{Account: "boss", Password: apitest.Password, Device: d.ID},
			http.Header{cloudapi.HeaderDevice: {other.Token}}, cloudapi.ErrUnauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) { c.Refused(t, "POST", "/v1/login", tt.header, tt.in, tt.want) })
	}
	// The two refusals of a guesser are the same to the byte, so they tell nothing apart.
	known := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: "boss", Password: "wrong1password"})
	unknown := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: "nobody", Password: "wrong1password"})
	if string(known.Body) != string(unknown.Body) {
		t.Errorf("known account: %s, unknown account: %s", known.Body, unknown.Body)
	}
	var in cloudapi.Tokens
	c.Must(t, "POST", "/v1/login", http.Header{cloudapi.HeaderDevice: {d.Token}},
		cloudapi.Login{Account: "BOSS", Password: apitest.Password, Device: d.ID}, &in, http.StatusOK)
	if in.Me.Account != "boss" || in.Me.Role != "admin" || in.Me.Organisation != "Works" {
		t.Errorf("me: %+v", in.Me)
	}
}

// TestBackoff: known and unknown accounts are slowed down alike, also when guesses come at
// once, and a good log-in after the wait clears the count.
func TestBackoff(t *testing.T) {
	for _, account := range []string{"boss", "nobody"} {
		t.Run(account, func(t *testing.T) {
			c := apitest.Start(t)
			var wg sync.WaitGroup
			var mu sync.Mutex
			codes := map[string]int{}
			for range 20 {
				wg.Go(func() {
					a := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: account, Password: "wrong1password"})
					mu.Lock()
					defer mu.Unlock()
					codes[a.Code()]++
				})
			}
			wg.Wait()
			if codes[cloudapi.ErrWrongCredentials] != 5 || codes[cloudapi.ErrRateLimited] != 15 {
				t.Errorf("answers to 20 guesses at once: %v, want 5 looked at and 15 refused", codes)
			}
			a := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: account, Password: apitest.Password})
			if a.Code() != cloudapi.ErrRateLimited || a.Header.Get("Retry-After") == "" {
				t.Errorf("the right password within the wait: %d %s, Retry-After %q", a.Status, a.Code(), a.Header.Get("Retry-After"))
			}
			c.Clock.Advance(2 * time.Second)
			want := http.StatusOK
			if account == "nobody" {
				want = http.StatusUnauthorized
			}
			if a := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: account, Password: apitest.Password}); a.Status != want {
				t.Errorf("after the wait: %d %s", a.Status, a.Body)
			}
		})
	}
}

func TestTokensEndAndAreRevoked(t *testing.T) {
	c := apitest.Start(t)
	me := func(token string) string { return c.Do(t, "GET", "/v1/me", apitest.Bearer(token), nil).Code() }
	ann := c.Member(t, "ann", "member")
	if got := me(ann.AccessToken); got != "" {
		t.Fatalf("a fresh token: %s", got)
	}
	for _, tt := range []struct{ name, token string }{
		{"none", ""}, {"unknown", "iscu_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, {"of another kind", ann.RefreshToken},
		{"cut short", ann.AccessToken[:20]}, {"very long", "iscu_" + strings.Repeat("a", 5000)}, {"with a changed end", ann.AccessToken[:len(ann.AccessToken)-1] + "!"},
	} {
		if got := me(tt.token); got != cloudapi.ErrUnauthenticated {
			t.Errorf("token %s: %q", tt.name, got)
		}
	}
	for _, scheme := range []string{"", "Basic Ym9zczp4", "bearer", ann.AccessToken} {
		if got := c.Do(t, "GET", "/v1/me", http.Header{"Authorization": {scheme}}, nil).Code(); got != cloudapi.ErrUnauthenticated {
			t.Errorf("authorization %q: %q", scheme, got)
		}
	}
	t.Run("logout", func(t *testing.T) {
		again := c.Login(t, "ann")
		c.Must(t, "POST", "/v1/logout", apitest.Bearer(again.AccessToken), nil, nil, http.StatusNoContent)
		if got := me(again.AccessToken); got != cloudapi.ErrUnauthenticated {
			t.Errorf("access token after logout: %q", got)
		}
		c.Refused(t, "POST", "/v1/token", nil, cloudapi.Refresh{RefreshToken: again.RefreshToken, Attempt: "attempt-1"}, cloudapi.ErrUnauthenticated)
		if got := me(ann.AccessToken); got != "" {
			t.Errorf("another sign-in of the account after logout: %q", got)
		}
	})
	t.Run("revoked by an administrator", func(t *testing.T) {
		c.Must(t, "POST", "/v1/members/ann/revoke", apitest.Bearer(c.Boss.AccessToken), nil, nil, http.StatusNoContent)
		if got := me(ann.AccessToken); got != cloudapi.ErrUnauthenticated {
			t.Errorf("after revoke: %q", got)
		}
	})
	t.Run("expired", func(t *testing.T) {
		ann := c.Login(t, "ann")
		c.Clock.Advance(time.Hour - time.Millisecond)
		if got := me(ann.AccessToken); got != "" {
			t.Errorf("just before its end: %q", got)
		}
		c.Clock.Advance(time.Millisecond)
		if got := me(ann.AccessToken); got != cloudapi.ErrUnauthenticated {
			t.Errorf("at its end: %q", got)
		}
	})
	t.Run("removed account", func(t *testing.T) {
		boss, bob := c.Login(t, "boss"), c.Login(t, "ann")
		c.Must(t, "DELETE", "/v1/members/ann", apitest.Bearer(boss.AccessToken), nil, nil, http.StatusNoContent)
		if got := me(bob.AccessToken); got != cloudapi.ErrUnauthenticated {
			t.Errorf("after removal: %q", got)
		}
	})
}

func TestRefreshRotation(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration
		same bool // the repetition carries the same attempt
		more bool // a second repetition follows
		used bool // the successor was used before
		ok   bool
	}{
		{"repeated at once with the same attempt", 0, true, false, false, true},
		{"repeated after 50 minutes with the same attempt", 50 * time.Minute, true, false, false, true},
		{"repeated after a week with the same attempt", 7 * 24 * time.Hour, true, false, false, true},
		{"repeated twice", 0, true, true, false, true},
		{"used again with another attempt", 0, false, false, false, false},
		{"repeated after its successor was used", 0, true, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := apitest.Start(t)
			var first, second cloudapi.Tokens
			ask := cloudapi.Refresh{RefreshToken: c.Boss.RefreshToken, Attempt: "attempt-1"}
			c.Must(t, "POST", "/v1/token", nil, ask, &first, http.StatusOK)
			if first.Me.Account != "boss" || first.RefreshToken == c.Boss.RefreshToken {
				t.Fatalf("first exchange: %+v", first)
			}
			if got := c.Do(t, "GET", "/v1/me", apitest.Bearer(c.Boss.AccessToken), nil).Status; got != http.StatusOK {
				t.Errorf("the old access token during its hour: %d", got)
			}
			c.Clock.Advance(tt.wait)
			if !tt.same {
				ask.Attempt = "attempt-2"
			}
			if tt.more {
				c.Must(t, "POST", "/v1/token", nil, ask, nil, http.StatusOK)
			}
			if tt.used {
				c.Must(t, "POST", "/v1/token", nil, cloudapi.Refresh{RefreshToken: first.RefreshToken, Attempt: "attempt-5"}, nil, http.StatusOK)
			}
			a := c.Do(t, "POST", "/v1/token", nil, ask)
			if (a.Status == http.StatusOK) != tt.ok {
				t.Fatalf("repetition: %d %s", a.Status, a.Body)
			}
			if tt.ok {
				c2 := c.Do(t, "GET", "/v1/me", apitest.Bearer(first.AccessToken), nil)
				c.Must(t, "POST", "/v1/token", nil, cloudapi.Refresh{RefreshToken: first.RefreshToken, Attempt: "attempt-3"}, &second, http.StatusOK)
				if c2.Status != http.StatusOK || !strings.Contains(string(a.Body), first.AccessToken) {
					t.Errorf("the repetition must give the first answer again: %s", a.Body)
				}
				return
			}
			for _, token := range []string{c.Boss.AccessToken, first.AccessToken} {
				if got := c.Do(t, "GET", "/v1/me", apitest.Bearer(token), nil).Code(); got != cloudapi.ErrUnauthenticated {
					t.Errorf("an access token of a family with a stolen refresh token: %q", got)
				}
			}
			c.Refused(t, "POST", "/v1/token", nil, cloudapi.Refresh{RefreshToken: first.RefreshToken, Attempt: "attempt-4"}, cloudapi.ErrUnauthenticated)
		})
	}
	t.Run("expired", func(t *testing.T) {
		c := apitest.Start(t)
		c.Clock.Advance(30 * 24 * time.Hour)
		c.Refused(t, "POST", "/v1/token", nil, cloudapi.Refresh{RefreshToken: c.Boss.RefreshToken, Attempt: "attempt-1"}, cloudapi.ErrUnauthenticated)
	})
}

// TestTokensAreHashed looks for secrets in everything that the store keeps.
func TestTokensAreHashed(t *testing.T) {
	c := apitest.Start(t)
	if _, err := c.Store.Bearer(context.Background(), meta.HashOf(c.Boss.AccessToken), c.Clock.Now()); err != nil {
		t.Fatalf("the hash finds the token: %v", err)
	}
	for _, secret := range []string{c.Boss.AccessToken[5:], c.Boss.RefreshToken[5:], apitest.Password} {
		apitest.NotInFiles(t, c.Data, secret)
	}
}

func TestRateLimits(t *testing.T) {
	c := apitest.Start(t, func(conf *app.Config) {
		conf.Limits = limit.Limits{StrictRate: 1, StrictBurst: 4, AddressRate: 1, AddressBurst: 6, AccountRate: 1, AccountBurst: 5}
	})
	last := func(n int, f func() apitest.Answer) (out []int) {
		for range n {
			out = append(out, f().Status)
		}
		return out
	}
	t.Run("log-in by address", func(t *testing.T) {
		// The harness has used two up: setup and one log-in.
		got := last(3, func() apitest.Answer {
			return c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: "boss", Password: apitest.Password})
		})
		if got[1] != 200 || got[2] != 429 {
			t.Errorf("statuses %v", got)
		}
		c.Clock.Advance(1100 * time.Millisecond)
		if got := c.Do(t, "POST", "/v1/login", nil, cloudapi.Login{Account: "boss", Password: apitest.Password}).Status; got != 200 {
			t.Errorf("after a second: %d", got)
		}
	})
	t.Run("open routes by address", func(t *testing.T) {
		got := last(8, func() apitest.Answer { return c.Do(t, "GET", "/v1/server", nil, nil) })
		if got[0] != 200 || got[7] != 429 {
			t.Errorf("statuses %v", got)
		}
	})
	t.Run("by account", func(t *testing.T) {
		got := last(7, func() apitest.Answer { return c.Do(t, "GET", "/v1/me", apitest.Bearer(c.Boss.AccessToken), nil) })
		if got[0] != 200 || got[6] != 429 {
			t.Errorf("statuses %v", got)
		}
	})
}
