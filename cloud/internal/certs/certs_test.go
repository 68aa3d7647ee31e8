package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
)

const day = 24 * time.Hour

func pool(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		t.Fatal("the file of the authority holds no certificate")
	}
	return p
}

func (o *Own) leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	c, err := o.TLS().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

// TestNames: the certificate is good for every name it was asked for, and for no other.
func TestNames(t *testing.T) {
	dir, clk := t.TempDir(), clocktest.New(time.Now())
	o, err := Open(dir, []string{"cloud.example", "192.0.2.7", "localhost"}, clk)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "::1": true, "cloud.example": true, "192.0.2.7": true,
		"other.example": false, "192.0.2.8": false, "x.cloud.example": false} {
		_, err := o.leaf(t).Verify(x509.VerifyOptions{Roots: pool(t, dir), DNSName: name, CurrentTime: clk.Now()})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, want := Names([]string{"", "localhost", "a", "a"}), []string{"127.0.0.1", "localhost", "::1", "a"}; !reflect.DeepEqual(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, CAKeyFile)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 { // there it is atomicfile's access list
		t.Errorf("key of the authority: %v, %v", info, err)
	}
}

// TestServes speaks TLS with it: only those who know the authority get through.
func TestServes(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir, nil, clocktest.New(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	l := tls.NewListener(srv.Listener, o.TLS())
	srv.Listener = l
	srv.Config.ErrorLog = nil
	srv.Start()
	t.Cleanup(srv.Close)
	dial := func(roots *x509.CertPool) error {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", l.Addr().String(), &tls.Config{RootCAs: roots})
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := dial(pool(t, dir)); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	other := t.TempDir()
	if _, err := Open(other, nil, clocktest.New(time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := dial(pool(t, other)); err == nil {
		t.Error("with another cloud's authority the connection stands")
	}
}

func TestRenewal(t *testing.T) {
	dir, clk := t.TempDir(), clocktest.New(time.Now())
	o, err := Open(dir, nil, clk)
	if err != nil {
		t.Fatal(err)
	}
	first := o.leaf(t)
	clk.Advance(60*day - time.Second)
	if !o.leaf(t).Equal(first) {
		t.Error("renewed more than 30 days before its end")
	}
	clk.Advance(time.Second)
	second := o.leaf(t)
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed 30 days before its end")
	}
	if _, err := second.Verify(x509.VerifyOptions{Roots: pool(t, dir), DNSName: "localhost", CurrentTime: clk.Now()}); err != nil {
		t.Errorf("the renewed certificate: %v", err)
	}
	again, err := Open(dir, nil, clk)
	if err != nil || !again.ca.Equal(o.ca) {
		t.Errorf("opened again, another authority: %v", err)
	}
	clk.Advance(10*365*day - 61*day)
	if last := o.leaf(t); last.NotAfter.After(o.ca.NotAfter) {
		t.Error("the certificate ends after its authority")
	}
	clk.Advance(2 * day)
	if _, err := Open(dir, nil, clk); err == nil {
		t.Error("an authority that has ended was opened")
	}
}

// TestDamage: an authority is never replaced in silence, because every agent would be locked out.
func TestDamage(t *testing.T) {
	for _, tt := range []struct {
		name string
		hurt func(dir string) error
		ok   bool
	}{
		{"key gone", func(d string) error { return os.Remove(filepath.Join(d, CAKeyFile)) }, false},
		{"key empty", func(d string) error { return os.WriteFile(filepath.Join(d, CAKeyFile), nil, 0o600) }, false},
		{"certificate empty", func(d string) error { return os.WriteFile(filepath.Join(d, CAFile), nil, 0o600) }, false},
		{"certificate of another key", func(d string) error {
			if err := os.MkdirAll(filepath.Join(d, "other"), 0o700); err != nil {
				return err
			}
			if _, err := Open(filepath.Join(d, "other"), nil, clocktest.New(time.Now())); err != nil {
				return err
			}
			return os.Rename(filepath.Join(d, "other", CAFile), filepath.Join(d, CAFile))
		}, false},
		{"stopped between key and certificate at the first start", func(d string) error { return os.Remove(filepath.Join(d, CAFile)) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Open(dir, nil, clocktest.New(time.Now())); err != nil {
				t.Fatal(err)
			}
			if err := tt.hurt(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, nil, clocktest.New(time.Now())); (err == nil) != tt.ok {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

func TestOperatorsFiles(t *testing.T) {
	if _, err := Files(filepath.Join(t.TempDir(), "none"), "none"); err == nil {
		t.Error("missing files were taken")
	}
}
