package produce

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// CallTime is how long a merchant has for a whole answer (marketplace: transport requirements).
const CallTime = 5 * time.Second

// MaxAnswer bounds an answer's body in bytes.
const MaxAnswer = 64 << 10

// ChallengePath is where an address shows that it is the merchant's.
const ChallengePath = "/.well-known/iscdesk-merchant.txt"

// Reach is where calls to merchants may go. The zero value is what a platform on the
// internet wants: public addresses, port 443, the system's certificate authorities.
type Reach struct {
	Networks []netip.Prefix // further networks that may be called: an operator's own
	AnyPort  bool           // not 443 only
	Roots    *x509.CertPool // nil: the system's
}

// Caller makes HTTPS calls to merchants, and cannot be led anywhere else: a name counts for
// nothing, the address that it leads to is checked when the connection is opened, so a
// name that changes its address between a check and a call gains nothing either. Redirects are not
// followed, no proxy of the environment is used, answers are bounded. Its methods may be
// called from several goroutines.
type Caller struct {
	reach Reach
	http  *http.Client
}

// NewCaller makes a caller. It holds no connection between calls.
func NewCaller(r Reach) *Caller {
	c := &Caller{reach: r}
	d := &net.Dialer{Timeout: CallTime, Control: c.control}
	c.http = &http.Client{
		Timeout:       CallTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.Roots},
			DisableCompression:     true, // an answer is signed over the bytes that were sent
			MaxResponseHeaderBytes: 32 << 10,
			// Each call has a connection of its own: on a kept one, a call can fail only because the
			// merchant closes it at this moment, and each failure counts against the merchant.
			DisableKeepAlives: true,
		},
	}
	return c
}

var errNotPublic = errors.New("call merchant: the name leads to what is not a public address")

// control looks at the address that is about to be connected to.
func (c *Caller) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("call merchant: %s is no address", address)
	}
	if at.Port() != 443 && !c.reach.AnyPort {
		return fmt.Errorf("call merchant: port %d is not 443", at.Port())
	}
	ip := at.Addr().Unmap().WithZone("")
	for _, n := range c.reach.Networks {
		if n.Contains(ip) {
			return nil
		}
	}
	if !public(ip) {
		return errNotPublic // which one it is stays the operator's: a name may lead into its network
	}
	return nil
}

// notPublic are networks that are unicast and yet not on the internet, or that carry the address of
// another network inside. (RFC 6890 and its registries.)
var notPublic = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// unicast6 is the part of IPv6 that is given out on the internet.
var unicast6 = netip.MustParsePrefix("2000::/3")

// public says whether an address is one that anybody on the internet can have.
func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || (ip.Is6() && !unicast6.Contains(ip)) {
		return false
	}
	for _, n := range notPublic {
		if n.Contains(ip) {
			return false
		}
	}
	return true
}

// Base is the address that a URL stands below, in the one form in which addresses are
// compared. Refusal invalid_argument: what is not https with a domain name (an IP address is
// none) on port 443, unless any port is allowed.
func (c *Caller) Base(raw string) (string, error) {
	base, ok := meta.BaseOf(raw)
	if !ok {
		return "", meta.Refuse(cloudapi.ErrInvalid, "the address is https:// and a domain name", "member", "address")
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(base, "https://"), ":")
	if !domain(host) {
		return "", meta.Refuse(cloudapi.ErrInvalid, "the address has a domain name, not an IP address", "member", "address")
	}
	if port != "" && !c.reach.AnyPort {
		return "", meta.Refuse(cloudapi.ErrInvalid, "the address is on port 443", "member", "address")
	}
	return base, nil
}

// domain says whether host is a name. Its last label must begin with a letter: resolvers read
// "127.1" and "0x7f000001" as addresses.
func domain(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, r := range l {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	first := labels[len(labels)-1][0]
	return first >= 'a' && first <= 'z'
}

// Answer is what a merchant answered: nothing of it has been judged.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxAnswer
}

// errLarge is the failure of an answer over MaxAnswer: the half of it would be no answer.
var errLarge = errors.New("call merchant: the answer is too large")

// Do sends one request and reads the whole answer within CallTime, once: it repeats
// nothing. Errors are those of the network, of TLS, of an address that may not be called,
// and of an answer over MaxAnswer; a redirect is an answer like any other.
func (c *Caller) Do(r *http.Request) (Answer, error) {
	if _, err := c.Base("https://" + r.URL.Host); err != nil || r.URL.Scheme != "https" {
		return Answer{}, fmt.Errorf("call merchant: %s is not an address that may be called", r.URL.Redacted())
	}
	res, err := c.http.Do(r)
	if err != nil {
		return Answer{}, fmt.Errorf("call merchant: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	if err != nil {
		return Answer{}, fmt.Errorf("call merchant: read answer: %w", err)
	}
	if len(b) > MaxAnswer {
		return Answer{}, errLarge
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: b}, nil
}

// Shows asks an address for its challenge: nil when one of the lines of ChallengePath is it. Its errors are
// sentences that the merchant may read.
func (c *Caller) Shows(ctx context.Context, base, challenge string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+ChallengePath, nil)
	if err != nil {
		return fmt.Errorf("verify address: %w", err)
	}
	a, err := c.Do(r)
	if err != nil {
		_, why := cause(err) // the error itself names addresses of the operator's network
		return errors.New("verify address: " + why)
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("verify address: %s answers %d", ChallengePath, a.Status)
	}
	for line := range strings.SplitSeq(string(a.Body), "\n") {
		if strings.TrimSpace(line) == challenge {
			return nil
		}
	}
	return fmt.Errorf("verify address: %s does not show the challenge", ChallengePath)
}
