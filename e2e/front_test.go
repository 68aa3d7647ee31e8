//go:build linux

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
)

// front stands between the agent, its workers and the real cloud, and holds every
// request and answer against cloud/openapi.yaml. A cloud that is away looks away.
func front(t *testing.T, dir string) func(*desk.Cloud) (*desk.Cloud, error) {
	return func(c *desk.Cloud) (*desk.Cloud, error) {
		ca, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("no certificate in %s", c.CAFile)
		}
		to, err := url.Parse(c.Base)
		if err != nil {
			return nil, err
		}
		real := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
		proxy := &httputil.ReverseProxy{
			Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
			Transport:    cloudapitest.Client(t, real),
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		}
		seen := httptest.NewTLSServer(proxy)
		t.Cleanup(func() {
			seen.Close()
			real.CloseIdleConnections()
		})
		file := filepath.Join(dir, "front.pem")
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: seen.Certificate().Raw})
		return &desk.Cloud{Base: seen.URL, CAFile: file}, os.WriteFile(file, text, 0o644)
	}
}
