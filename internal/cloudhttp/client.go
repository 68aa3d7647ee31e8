package cloudhttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Time-outs of one attempt. There is none for a whole transfer: as long as
// bytes move, it may last.
const (
	dialTimeout   = 10 * time.Second
	tlsTimeout    = 10 * time.Second
	headerTimeout = 30 * time.Second // from the request's last byte to the answer's head
	stallTimeout  = 60 * time.Second // with fewer bytes in both directions than the slowest line carries
	quietTimeout  = 8 * time.Second  // the same for a call that carries no content: somebody waits for it
	idleTimeout   = 90 * time.Second // an unused connection is closed
)

// Config of a Client.
type Config struct {
	Base  string // https://host[:port][/prefix]; empty makes every call api.CloudNotSet
	CAPEM []byte // further trusted CAs, PEM; the system's are always trusted
	Proxy string // "" and "system": as the environment says; "direct": none; else a proxy's URL
	Build string // ours, for the user agent

	// OnTime, when set, is told the cloud's time (whole seconds, from the Date of
	// a verified answer) once an answer. It may be called from any goroutine and
	// must return at once.
	OnTime func(server time.Time)
}

// Client calls the cloud. Its methods may be used from any goroutine.
type Client struct {
	base      *url.URL // nil when no cloud is set
	http      *http.Client
	proxy     string
	agent     string
	onTime    func(time.Time)
	wait      func(ctx context.Context, d time.Duration) error // between repeats; tests do not wait
	stall     time.Duration
	quiet     time.Duration
	reachable atomic.Bool
}

// New makes a client; it opens no connection. A base that is not https, a CA
// file without a certificate and an unusable proxy are api.InvalidArgument.
func New(c Config) (*Client, error) {
	cl := &Client{agent: "iscdesk/" + c.Build, onTime: c.OnTime, wait: clock.Wait, stall: stallTimeout, quiet: quietTimeout}
	if c.Base != "" {
		base, err := parseBase(c.Base)
		if err != nil {
			return nil, err
		}
		cl.base = base
	}
	roots, err := trust(c.CAPEM)
	if err != nil {
		return nil, err
	}
	proxy, err := parseProxy(c.Proxy)
	if err != nil {
		return nil, err
	}
	if cl.proxy, err = resolveProxy(proxy, cl.base); err != nil {
		return nil, err
	}
	cl.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    tlsTimeout,
			ResponseHeaderTimeout:  headerTimeout,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    4,
			MaxConnsPerHost:        16,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // bounds count what arrives; packs are compressed already
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A redirect is never the cloud's answer, but often a log-in page's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return cl, nil
}

// Base is the cloud's address as it stands in proofs, or empty.
func (c *Client) Base() string {
	if c.base == nil {
		return ""
	}
	return strings.TrimSuffix(c.base.String(), "/")
}

// Proxy is the setting with the environment resolved: "direct" or a URL. A
// worker, whose environment is built from nothing, gets this one.
func (c *Client) Proxy() string { return c.proxy }

// Reachable says whether the cloud could be used at the last call: it answered,
// be it with a refusal. Before the first call it is false.
func (c *Client) Reachable() bool { return c.reachable.Load() }

// Close closes unused connections; running calls end by their context.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func refuse(code api.Code, format string, args ...any) *api.Error {
	return &api.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, refuse(api.InvalidArgument, "cloud address %q: %v", base, err)
	case u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, refuse(api.InvalidArgument, "cloud address %q is not of the form https://host", base)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// trust is the system's roots plus those of the configuration.
func trust(pem []byte) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a bare system: the configured CA alone is trusted
	}
	if len(pem) > 0 && !roots.AppendCertsFromPEM(pem) {
		return nil, refuse(api.InvalidArgument, "the CA file holds no certificate")
	}
	return roots, nil
}

// Back-off of safe repeats.
const (
	attempts      = 3
	firstPause    = 200 * time.Millisecond
	maxRetryAfter = 10 * time.Second // a longer wish is the caller's to fulfil
)

// pause tells how long to wait before attempt n+1, or that it is not worth it.
func pause(n int, err error) (time.Duration, bool) {
	var r *Refusal
	if errors.As(err, &r) {
		switch {
		case r.Status != http.StatusTooManyRequests && r.Status != http.StatusServiceUnavailable &&
			r.Status != http.StatusBadGateway && r.Status != http.StatusGatewayTimeout:
			return 0, false
		case r.RetryAfter > maxRetryAfter:
			return 0, false
		case r.RetryAfter > 0:
			return r.RetryAfter, true
		}
	} else if api.CodeOf(err) != api.CloudUnreachable {
		return 0, false
	}
	d := firstPause << (2 * n)
	return d/2 + rand.N(d), true // jitter: machines that lost the cloud together do not return together
}
