package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// licensed opens an application of the product minicad.
func licensed(t *testing.T, a *agent) *sdk.Client {
	t.Helper()
	c, err := sdk.Init(t.Context(), sdk.Options{Endpoint: a.cfg.Socket, Product: "minicad"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.ShutOut(); <-c.Done() })
	return c
}

// TestLicenceOfAPublisher: an application waits for its licence through the whole agent, at the real pace.
func TestLicenceOfAPublisher(t *testing.T) {
	fake := cloudtest.New(t)
	fake.Lock()
	p := fake.Products["minicad"]
	p.Event, p.Pending, p.RetryAfter = "87b94795-0603-4e24-8ae5-69420d60e3c8", 1, 1
	fake.Unlock()
	a := run(t, dir(t), toCloud(t, fake))
	defer a.stop(t)
	c := licensed(t, a)
	if _, err := c.Login(t.Context(), cloudtest.Account, cloudtest.Password); err != nil {
		t.Fatal(err)
	}
	op, err := c.GetLicenseStringRequest(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
	defer end()
	for waited := false; ; {
		e, err := c.NextEvent(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Operation != op:
		case e.Type == api.EventLicensePending:
			waited = true
			if st, err := c.Operation(t.Context(), op); err != nil || st.State != api.OpQueued || st.Waits == nil {
				t.Errorf("while it waits: %+v, %v", st, err)
			}
		default:
			if p := e.Envelope.Params; e.Type != api.EventLicenseVerify || p["LicenseContent"] != "MINICAD1|text" || !waited {
				t.Errorf("ended with %+v; waited: %v", e, waited)
			}
			return
		}
	}
}

// TestImportWithoutACloud: an agent that has no cloud at all checks a document with the administrator's keys.
func TestImportWithoutACloud(t *testing.T) {
	fake := cloudtest.New(t)
	res, err := fake.Server.Client().Get(fake.Server.URL + "/v1/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	keys, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	folder := dir(t)
	file := filepath.Join(folder, "keys.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	a := run(t, folder, func(c *Config) { c.LicenseKeys = file })
	c := licensed(t, a)
	print, err := c.Fingerprint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	fake.Lock()
	document := fake.SignImport(token.Import{ID: "87b94795-0603-4e24-8ae5-69420d60e3c8", Product: "minicad", Instance: "ins1", From: now.Add(-time.Hour), Until: now.Add(time.Hour),
		Form: token.FormFile, Content: bytes.Repeat([]byte{0xff}, 100_000), Fingerprint: token.FingerprintSum(print.Fingerprint), Issued: now})
	fake.Unlock()
	r, err := c.ImportLicense(t.Context(), []byte(document+"\n"))
	if err != nil || r.Product != "minicad" || !r.Bound {
		t.Fatalf("imported %+v, %v", r, err)
	}
	if st, err := c.RefreshLicenseState(t.Context()); err != nil || st.State != api.StateValid || st.Source != api.SourceImport {
		t.Errorf("state %+v, %v", st, err)
	}
	a.stop(t)

	for text, want := range map[string]string{"": "GET /v1/keys", `{"keys":[]}`: "holds 0 keys", strings.Repeat("x", maxKeys+1): "too large"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), a.cfg); err == nil || !strings.Contains(err.Error(), "setting license_keys") || !strings.Contains(err.Error(), want) {
			t.Errorf("keys %.20q: %v", text, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), a.cfg); err == nil || !strings.Contains(err.Error(), "setting license_keys") {
		t.Errorf("no key file: %v", err)
	}
}
