package produce

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
)

// cause says in one sentence why a call came to nothing. The error itself is not shown: it holds the
// URL with its signature, and addresses of the operator's network.
func cause(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "the name of the address cannot be resolved"
	case errors.As(err, &cert):
		return "the certificate is not one that can be trusted for this name"
	case errors.As(err, &record):
		return "the address does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no complete answer in time"
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if text := err.Error(); strings.HasPrefix(text, "call merchant: ") || strings.HasPrefix(text, "remote error: tls") || strings.HasPrefix(text, "tls: ") {
		return text
	}
	return "the connection has ended before the answer was complete"
}
