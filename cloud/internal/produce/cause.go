package produce

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
)

// Cause is why a call came to nothing, as a word that pages have sentences for.
type Cause string

// Causes. The first seven are of Unreached.
const (
	CauseForbidden   Cause = "forbidden" // the platform does not call such an address
	CauseName        Cause = "name"      // does not resolve
	CauseCertificate Cause = "certificate"
	CauseTLS         Cause = "tls"
	CauseRefused     Cause = "refused" // nobody listens
	CauseTime        Cause = "time"
	CauseCut         Cause = "cut"
	CauseLarge       Cause = "large"
	CauseBodySign    Cause = "body_sign"
	CauseNoBodySign  Cause = "no_body_sign"
	CauseStatus      Cause = "status"
	CauseForm        Cause = "form"
)

// cause says in a word and in a sentence why a call came to nothing. The error itself is not shown: it holds
// the URL with its signature, and addresses of the operator's network.
func cause(err error) (Cause, string) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return CauseName, "the name of the address cannot be resolved"
	case errors.As(err, &cert):
		return CauseCertificate, "the certificate is not one that can be trusted for this name"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return CauseTLS, "the address does not speak TLS"
	case errors.Is(err, errRefused):
		return CauseRefused, "the connection is refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return CauseTime, "no complete answer in time"
	}
	// What the dialer itself refused is the innermost error, and says which address it was.
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text, own := strings.CutPrefix(e.Error(), "call merchant: "); own && errors.Unwrap(e) == nil {
			return CauseForbidden, text
		}
	}
	return CauseCut, "the connection has ended before the answer was complete"
}
