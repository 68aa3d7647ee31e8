// Package apitest starts the whole cloud in a test, over TLS on loopback with a store of
// its own, and holds every request and every answer against cloud/openapi.yaml. Only
// tests below cloud/ may import it; other parts start the binary. It never mocks anything
// but the clock.
package apitest

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/need"
)

// Password is good for every account that the harness makes.
const Password = "correct1horse"

// Cloud is a running cloud with an administrator "boss" of the organisation "Works".
type Cloud struct {
	URL   string // https://127.0.0.1:port
	App   *app.App
	Store meta.Store
	Clock *clocktest.Clock
	HTTP  *http.Client // checks against the OpenAPI file (not in a benchmark); trusts the cloud's certificate
	Plain *http.Client // the same without the checks, for requests that break off: the checks read a body whole before it is sent
	Data  string       // the data folder
	Boss  cloudapi.Tokens
}

// Start brings a cloud up with its first administrator; it ends with the test. change may alter
// the configuration (not the clock: StartEmpty takes another one).
func Start(t testing.TB, change ...func(*app.Config)) *Cloud {
	t.Helper()
	c := StartEmpty(t, change...)
	c.setup(t)
	return c
}

// StartEmpty is Start without any account; Boss is zero. A goroutine that is left after the test fails
// it, so tests with a cloud do not run in parallel.
func StartEmpty(t testing.TB, change ...func(*app.Config)) *Cloud {
	t.Helper()
	need.NoLeak(t)
	// A fixed day far from every border; certificates of the test server do not use this clock.
	clk := clocktest.New(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))
	conf := app.Config{
		Data: t.TempDir(), Clock: clk, Log: slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Build: "test",
		// The cheapest hash: the tests try rules, not costs. The clock stands still, so nothing is refilled.
		Passwords: password.Params{Time: 1, Memory: 64, Threads: 1},
		Limits:    limit.Limits{StrictBurst: 5000, AddressBurst: 50000, AccountBurst: 500000},
	}
	for _, f := range change {
		f(&conf)
	}
	a, err := app.Open(context.Background(), conf)
	if err != nil {
		t.Fatalf("open cloud: %v", err)
	}
	srv := httptest.NewUnstartedServer(a)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Errorf("close cloud: %v", err)
		}
	})
	c := &Cloud{URL: srv.URL, App: a, Store: a.Store, Clock: clk, Plain: srv.Client(), Data: conf.Data}
	c.HTTP = &http.Client{Transport: cloudapitest.For(t).Client(srv.Client().Transport), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func (c *Cloud) setup(t testing.TB) {
	t.Helper()
	code, err := c.App.SetupCode(context.Background())
	if err != nil || code == "" {
		t.Fatalf("make setup code: %q, %v", code, err)
	}
	in := cloudapi.Setup{Code: code, Account: "boss", Name: "The Boss", Password: Password, Organisation: "Works"}
	c.Must(t, "POST", "/v1/setup", nil, in, nil, http.StatusCreated)
	c.Boss = c.Login(t, "boss")
}

// Login signs an account in with Password.
func (c *Cloud) Login(t testing.TB, account string) cloudapi.Tokens {
	t.Helper()
	var out cloudapi.Tokens
	c.Must(t, "POST", "/v1/login", nil, cloudapi.Login{Account: account, Password: Password}, &out, http.StatusOK)
	return out
}

// Member adds an account of the organisation and signs it in.
func (c *Cloud) Member(t testing.TB, account, role string) cloudapi.Tokens {
	t.Helper()
	in := cloudapi.NewMember{Account: account, Name: "Member " + account, Password: Password, Role: role}
	c.Must(t, "POST", "/v1/members", Bearer(c.Boss.AccessToken), in, nil, http.StatusCreated)
	return c.Login(t, account)
}

// Stranger makes an organisation of its own with an administrator, and signs that one in: whoever
// must not see anything of "Works".
func (c *Cloud) Stranger(t testing.TB, account string) cloudapi.Tokens {
	t.Helper()
	hash, err := password.New(password.Params{Time: 1, Memory: 64, Threads: 1}, 1).Hash(context.Background(), Password)
	if err != nil {
		t.Fatal(err)
	}
	a := meta.Account{Account: account, Name: "Stranger " + account, Role: meta.RoleAdmin, Org: meta.NewID("org"), OrgName: "Elsewhere",
		Password: hash, Created: meta.Stamp(c.Clock.Now())}
	if err := c.Store.AddOrganisation(context.Background(), a, meta.Entry{}); err != nil {
		t.Fatalf("add organisation: %v", err)
	}
	return c.Login(t, account)
}

// NotInFiles fails the test when a file below dir holds the secret.
func NotInFiles(t testing.TB, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s holds a secret in the clear", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Logf("cloud: %s", b)
	return len(b), nil
}
