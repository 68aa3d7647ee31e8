package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// otherCA is the file of an authority that signed nothing here.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDoctorWithACloud goes through what the doctor reads from a cloud's answer:
// the certificate, what answered, and the time.
func TestDoctorWithACloud(t *testing.T) {
	const local = "agent ok, state ok, disk ok, "
	tests := []struct {
		name   string
		outage string
		other  bool          // the agent trusts another authority
		ahead  time.Duration // of the cloud's clock
		want   string
		check  string // the check that bears the code
		code   api.Code
	}{
		{"all is well", cloudtest.Up, false, 0, "cloud ok, tls ok, proxy ok, clock ok", "cloud", api.OK},
		{"clocks apart within the limit", cloudtest.Up, false, clockSlack - 20*time.Second, "cloud ok, tls ok, proxy ok, clock ok", "clock", api.OK},
		{"the cloud is ahead", cloudtest.Up, false, clockSlack + 20*time.Second, "cloud ok, tls ok, proxy ok, clock warning", "clock", api.ClockSuspect},
		{"the cloud is behind", cloudtest.Up, false, -clockSlack - 20*time.Second, "cloud ok, tls ok, proxy ok, clock warning", "clock", api.ClockSuspect},
		{"another authority", cloudtest.Up, true, 0, "cloud failed, tls failed, proxy ok, clock skipped", "tls", api.CloudUntrusted},
		{"a page instead of an answer", cloudtest.HTML, false, 0, "cloud failed, tls ok, proxy ok, clock skipped", "cloud", api.CloudAnswer},
		{"the cloud hit a defect", cloudtest.Broken, false, 0, "cloud failed, tls ok, proxy ok, clock skipped", "cloud", api.CloudAnswer},
		{"hung up", cloudtest.Down, false, 0, "cloud failed, tls skipped, proxy ok, clock skipped", "cloud", api.CloudUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := cloudtest.New(t)
			fake.Now = func() time.Time { return time.Now().Add(tt.ahead) }
			fake.Set(tt.outage)
			settings := toCloud(t, fake)
			a := run(t, dir(t), func(c *Config) {
				if settings(c); tt.other {
					c.CA = otherCA(t)
				}
			})
			defer a.stop(t)
			all := checks(t, a)
			if got := results(all); got != local+tt.want || all[tt.check].Code != tt.code {
				t.Errorf("got  %s (%d: %s)\nwant %s (%d)", got, all[tt.check].Code, all[tt.check].Found, local+tt.want, tt.code)
			}
			if strings.Contains(all[tt.check].Do, "doctor") {
				t.Errorf("the doctor sends to itself: %s", all[tt.check].Do)
			}
			if c := all[tt.check]; tt.code != api.OK && c.Do == "" {
				t.Errorf("says nothing to do: %+v", c)
			}
		})
	}
}

// TestDoctorAsksWhetherTheSignInHolds: a sign-in that was revoked elsewhere is found,
// and the status knows it from then on.
func TestDoctorAsksWhetherTheSignInHolds(t *testing.T) {
	fake := cloudtest.New(t)
	a := run(t, dir(t), toCloud(t, fake))
	defer a.stop(t)
	link, _ := a.connect(t, "")
	if err := link.Call(t.Context(), api.MethodAuthLogin, api.AuthLogin{Account: cloudtest.Account, Password: cloudtest.Password}, nil); err != nil {
		t.Fatal(err)
	}
	all := checks(t, a)
	if c := all["sign-in"]; c.Result != checkOK || c.Found != cloudtest.Account {
		t.Errorf("signed in: %+v", c)
	}
	if c, there := all["files"]; there != (os.Geteuid() == 0) || there && c.Result != checkWarning {
		t.Errorf("who asks: %+v", c)
	}
	fake.RevokeAll()
	if c := checks(t, a)["sign-in"]; c.Result != checkFailed || c.Code != api.SessionExpired {
		t.Errorf("revoked: %+v", c)
	}
	var st api.Status
	if err := link.Call(t.Context(), api.MethodStatus, nil, &st); err != nil || st.Auth.SignedIn || st.Auth.Reason != api.SessionExpired {
		t.Errorf("status %+v, %v", st, err)
	}
}
