// Package openapi is an ISV's client of the marketplace's open API: it asks for orders, uploads
// licences, activates and queries authorization codes, reports use and pushes usage. It runs in the ISV's server.
//
// Every call is checked against the interface's table before anything is sent, signed with AK/SK anew for
// each attempt, and repeated only as far as the marketplace can tell a repeat from a second wish: see calls.
// A Client must never follow a redirect, take an unverified certificate, or repeat a call blindly that is
// not one of these. It keeps no state and no connection; its methods may be called by any
// goroutine and return when their context ends.
package openapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
)

// Config is what New needs. Keys and Primary must be set.
type Config struct {
	Keys sign.KeyPair // AK/SK of "My Credentials"
	// Primary and Fallback are https://host[:port] without a path; Fallback may be "". The marketplace's own are
	// https://mkt.myhuaweicloud.com (China), https://mkt-intl.myhuaweicloud.com (international) and
	// https://mkt.myhuaweicloud.eu (Europe).
	Primary, Fallback string
	// UsageKey signs the body of usage pushes on the new path: the access key of the production interface.
	UsageKey string
	// RootCAs are who may sign the hosts' certificates; nil for the system's. There is no way not to check.
	RootCAs *x509.CertPool
	// Attempts is how often a call that may be repeated is sent in all; 0 for 4.
	Attempts int
	// Timeout is what one attempt may last; 0 for 15 s. Uploads have UploadTimeout, 0 for 2 minutes.
	Timeout, UploadTimeout time.Duration
	// Now is the time that requests are signed with; nil for the machine's.
	Now      func() time.Time
	Readings Readings
}

// Readings are choices where the marketplace's pages contradict each other or leave several. The zero value is ours.
type Readings struct {
	// CharactersAsJSON uploads characters as application/json, which the page on headers demands of all requests. Ours: as multipart, the
	// form of the upload's only sample.
	CharactersAsJSON bool
	// FileCharacters sends characters beside a file, its name without the ending, as the page's sample does. Ours: none, since the
	// page's table has them for the other type.
	FileCharacters bool
	// NeedHeartbeatInfo refuses a heartbeat without heartbeatInfo, mandatory in an older edition. Ours: it may be missing, and is deprecated.
	NeedHeartbeatInfo bool
	// SmallUsage lets a usage push carry 100 records, as one page has it. Ours: 1000, as the push's own page has it.
	SmallUsage bool
	// OmitFileName leaves file_name out of an upload's JSON part, as the page's sample does. We send it, because the
	// page's table demands it for files.
	OmitFileName bool
	// HashUploads signs the hash of an upload's whole multipart body. We sign UNSIGNED-PAYLOAD, which the vendor's SDK does for
	// every body that is not JSON; the file has a SHA-256 of its own in the request.
	HashUploads bool
}

const (
	defaultAttempts = 4
	maxAttempts     = 20
	dialTime        = 5 * time.Second
)

// Client calls the open API. Make it with New, end it with Close.
type Client struct {
	config Config
	hosts  []string
	http   *http.Client
	// Between attempts, and around each of them. Tests exchange both.
	pause func(ctx context.Context, d time.Duration) error
	limit func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// New checks the configuration and returns a client. It connects to nothing.
func New(c Config) (*Client, error) {
	if c.Keys.Access == "" || c.Keys.Secret == "" {
		return nil, errors.New("make client: no access key or no secret")
	}
	hosts := []string{c.Primary}
	if c.Fallback != "" {
		hosts = append(hosts, c.Fallback)
	}
	for _, h := range hosts {
		u, err := url.Parse(h)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || h != "https://"+u.Host {
			return nil, fmt.Errorf("make client: host %q, want https://host[:port]", h)
		}
	}
	if c.Attempts < 0 || c.Attempts > maxAttempts || c.Timeout < 0 || c.UploadTimeout < 0 {
		return nil, fmt.Errorf("make client: attempts are 0 to %d, times not negative", maxAttempts)
	}
	if c.Attempts == 0 {
		c.Attempts = defaultAttempts
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.UploadTimeout == 0 {
		c.UploadTimeout = 2 * time.Minute
	}
	if c.Now == nil {
		c.Now = clock.System{}.Now
	}
	return &Client{
		config: c,
		hosts:  hosts,
		http: &http.Client{
			// HTTP/1.1 only: whether a request was sent can then be told exactly.
			Transport: &http.Transport{
				TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
				DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
				TLSHandshakeTimeout:    dialTime,
				MaxResponseHeaderBytes: 64 << 10,
				DisableCompression:     true, // an answer's bound is one of what it unpacks to
				// A connection that was kept may be dead, which shows only when the request has left: a call that
				// must not be repeated would be lost for nothing.
				DisableKeepAlives: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pause: clock.Wait,
		limit: context.WithTimeout,
	}, nil
}

// Close releases what the client holds. Calls that run are not disturbed.
func (c *Client) Close() { c.http.CloseIdleConnections() }
