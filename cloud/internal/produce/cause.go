package produce

import (
	"crypto/tls"
	"errors"
	"net"
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
	// What the dialer itself refused is the innermost error, and says which address it was.
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text, own := strings.CutPrefix(e.Error(), "call merchant: "); own && errors.Unwrap(e) == nil {
			return text
		}
	}
	return "the connection has ended before the answer was complete"
}
