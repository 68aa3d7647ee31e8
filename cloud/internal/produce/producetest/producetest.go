// Package producetest is a merchant's server for tests of whoever calls merchants: TLS with an
// authority of its own, under a name that resolves to this machine. Only tests import it. It
// answers nothing by itself: the handler is the test's.
package producetest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/certs"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// Server is a merchant's server that is running.
type Server struct {
	Base   string        // https://localhost:port
	Reach  produce.Reach // with which it can be called: this machine, any port, its authority
	CAFile string        // the authority as a file, for --merchant-ca
}

// Start serves the handler until the test ends.
func Start(t testing.TB, h http.Handler) *Server {
	t.Helper()
	dir := t.TempDir()
	own, err := certs.Open(dir, nil, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, certs.CAFile)
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's file has no certificate")
	}
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = own.TLS()
	srv.TLS.MinVersion = tls.VersionTLS12
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Base: "https://localhost:" + port, CAFile: ca,
		Reach: produce.Reach{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, AnyPort: true, Roots: roots}}
}
