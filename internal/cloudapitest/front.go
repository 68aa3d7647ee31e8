package cloudapitest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"time"
)

// Front stands before a cloud that is a process of its own: clients are told URL
// instead of the cloud's address and go on trusting the cloud's own CA file. A cloud
// that is away looks away: connections are cut without an answer.
type Front struct {
	URL string // https://127.0.0.1:port

	server *http.Server
	real   *http.Transport
	served chan error // what Serve returned; its goroutine ends with Close

	calls  sync.RWMutex // read while a call is carried; guards closed
	closed bool
}

// Front starts a front before the cloud at base, whose data folder is dir: the
// front's certificate is signed with the cloud's own CA. base must stay the cloud's
// address when it is started again. A nil contract has no front: its URL is base.
func (c *Contract) Front(dir, base string) (*Front, error) {
	if c == nil {
		return &Front{URL: base}, nil
	}
	to, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	own, pool, err := certificate(dir)
	if err != nil {
		return nil, fmt.Errorf("make the front's certificate: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0) // refused certificates and cut connections are the point of some tests
	f := &Front{URL: "https://" + l.Addr().String(), served: make(chan error, 1)}
	f.real = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, DisableCompression: true}
	f.server = &http.Server{ErrorLog: quiet, TLSConfig: &tls.Config{Certificates: []tls.Certificate{own}}, ReadHeaderTimeout: time.Minute,
		Handler: f.carry(&httputil.ReverseProxy{
			Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
			Transport:    c.Client(f.real),
			ErrorLog:     quiet,
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		})}
	go func() { f.served <- f.server.ServeTLS(l, "", "") }()
	return f, nil
}

// carry lets Close wait for the calls that are under way.
func (f *Front) carry(proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.calls.RLock()
		defer f.calls.RUnlock()
		if f.closed {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	})
}

// Close cuts what is under way and ends the front; nothing is reported after it.
func (f *Front) Close() {
	if f.server == nil {
		return
	}
	_ = f.server.Close() // an error of the listener's end changes nothing
	<-f.served
	f.calls.Lock()
	f.closed = true
	f.calls.Unlock()
	f.real.CloseIdleConnections()
}

// certificate makes a server certificate of the CA in dir, and a pool that trusts the CA.
func certificate(dir string) (tls.Certificate, *x509.CertPool, error) {
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: ca.Leaf.NotBefore, NotAfter: ca.Leaf.NotBefore.AddDate(0, 3, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.Leaf, key.Public(), ca.PrivateKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool, err
}
